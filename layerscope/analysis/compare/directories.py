"""Differences between two images, grouped by the directories with most of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.analysis.compare.files import FileChanges
from layerscope.analysis.grouping import nearest_noteworthy
from layerscope.filesystem.paths import PathTable
from layerscope.words import Change


class DirectoryChange(Struct, frozen=True):
    """The differences in a directory, without subdirectories that are listed separately."""

    path: int
    """In the table of both images; 0 is the root."""
    growth: int
    """Growth in content bytes."""
    weight: int
    """Content bytes added, removed or replaced; determines whether it is listed."""
    counts: Mapping[Change, int]
    """Paths that differ, by kind."""


def group_by_directory(changes: FileChanges) -> list[DirectoryChange]:
    """All differences, each in the deepest directory that is large enough, named by the deepest directory that holds all of its
    differences; most growth first. Together they are the growth of the image.
    """
    table = changes.table
    weights = np.where(
        changes.kinds == Change.METADATA, 0, np.maximum(changes.old_bytes, changes.new_bytes)
    )
    if not weights.any():  # without any bytes, count paths instead
        weights = np.ones(len(changes), np.int64)
    nearest = nearest_noteworthy(changes.paths, weights, table)
    # A file belongs to its directory; a large enough directory to itself.
    holds = table.ends > np.arange(1, len(table) + 1)
    homes = np.where(holds, nearest, nearest[table.parents])
    moved = np.flatnonzero(changes.growth)
    weight_of = np.zeros(len(table), np.int64)
    np.add.at(weight_of, homes[changes.paths], weights)
    groups_found = np.unique(np.concatenate([homes[changes.paths], homes[moved]]))
    homes[groups_found] = _with_weight(groups_found, homes, weight_of, table)
    all_paths = np.concatenate([changes.paths, moved])
    directories = np.where(holds, np.arange(len(table)), table.parents)[all_paths]
    keys, groups = np.unique(
        _divide_root(homes[homes[all_paths]], directories, weights, table), return_inverse=True
    )
    group, moved_group = groups[: len(changes)], groups[len(changes) :]
    weight_of = np.zeros(len(keys), np.int64)
    np.add.at(weight_of, group, weights)
    keys = _deepest_common(keys, groups, directories, table)
    growth = np.zeros(len(keys), np.int64)
    np.add.at(growth, moved_group, changes.growth[moved])
    counts = np.bincount(
        group * len(Change) + changes.kinds, minlength=len(keys) * len(Change)
    ).reshape(len(keys), len(Change))
    order = np.lexsort((keys, -weight_of, -growth))
    return [
        DirectoryChange(
            int(keys[row]),
            int(growth[row]),
            int(weight_of[row]),
            {
                change: int(counts[row, change])
                for change in Change
                if change is not Change.UNCHANGED
            },
        )
        for row in order.tolist()
    ]


def _divide_root(
    places: NDArray[np.int32],
    directories: NDArray[np.int32],
    weights: NDArray[np.int64],
    table: PathTable,
) -> NDArray[np.int32]:
    """Groups in which the root's group is divided among its subdirectories that have weight. `directories` are the directories of
    the differences; the first ones have `weights`.
    """
    tops = np.flatnonzero(table.parents == 0)
    rows = np.flatnonzero((places == 0) & (directories > 0))
    if not len(rows):
        return places
    above = tops[np.searchsorted(tops, directories[rows], side="right") - 1].astype(np.int32)
    weight_of = np.zeros(len(table), np.int64)
    has_weight = rows < len(weights)
    np.add.at(weight_of, above[has_weight], weights[rows[has_weight]])
    divided = places.copy()
    divided[rows] = np.where(weight_of[above] > 0, above, 0)
    return divided


def _deepest_common(
    keys: NDArray[np.int32],
    groups: NDArray[np.int64],
    directories: NDArray[np.int32],
    table: PathTable,
) -> NDArray[np.int32]:
    """The deepest directory that holds all differences of each group: in path order, that of the first and the last."""
    first = np.full(len(keys), len(table), np.int32)
    last = np.zeros(len(keys), np.int32)
    np.minimum.at(first, groups, directories)
    np.maximum.at(last, groups, directories)
    for row, end in enumerate(last.tolist()):
        path = int(first[row])
        while int(table.ends[path]) <= end:
            path = int(table.parents[path])
        first[row] = path
    return first


def _with_weight(
    keys: NDArray[np.int32], homes: NDArray[np.int32], heavy: NDArray[np.int64], table: PathTable
) -> list[int]:
    """For each of these directories, itself or its nearest ancestor with differences of its own, so that no group contains only
    another group. Keys are in path order.
    """
    known = {0: 0}
    for key in keys.tolist():
        path, passed = key, []
        while path not in known and not heavy[path]:
            passed.append(path)
            path = int(homes[table.parents[path]])
        home = known.get(path, path)
        known[key] = home
        known.update(dict.fromkeys(passed, home))
    return [known[key] for key in keys.tolist()]
