"""Orders siblings by size, name, change or layer, for all paths at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.browse.choices import Sort
from layerscope.browse.modes import NO_CHANGE, Selection
from layerscope.filesystem.paths import PathTable, subtree_counts
from layerscope.filesystem.siblings import Siblings
from layerscope.filesystem.sorting import edges, stable_order
from layerscope.words import Change

_CHANGE_RANKS = np.full(256, 5, np.uint8)
for _rank, _change in enumerate(
    (Change.ADDED, Change.MODIFIED, Change.METADATA, Change.REMOVED, Change.UNCHANGED, NO_CHANGE)
):
    _CHANGE_RANKS[_change] = _rank


class Display(Struct, frozen=True):
    """Paths as shown with all directories open."""

    order: NDArray[np.int32]
    """Paths from top to bottom, parents before their children."""
    spans: NDArray[np.int32]
    """For each path in `order`, the number of these paths in its subtree, itself included."""
    counts: NDArray[np.int32]
    """The same for every path; shape (paths,)."""

    @classmethod
    def of(
        cls,
        table: PathTable,
        siblings: Siblings,
        included: NDArray[np.bool_],
        keys: Sequence[NDArray[np.int64]] | None,
    ) -> Display:
        """Order the paths in the mask `included`, which must include their parents, by `keys`; without keys, in path order.

        Each key has one value per path in the mask.
        """
        counts = subtree_counts(table, included)
        paths = np.flatnonzero(included).astype(np.int32)
        if keys is None:
            return cls(paths, counts[paths], counts)
        ranked = siblings.sort(paths, keys)
        firsts = np.flatnonzero(edges(siblings.groups[ranked]))
        spans = counts[ranked]
        # Rows between each path and its parent. The sum may wrap around, but differences within a directory do not.
        steps = np.cumsum(spans, dtype=np.int32) - spans
        steps -= np.repeat(steps[firsts] - 1, np.diff(firsts, append=len(ranked)))
        # The row of a path is the sum of the steps of all paths above it.
        positions = np.zeros(len(table) + 1, np.int32)
        positions[ranked] = steps
        np.subtract.at(positions, table.ends[ranked], steps)
        np.cumsum(positions, dtype=np.int32, out=positions)
        order = np.empty(len(paths), np.int32)
        order[positions[paths] - 1] = paths
        return cls(order, counts[order], counts)

    def rows(self, opened: NDArray[np.bool_]) -> NDArray[np.int32]:
        """The paths shown when only the directories in the mask `opened` are open."""
        closed = np.flatnonzero((self.spans > 1) & ~opened[self.order])
        edges = np.zeros(len(self.order) + 1, np.int32)
        edges[closed + 1] = 1
        np.subtract.at(edges, closed + self.spans[closed], 1)
        visible: NDArray[np.int32] = self.order[np.cumsum(edges[:-1], dtype=np.int32) == 0]
        return visible


def sort_keys(selection: Selection, sort: Sort) -> list[NDArray[np.int64]] | None:
    """Sort keys of siblings, smallest value first, with one value per path that is present. None to sort by name."""
    if sort is Sort.NAME:
        return None
    paths = np.flatnonzero(selection.present)
    sizes, removed = selection.totals.bytes[paths], selection.removed[paths]
    changes = selection.changes[paths]
    # A removed path is ordered by its former size, others by their total.
    sizes = np.where(changes == Change.REMOVED, removed, sizes)
    most_removed = int(selection.removed[0])
    if most_removed:
        # Paths with nothing added are ordered by removed bytes, of which the root has the most.
        sizes = np.where(sizes > 0, sizes + most_removed, removed)
    keys = [_largest_first(sizes)]
    if sort is Sort.CHANGE:
        keys.insert(0, _CHANGE_RANKS[changes].astype(np.int64))
    elif sort is Sort.LAYER:
        keys.insert(0, _largest_first(selection.layers[paths].astype(np.int64)))
    return keys


def largest_first(paths: NDArray[np.int32], sizes: NDArray[np.int64]) -> NDArray[np.int32]:
    """Paths by size, then in path order. Sizes have shape (paths,)."""
    path_sizes = sizes[paths]
    return paths[stable_order(int(path_sizes.max(initial=0)) - path_sizes)]


def _largest_first(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Values inverted, so that the largest becomes 0."""
    return int(values.max(initial=0)) - values
