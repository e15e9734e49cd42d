"""Compares random images with the product, in the terms of the naive model."""

from __future__ import annotations

from collections.abc import Sequence

from layerscope.analysis.accounting import account
from layerscope.analysis.compare.files import FileChanges, compare_files
from layerscope.filesystem.changes import WHY_NAMES
from layerscope.filesystem.compare_contents import compare_versions
from layerscope.filesystem.model import Filesystem
from layerscope.image.history import align
from layerscope.image.model import Image, ImageConfig, Layer
from layerscope.image.platform import Platform
from layerscope.layers.blob import MemoryBlob
from layerscope.layers.contents import LayerContents
from layerscope.layers.indexing import index_layer
from layerscope.opening.open import Opened
from layerscope.progress import NullProgress
from layerscope.words import Change
from tests import naive
from tests.filesystem.stacking import LIMITS
from tests.images import Member, digest, layer_tar

Layers = Sequence[Sequence[Member]]


def side(layers: Layers, *, hash_all: bool = True, claim: bool = True) -> Opened:
    """An image of these layers; with `claim`, it states their digests."""
    blobs = [
        MemoryBlob(f"layer {number}", layer_tar(members)) for number, members in enumerate(layers)
    ]
    indexes = [index_layer(blob, LIMITS, NullProgress(), hash_all=hash_all) for blob in blobs]
    contents = [
        LayerContents(blob, index, LIMITS) for blob, index in zip(blobs, indexes, strict=True)
    ]
    filesystem = Filesystem.stack(indexes)
    compare_versions(filesystem, contents, NullProgress())
    steps, _ = align([], len(layers))
    ids = [digest(layer_tar(members)) if claim else None for members in layers]
    image = Image(
        reference="random",
        tags=(),
        id=None,
        manifest_digest=None,
        created=None,
        platform=Platform("linux", "amd64"),
        source_kind="oci",
        location="random",
        config=ImageConfig(),
        steps=steps,
        layers=tuple(
            Layer(number, number, known, known, None, None, None)
            for number, known in enumerate(ids)
        ),
        alternatives=(),
        warnings=(),
    )
    return Opened(
        image,
        indexes,
        contents,
        filesystem,
        account(filesystem, indexes),
        None,
        (),
        None,
    )


def changes_of(
    old: Opened, new: Opened, *, mtime: bool = False, only: Sequence[str] = ()
) -> FileChanges:
    """The paths that differ."""
    return compare_files(old, new, NullProgress(), mtime=mtime, only=only)


def by_path(changes: FileChanges) -> dict[bytes, tuple[str, list[str], int, int]]:
    """The difference at each path: kind, attributes, and bytes before and after."""
    return {
        path: (
            Change(kind).json_name,
            sorted(name for bit, name in WHY_NAMES.items() if why & bit),
            before,
            after,
        )
        for path, kind, why, before, after in zip(
            changes.table.full_paths(changes.paths),
            changes.kinds.tolist(),
            changes.why.tolist(),
            changes.old_bytes.tolist(),
            changes.new_bytes.tolist(),
            strict=True,
        )
    }


def final_tree(layers: Layers) -> dict[bytes, naive.Inode]:
    """The final tree, by path."""
    filesystem = naive.Filesystem()
    for members in layers:
        filesystem.apply([member for member in members if member.type != b"g"])
    return filesystem.tree


def naive_changes(
    old: Layers, new: Layers, *, mtime: bool
) -> dict[bytes, tuple[str, list[str], int, int]]:
    """The differences, found path by path."""
    before, after = final_tree(old), final_tree(new)
    found: dict[bytes, tuple[str, list[str], int, int]] = {}
    for path in naive.in_path_order(before.keys() | after.keys()):
        first, second = before.get(path), after.get(path)
        sizes = (len(first.content) if first else 0, len(second.content) if second else 0)
        if first is None or second is None:
            found[path] = ("added" if first is None else "removed", [], *sizes)
            continue
        why = naive.differences(first, second)
        if not mtime:
            why.discard("mtime")
        if why:
            substance = why & {"type", "content", "target", "device"}
            found[path] = ("modified" if substance else "metadata", sorted(why), *sizes)
    return found


def live_bytes(layers: Layers) -> dict[bytes, int]:
    """Content bytes below each directory, each content once."""
    return {
        path: total.size for path, total in naive.measure(layers).layers[-1].directories.items()
    }
