"""The state of stacking: the current tree, and the entries of the current layer."""

from __future__ import annotations

from collections import Counter

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from layerscope.filesystem.inodes import Inodes
from layerscope.filesystem.paths import PathTable
from layerscope.filesystem.versions import Versions

Rows = NDArray[np.int32]
Indices = NDArray[np.int64]


class LayerEntries(Struct):
    """The entries of one layer that have a path, in tar order."""

    positions: Indices
    """Index of each entry in its layer."""
    paths: Rows
    kinds: NDArray[np.uint8]
    targets: Rows
    """Target path of each hard link; -1 for other entries."""
    contents: Rows
    """For hard links to AUFS files, which have no path, the entry with the content; -1 for other entries."""

    def __len__(self) -> int:
        return len(self.positions)

    def where(self, mask: NDArray[np.bool_]) -> LayerEntries:
        """The entries in `mask`."""
        return LayerEntries(
            self.positions[mask],
            self.paths[mask],
            self.kinds[mask],
            self.targets[mask],
            self.contents[mask],
        )


class Stack(Struct):
    """The current tree, and all versions so far."""

    table: PathTable
    inodes: Inodes
    versions: Versions
    current: Rows
    """Row of the current version of each path, -1 for none."""
    marks: NDArray[np.bool_]
    """A reusable mask of paths, all false between two uses: allocating one per layer would cost more than a small layer."""
    oddities: list[Counter[str]] = field(default_factory=list)
    """Number of occurrences of each warning code, by layer."""


class Unordered(Struct, frozen=True):
    """Disjoint subtrees in which the order of a layer's entries matters: slices [top, end) of paths."""

    tops: NDArray[np.int32]
    ends: NDArray[np.int32]

    def contains(self, paths: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Mask of the paths in any of these subtrees."""
        if not len(self.tops):
            return np.zeros(len(paths), bool)
        slot = np.searchsorted(self.tops, paths, "right") - 1
        return (slot >= 0) & (paths < self.ends[slot])

    def top(self, path: int) -> int:
        """The top of the subtree that contains `path`; a number beyond the path if none does."""
        slot = int(np.searchsorted(self.tops, path, "right")) - 1
        return int(self.tops[slot]) if slot >= 0 and path < self.ends[slot] else path + 1
