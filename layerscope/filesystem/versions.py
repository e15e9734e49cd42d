"""Versions of paths, collected while layers are stacked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from layerscope.layers.small_types import Code

ALIVE = np.iinfo(np.int32).max
"""Value of `died` while stacking, for versions that no layer has removed."""


class Removal(Code):
    """How a version of a path was removed."""

    NONE = 0
    DELETED = 1
    TYPE_CHANGED = 2
    REPLACED = 3
    """A file was replaced by a file; comparing their contents decides the reason for the waste."""


class Versions:
    """Growing columns, with one row per version of a path."""

    _FIELDS = ("paths", "inodes", "born", "died", "removals", "events", "successors")

    def __init__(self, capacity: int) -> None:
        capacity = max(capacity, 16)
        self.count = 0
        self.paths = np.zeros(capacity, np.int32)
        self.inodes = np.zeros(capacity, np.int32)
        self.born = np.zeros(capacity, np.int32)
        self.died = np.full(capacity, ALIVE, np.int32)
        self.removals = np.zeros(capacity, np.uint8)
        self.events = np.zeros(capacity, np.int64)
        """Order of the removals within a layer."""
        self.successors = np.full(capacity, -1, np.int32)
        """The inode that replaced a version, -1 for none."""

    def append(
        self, paths: NDArray[np.int32], inodes: NDArray[np.int32] | int, layer: int
    ) -> NDArray[np.int32]:
        """Add versions born in `layer`; returns their rows."""
        start, end = self.count, self.count + len(paths)
        self._reserve(end)
        self.paths[start:end] = paths
        self.inodes[start:end] = inodes
        self.born[start:end] = layer
        self.count = end
        return np.arange(start, end, dtype=np.int32)

    def append_one(self, path: int, inode: int, layer: int) -> int:
        """Add a version born in `layer`; returns its row."""
        row = self.count
        self._reserve(row + 1)
        self.paths[row] = path
        self.inodes[row] = inode
        self.born[row] = layer
        self.count = row + 1
        return row

    def kill(
        self,
        rows: NDArray[np.int32] | int,
        layer: int,
        removal: NDArray[np.uint8] | int,
        event: NDArray[np.int64] | int,
        successor: NDArray[np.int32] | int = -1,
    ) -> None:
        """Mark versions as removed in `layer`."""
        self.died[rows] = layer
        self.removals[rows] = removal
        self.events[rows] = event
        self.successors[rows] = successor

    def _reserve(self, size: int) -> None:
        capacity = len(self.paths)
        if size <= capacity:
            return
        grown = max(size, capacity + capacity // 2)
        for field in self._FIELDS:
            old = getattr(self, field)
            new = np.full(
                grown, ALIVE if field == "died" else -1 if field == "successors" else 0, old.dtype
            )
            new[:capacity] = old
            setattr(self, field, new)
