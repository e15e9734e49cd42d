"""Disk usage of each directory after a layer, and which layers stored it."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from layerscope.filesystem.model import Filesystem
from layerscope.layers.index import Kind

ROOT = 0
MAX_CACHED = 4096
"""Maximum number of paths whose sums are cached."""


class _Contents(Struct, frozen=True):
    """Visible regular files, in path order, in the types needed for sums."""

    paths: NDArray[np.int64]
    bytes: NDArray[np.float64]
    layers: NDArray[np.int64]


class Usage(Struct, frozen=True, dict=True):
    """Paths visible after a layer, with content sizes in bytes. An inode counts once. Shapes are (paths,)."""

    filesystem: Filesystem
    layer: int
    bytes: NDArray[np.int64]
    """Content bytes at and below each path."""
    files: NDArray[np.int32]
    """Regular files at and below each path."""
    kinds: NDArray[np.int16]
    """`Kind` of each path, -1 where nothing is visible."""
    stored_in: NDArray[np.int32]
    """Layer that stored the visible version of each path, -1 where nothing is visible."""
    _sums: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    """Recent results of `by_layer`."""

    @classmethod
    def of(cls, filesystem: Filesystem, layer: int) -> Usage:
        """Measure what is visible after a layer; -1 is before the first layer. Slow for large images."""
        visible = filesystem.visible(layer)
        totals = filesystem.totals(visible)
        rows = np.flatnonzero(visible)
        paths, inodes = filesystem.paths[rows], filesystem.inode_of[rows]
        count = len(filesystem.table)
        kinds = np.full(count, -1, np.int16)
        kinds[paths] = filesystem.kinds[rows]
        kinds[ROOT] = Kind.DIRECTORY
        stored_in = np.full(count, -1, np.int32)
        stored_in[paths] = np.where(
            inodes == filesystem.inodes.implicit,
            filesystem.born[rows],
            filesystem.inodes.layers(inodes),
        )
        usage = cls(filesystem, layer, totals.bytes, totals.files, kinds, stored_in)
        _ = usage._contents  # computed now, so that later calls are fast
        return usage

    @cached_property
    def _contents(self) -> _Contents:
        paths = np.flatnonzero(self.kinds == Kind.FILE)
        return _Contents(
            paths, self.bytes[paths].astype(np.float64), self.stored_in[paths].astype(np.int64)
        )

    def is_directory(self, path: int) -> bool:
        """Whether a directory is visible at a path."""
        return bool(self.kinds[path] == Kind.DIRECTORY)

    def children(self, path: int) -> NDArray[np.int32]:
        """Visible children of a directory, in path order."""
        table = self.filesystem.table
        below = slice(path + 1, int(table.ends[path]))
        is_child = (table.parents[below] == path) & (self.kinds[below] >= 0)
        return (np.flatnonzero(is_child) + path + 1).astype(np.int32)

    def by_layer(self, path: int) -> NDArray[np.int64]:
        """Bytes at and below a path that each layer stored; shape (layers,)."""
        cached = self._sums.get(path)
        if cached is not None:
            return cached
        contents = self._contents
        first, end = np.searchsorted(contents.paths, [path, self.filesystem.table.ends[path]])
        sums = np.bincount(
            contents.layers[first:end], contents.bytes[first:end], self.filesystem.layer_count
        )
        if len(self._sums) >= MAX_CACHED:
            self._sums.clear()
        self._sums[path] = sums.astype(np.int64)
        return self._sums[path]

    def main_layer(self, path: int) -> int:
        """The layer that stored most of the bytes at and below a path; without bytes, the layer that stored the path."""
        if not self.bytes[path]:
            return int(self.stored_in[path])
        return int(self.by_layer(path).argmax())


def largest(sizes: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Indices of the `count` largest sizes, largest first; equal ones in their order. Only these are sorted."""
    if count <= 0:
        return np.zeros(0, np.int64)
    if count < len(sizes):
        bound = np.partition(sizes, len(sizes) - count)[len(sizes) - count]
        above = np.flatnonzero(sizes > bound)
        equal = np.flatnonzero(sizes == bound)[: count - len(above)]
        chosen = np.sort(np.concatenate([above, equal]))
    else:
        chosen = np.arange(len(sizes))
    order = np.argsort(-sizes[chosen], kind="stable")
    return chosen[order]
