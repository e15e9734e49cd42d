"""Orders siblings by size, name, change or layer, for all shown paths at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from layerscope.browse.choices import Sort
from layerscope.browse.modes import NO_CHANGE, Selection
from layerscope.filesystem.paths import PathTable
from layerscope.filesystem.siblings import Siblings
from layerscope.filesystem.sorting import edges, stable_order
from layerscope.words import Change

Keys: TypeAlias = Callable[[NDArray[np.int32]], list[NDArray[np.int64]]]
"""Sort keys of these paths, the smallest value first; each has one non-negative value per path."""

_LEVELS = 64
"""Depth of open directories up to which their children are collected; in deeper trees, looking at all paths is faster."""
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
        self._table = table
        self._siblings = siblings
        self._included = included
        self._keys = keys
        self._ordered = np.zeros(len(table), bool), np.zeros(0, np.int32)
        """Mask of the paths ordered so far, and their order."""

    def __contains__(self, path: int) -> bool:
        return bool(self._included[path])

    def has_children(self, path: int) -> bool:
        """Whether a directory has paths to show below it."""
        return bool(self._included[path + 1 : self._table.ends[path]].any())

    def rows(self, opened: NDArray[np.bool_]) -> NDArray[np.int32]:
        """The paths shown when only the directories in the mask `opened` are open, from top to bottom."""
        shown = self._shown(opened)
        if self._keys is None:
            return shown
        ordered, order = self._ordered
        mask = np.zeros(len(self._table), bool)
        mask[shown] = True
        if not ordered[shown].all():
            order = self._in_order(shown, self._keys)
            self._ordered = mask, order
        rows: NDArray[np.int32] = order[mask[order]]
        return rows

    def _shown(self, opened: NDArray[np.bool_]) -> NDArray[np.int32]:
        """The included paths that have no closed directory above them, in path order."""
        directories = np.zeros(1, np.int32)  # the root is always open
        found: list[NDArray[np.int32]] = []
        while len(directories) and len(found) < _LEVELS:
            children = self._siblings.children_of(directories)
            children = children[self._included[children]]
            found.append(children)
            directories = children[opened[children]]
        if not len(directories):
            return np.sort(np.concatenate(found))
        inner = self._table.inner
        closed = inner[~opened[inner] & (inner > 0)]
        covers = np.zeros(len(self._table) + 1, np.int32)
        covers[closed + 1] = 1
        np.subtract.at(covers, self._table.ends[closed], 1)
        mask = (np.cumsum(covers[:-1], dtype=np.int32) == 0) & self._included
        return np.flatnonzero(mask).astype(np.int32)

    def _in_order(self, paths: NDArray[np.int32], keys: Keys) -> NDArray[np.int32]:
        """Paths, which are in path order, in the order of the keys, each after its parent."""
        table, numbers = self._table, np.arange(len(paths), dtype=np.int32)
        ends = numbers + 1
        inner = np.flatnonzero(table.ends[paths] > paths + 1)
        ends[inner] = np.searchsorted(paths, table.ends[paths[inner]])
        number_of = np.empty(len(table), np.int32)
        number_of[paths] = numbers
        ranked = number_of[self._siblings.sort(paths, keys(paths))]
        firsts = np.flatnonzero(edges(self._siblings.groups[paths[ranked]]))
        spans = (ends - numbers)[ranked]
        # Rows between each path and its parent. The sum may wrap around, but differences within a directory do not.
        steps = np.cumsum(spans, dtype=np.int32) - spans
        steps -= np.repeat(steps[firsts] - 1, np.diff(firsts, append=len(ranked)))
        # The row of a path is the sum of the steps of all paths above it.
        positions = np.zeros(len(paths) + 1, np.int32)
        positions[ranked] = steps
        np.subtract.at(positions, ends[ranked], steps)
        np.cumsum(positions, dtype=np.int32, out=positions)
        order = np.empty(len(paths), np.int32)
        order[positions[:-1] - 1] = paths
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
