"""Whether a version of a path is live, removed or replaced, and what each layer stores at and below a path."""

from __future__ import annotations

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from layerscope.filesystem.model import Filesystem
from layerscope.filesystem.sorting import stable_order
from layerscope.words import Change


class State(Enum):
    """Whether a version is live, removed or replaced."""

    LIVE = "live"
    """The final image shows it."""
    REMOVED = "removed"
    """A layer removed the path."""
    REPLACED = "replaced"
    """A layer stored another version of the path."""


def state_of(filesystem: Filesystem, row: int) -> State:
    """The state of the version in a row; `died` is the layer that removed or replaced it."""
    died = int(filesystem.died[row])
    if died == filesystem.layer_count:
        return State.LIVE
    after = filesystem.version_after(int(filesystem.paths[row]), died)
    return State.REMOVED if after is None else State.REPLACED


def layer_to_show(filesystem: Filesystem, row: int) -> int:
    """The layer whose changes show a version: the one that removed it, or else the one that added or changed it."""
    if state_of(filesystem, row) is State.REMOVED:
        return int(filesystem.died[row])
    path = int(filesystem.paths[row])
    versions = filesystem.rows_of(path)
    for older in range(row, versions.start - 1, -1):
        if _changes_path(filesystem, int(filesystem.born[older]), path):
            return int(filesystem.born[older])
    return int(filesystem.born[row])


def _changes_path(filesystem: Filesystem, layer: int, path: int) -> bool:
    """Whether a layer changes a path, other than by storing the same again."""
    changes = filesystem.changes
    span = changes.of_layer(layer)
    row = span.start + int(np.searchsorted(changes.paths[span], path))
    has_entry = row < span.stop and changes.paths[row] == path
    return bool(has_entry and changes.kinds[row] != Change.UNCHANGED)


class StoredBelow:
    """Content bytes that layers store at and below every path. An inode counts once, at its first name in path order."""

    def __init__(self, filesystem: Filesystem) -> None:
        inodes, table = filesystem.inodes, filesystem.table
        files = np.flatnonzero(filesystem.stored > 0)
        first = np.zeros(len(inodes.columns.kinds), np.int64)
        first[filesystem.inode_of[files][::-1]] = files[
            ::-1
        ]  # the last assignment wins: the first name
        rows = files[first[filesystem.inode_of[files]] == files]
        paths, sizes = filesystem.paths[rows], filesystem.stored[rows]
        sums = _prefix_sums(sizes)
        starts = np.searchsorted(paths, np.arange(len(table)))
        self.bytes: NDArray[np.int64] = sums[np.searchsorted(paths, table.ends)] - sums[starts]
        """Sum over all layers; shape (paths,)."""
        layers = inodes.layers(filesystem.inode_of[rows])
        order = stable_order(layers)
        self._ends = table.ends
        self._width = len(table) + 1
        self._layers = np.arange(filesystem.layer_count, dtype=np.int64)
        self._keys = layers[order].astype(np.int64) * self._width + paths[order]
        """Layer and path of each content, sorted."""
        self._sums = _prefix_sums(sizes[order])

    def by_layer(self, path: int) -> list[tuple[int, int]]:
        """Each layer that stores something at or below a path, and how many bytes."""
        bases = self._layers * self._width
        starts, ends = (
            np.searchsorted(self._keys, bases + place) for place in (path, int(self._ends[path]))
        )
        sizes = self._sums[ends] - self._sums[starts]
        storing = np.flatnonzero(sizes)
        return list(zip(storing.tolist(), sizes[storing].tolist(), strict=True))


def _prefix_sums(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    sums = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=sums[1:])
    return sums
