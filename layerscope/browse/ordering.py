"""Orders siblings by size, name, change or layer, for all shown paths at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from layerscope.browse.choices import Sort
from layerscope.browse.modes import NO_CHANGE, Selection
from layerscope.filesystem.paths import PathTable, subtree_counts
from layerscope.filesystem.siblings import Siblings
from layerscope.filesystem.sorting import edges, stable_order
from layerscope.words import Change

Keys: TypeAlias = Callable[[NDArray[np.int32]], list[NDArray[np.int64]]]
"""Sort keys of these paths, the smallest value first; each has one non-negative value per path."""

_CHANGE_RANKS = np.full(256, 5, np.uint8)
for _rank, _change in enumerate(
    (Change.ADDED, Change.MODIFIED, Change.METADATA, Change.REMOVED, Change.UNCHANGED, NO_CHANGE)
):
    _CHANGE_RANKS[_change] = _rank


class Display:
    """The order of paths on the screen. Only paths that were shown are ordered: most directories are never opened."""

    def __init__(
        self,
        table: PathTable,
        siblings: Siblings,
        included: NDArray[np.bool_],
        keys: Keys | None = None,
    ) -> None:
        """Show the paths in the mask `included`, which must include their parents; without keys, in path order."""
        self.counts = subtree_counts(table, included)
        """For each path, the number of included paths in its subtree, itself included; shape (paths,)."""
        self._table = table
        self._siblings = siblings
        self._included = included
        self._keys = keys
        nothing = np.zeros(0, np.int32)
        self._ordered = np.zeros(len(table), bool), nothing
        """Mask of the paths ordered so far, and their order."""

    def rows(self, opened: NDArray[np.bool_]) -> NDArray[np.int32]:
        """The paths shown when only the directories in the mask `opened` are open, from top to bottom."""
        shown = self._shown(opened)
        if self._keys is None:
            return np.flatnonzero(shown).astype(np.int32)
        ordered, order = self._ordered
        if (shown & ~ordered).any():
            order = self._in_order(shown, self._keys)
            self._ordered = shown, order
        rows: NDArray[np.int32] = order[shown[order]]
        return rows

    def _shown(self, opened: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Mask of the included paths that have no closed directory above them."""
        inner = self._table.inner
        closed = inner[(self.counts[inner] > 1) & ~opened[inner]]
        closed = closed[closed > 0]  # the root has no row, and is always open
        steps = np.zeros(len(self._table) + 1, np.int32)
        steps[closed + 1] = 1
        np.subtract.at(steps, self._table.ends[closed], 1)
        shown: NDArray[np.bool_] = np.cumsum(steps[:-1], dtype=np.int32) == 0
        return shown & self._included

    def _in_order(self, shown: NDArray[np.bool_], keys: Keys) -> NDArray[np.int32]:
        """These paths in the order of the keys, each after its parent."""
        table = self._table
        paths = np.flatnonzero(shown).astype(np.int32)
        counts = subtree_counts(table, shown)
        ranked = self._siblings.sort(paths, keys(paths))
        firsts = np.flatnonzero(edges(self._siblings.groups[ranked]))
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
        return order


def sort_keys(selection: Selection, sort: Sort) -> Keys | None:
    """Sort keys of siblings of a selection. None to sort by name."""
    return None if sort is Sort.NAME else partial(_keys, selection, sort)


def _keys(selection: Selection, sort: Sort, paths: NDArray[np.int32]) -> list[NDArray[np.int64]]:
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
