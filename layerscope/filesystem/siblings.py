"""Groups the children of each directory, for all directories at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from layerscope.filesystem.paths import PathTable
from layerscope.filesystem.sorting import WORD, Column, bits, edges, stable_order
from layerscope.layers.merged_paths import expand_ranges


class Siblings:
    """Children grouped by directory, for sorting siblings by any key."""

    def __init__(self, table: PathTable) -> None:
        parents = table.parents[1:].astype(np.int64)
        packed = np.sort(parents << 32 | np.arange(1, len(table)))
        self.children = (packed & 0xFFFFFFFF).astype(np.int32)
        """All paths but the root, by parent, then in path order."""
        is_first = edges(packed >> 32)
        self.first = np.flatnonzero(is_first)
        """Index in `children` of the first child of each directory."""
        self._counts = np.diff(self.first, append=len(packed))
        self._ends = table.ends
        group = np.cumsum(is_first) - 1
        self.groups = np.zeros(len(table), np.int32)
        """For each path, the number of its parent among the directories with children."""
        self.groups[self.children] = group
        self.places = np.zeros(len(table), np.int32)
        """Index of each path among its siblings."""
        self.places[self.children] = np.arange(len(packed)) - self.first[group]

    def children_of(self, paths: NDArray[np.int32]) -> NDArray[np.int32]:
        """The children of these paths."""
        paths = paths[self._ends[paths] > paths + 1]
        groups = self.groups[paths + 1]  # the first child follows its parent
        return self.children[expand_ranges(self.first[groups], self._counts[groups])]

    def sort(
        self, paths: NDArray[np.int32], keys: Sequence[NDArray[np.int64]]
    ) -> NDArray[np.int32]:
        """Sort paths by directory, then by `keys` (each with one non-negative value per path), then in path order."""
        columns: list[Column] = [self.groups[paths], *keys, self.places[paths]]
        widths = [bits(column) for column in columns]
        if sum(widths) > WORD:
            order = np.arange(len(paths))
            for column in reversed(columns[:-1]):
                order = order[stable_order(column[order])]
            return paths[order]
        packed = columns[0].astype(np.int64)
        for column, width in zip(columns[1:], widths[1:], strict=True):
            packed <<= width
            packed |= column
        packed.sort()
        places = packed & ((1 << widths[-1]) - 1)
        packed >>= sum(widths[1:])
        sorted_paths: NDArray[np.int32] = self.children[self.first[packed] + places]
        return sorted_paths
