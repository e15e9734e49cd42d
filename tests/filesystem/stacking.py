"""Stacks images, and converts the results to the classes of the naive model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from layerscope.analysis.accounting import Accounting, account
from layerscope.analysis.duplicates import Duplicates, find_duplicates
from layerscope.analysis.steps import step_kind
from layerscope.filesystem.changes import WHY_NAMES
from layerscope.filesystem.compare_contents import compare_versions
from layerscope.filesystem.model import Filesystem
from layerscope.layers.blob import MemoryBlob
from layerscope.layers.contents import LayerContents
from layerscope.layers.index import KIND_NAMES, Kind, LayerIndex
from layerscope.layers.indexing import index_layer
from layerscope.limits import Limits
from layerscope.progress import NullProgress
from layerscope.words import REASONS, Change
from tests import naive
from tests.images import Member, layer_tar

LIMITS = Limits()


@dataclass(frozen=True)
class Stacked:
    """A stacked image with its accounting and duplicates."""

    indexes: list[LayerIndex]
    contents: list[LayerContents]
    filesystem: Filesystem
    accounting: Accounting
    duplicates: Duplicates


def stack(
    layers: Sequence[Sequence[Member]], *, hash_all: bool = True, one_by_one: bool | None = None
) -> Stacked:
    """Index and stack layers: with contents hashed while indexing or read later, vectorised or one by one."""
    blobs = [
        MemoryBlob(f"layer {number}", layer_tar(members)) for number, members in enumerate(layers)
    ]
    indexes = [index_layer(blob, LIMITS, NullProgress(), hash_all=hash_all) for blob in blobs]
    contents = [
        LayerContents(blob, index, LIMITS) for blob, index in zip(blobs, indexes, strict=True)
    ]
    filesystem = Filesystem.stack(indexes, one_by_one=one_by_one)
    compare_versions(filesystem, contents, NullProgress())
    return Stacked(
        indexes,
        contents,
        filesystem,
        account(filesystem, indexes),
        find_duplicates(filesystem, contents, NullProgress()),
    )


def visible_tree(stacked: Stacked, layer: int) -> dict[bytes, naive.Row]:
    """The tree after a layer, with contents."""
    filesystem = stacked.filesystem
    inodes, columns = filesystem.inodes, filesystem.inodes.columns
    tree = {}
    for row in np.flatnonzero(filesystem.visible(layer)).tolist():
        inode = int(filesystem.inode_of[row])
        kind = Kind(int(columns.kinds[inode]))
        known = inode != inodes.implicit
        stored_in = inodes.layer(inode) if known else 0
        content = b""
        if kind is Kind.FILE:
            content = b"".join(
                stacked.contents[stored_in].chunks(inode - int(inodes.first[stored_in]))
            )
        linked = kind in (Kind.SYMLINK, Kind.BROKEN_LINK)
        tree[filesystem.table.full(int(filesystem.paths[row]))] = naive.Row(
            kind=KIND_NAMES[kind],
            size=int(filesystem.stored[row]),
            mode=int(columns.modes[inode]) if known else None,
            uid=int(columns.uids[inode]) if known else None,
            gid=int(columns.gids[inode]) if known else None,
            mtime=int(columns.mtimes[inode]) if known else None,
            target=inodes.links[int(columns.links[inode])] if linked else None,
            content=content,
        )
    return tree


def changes_of(stacked: Stacked, layer: int) -> dict[bytes, naive.Change]:
    """The changes of a layer, by path."""
    filesystem = stacked.filesystem
    changes = filesystem.changes
    span = changes.of_layer(layer)
    return {
        filesystem.table.full(path): naive.Change(
            Change(change).json_name,
            sorted(name for bit, name in WHY_NAMES.items() if why & bit),
        )
        for path, change, why in zip(
            changes.paths[span].tolist(),
            changes.kinds[span].tolist(),
            changes.why[span].tolist(),
            strict=True,
        )
    }


def waste_of(stacked: Stacked) -> list[naive.Waste]:
    """All waste records, sorted."""
    waste, table = stacked.accounting.waste, stacked.filesystem.table
    return sorted(
        naive.Waste(table.full(path), size, REASONS[reason].value, stored_in, hidden_by)
        for path, size, reason, stored_in, hidden_by in zip(
            waste.paths.tolist(),
            waste.bytes.tolist(),
            waste.reasons.tolist(),
            waste.stored_in.tolist(),
            waste.hidden_by.tolist(),
            strict=True,
        )
    )


def assert_equals_naive(
    layers: Sequence[Sequence[Member]], stacked: Stacked, truth: naive.Truth
) -> None:
    """Assert that every figure and every tree equals that of the naive model."""
    accounting, filesystem = stacked.accounting, stacked.filesystem
    assert (truth.entries, truth.files, truth.paths) == (
        accounting.entries,
        accounting.files,
        accounting.paths,
    )
    assert (truth.stored_bytes, truth.live_bytes, truth.wasted_bytes) == (
        accounting.stored,
        accounting.live,
        accounting.wasted,
    )
    assert sorted(truth.waste) == waste_of(stacked)
    for number in range(len(layers)):
        expected, actual = truth.layers[number], accounting.layers[number]
        assert (
            expected.entries,
            expected.whiteouts,
            expected.stored_bytes,
            expected.net_bytes,
            expected.wasted_bytes,
            expected.hides_bytes,
        ) == (
            actual.entries,
            actual.whiteouts,
            actual.stored,
            actual.net,
            actual.wasted,
            actual.hides,
        )
        assert expected.tree == visible_tree(stacked, number)
        assert expected.changes == changes_of(stacked, number)
        assert expected.kind == step_kind(filesystem, stacked.indexes[number], number)
        totals = filesystem.totals(filesystem.visible(number))
        for path, total in expected.directories.items():
            found = filesystem.table.find(path)
            assert found is not None
            assert total.size == totals.bytes[found], path
    expected_duplicates = sorted(
        (found.size, found.saving, list(found.paths)) for found in truth.duplicates
    )
    assert expected_duplicates == sorted(
        (found.bytes, found.saving, [filesystem.table.full(path) for path in found.paths])
        for found in stacked.duplicates
    )
