"""Differences between two images, grouped by the directories with most of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.compare.files import FileChanges
from layerscope.analysis.grouping import nearest_noteworthy
from layerscope.filesystem.paths import PathTable
from layerscope.words import Change


@dataclass(frozen=True, slots=True)
class DirectoryChange:
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
    """All differences, each in the deepest directory that is large enough; most growth first. Together they are the growth of the
    image.
    """
    table = changes.table
    weights = np.where(
        changes.kinds == Change.METADATA, 0, np.maximum(changes.old_bytes, changes.new_bytes)
    )
    if not weights.any():  # without any bytes, count paths instead
        weights = np.ones(len(changes), np.int64)
    leads = nearest_noteworthy(changes.paths, weights, table)
    # A file belongs to its directory; a large enough directory to itself.
    holds = table.ends > np.arange(1, len(table) + 1)
    homes = np.where(holds, leads, leads[table.parents])
    moved = np.flatnonzero(changes.growth)
    heavy = np.zeros(len(table), np.int64)
    np.add.at(heavy, homes[changes.paths], weights)
    found = np.unique(np.concatenate([homes[changes.paths], homes[moved]]))
    homes[found] = _with_weight(found, homes, heavy, table)
    places, moved_places = homes[homes[changes.paths]], homes[homes[moved]]
    keys = np.unique(np.concatenate([places, moved_places]))
    group = np.searchsorted(keys, places)
    growth = np.zeros(len(keys), np.int64)
    np.add.at(growth, np.searchsorted(keys, moved_places), changes.growth[moved])
    counts = np.bincount(
        group * len(Change) + changes.kinds, minlength=len(keys) * len(Change)
    ).reshape(len(keys), len(Change))
    heavy = heavy[keys]
    order = np.lexsort((keys, -heavy, -growth))
    return [
        DirectoryChange(
            int(keys[row]),
            int(growth[row]),
            int(heavy[row]),
            {
                change: int(counts[row, change])
                for change in Change
                if change is not Change.UNCHANGED
            },
        )
        for row in order.tolist()
    ]


def _with_weight(
    keys: NDArray[np.int32], homes: NDArray[np.int32], heavy: NDArray[np.int64], table: PathTable
) -> list[int]:
    """For each of these directories, itself or its nearest ancestor with differences of its own: a directory that only contains
    another group is not a group. Keys are in path order.
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
