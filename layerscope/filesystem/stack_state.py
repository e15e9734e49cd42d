"""What stacking works on: the tree as it stands, and the entries of the layer at hand."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from layerscope.filesystem.inodes import Inodes
from layerscope.filesystem.paths import PathTable
from layerscope.filesystem.versions import Versions

Rows = NDArray[np.int32]
Indices = NDArray[np.int64]


@dataclass(slots=True)
class LayerEntries:
    """The entries of one layer that are paths, in tar order."""

    positions: Indices
    """Index of each in its layer."""
    paths: Rows
    kinds: NDArray[np.uint8]
    targets: Rows
    """Path of a hard link's target; -1 for all else."""
    contents: Rows
    """Index in the layer of the entry that holds a hard link's content where that is no path; -1 for all else."""

    def __len__(self) -> int:
        return len(self.positions)

    def where(self, mask: NDArray[np.bool_]) -> LayerEntries:
        """Those that `mask` picks."""
        return LayerEntries(
            self.positions[mask],
            self.paths[mask],
            self.kinds[mask],
            self.targets[mask],
            self.contents[mask],
        )


@dataclass(slots=True)
class Stack:
    """The tree as it stands, and all versions so far."""

    table: PathTable
    inodes: Inodes
    versions: Versions
    standing: Rows
    """The row that stands at each path, -1 for none."""
    oddities: list[Counter[str]] = field(default_factory=list)
    """For each layer, how often each warning code was met."""


@dataclass(frozen=True, slots=True)
class Unordered:
    """Disjoint subtrees in which the order of a layer's entries matters: slices [top, end) of paths."""

    tops: NDArray[np.int32]
    ends: NDArray[np.int32]

    def contains(self, paths: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which of these paths lie in one."""
        if not len(self.tops):
            return np.zeros(len(paths), bool)
        slot = np.searchsorted(self.tops, paths, "right") - 1
        return (slot >= 0) & (paths < self.ends[slot])

    def top(self, path: int) -> int:
        """The top of the subtree that holds `path`; past the path itself where none does."""
        slot = int(np.searchsorted(self.tops, path, "right")) - 1
        return int(self.tops[slot]) if slot >= 0 and path < self.ends[slot] else path + 1
