"""In what a layer differs from the one that the same step made in the release before: path by path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.compare.differing import Differences
from layerscope.analysis.compare.files import classify
from layerscope.analysis.compare.side import Side
from layerscope.analysis.compare.tables import common_table
from layerscope.filesystem.inodes import Inodes, Why
from layerscope.filesystem.model import Filesystem
from layerscope.layers.index import Kind
from layerscope.limits import Limits
from layerscope.progress import Progress
from layerscope.words import Change

LISTED = 100
"""Most paths that are listed of a layer."""
KNOWN = 10_000
"""Most paths of a layer whose change is remembered: of a layer with more, each counts as changed."""


@dataclass(frozen=True, slots=True)
class PathDifference:
    """A path that two layers do not store in the same way."""

    path: bytes
    """Without a leading slash."""
    change: Change
    """Added, modified, metadata or removed."""
    why: int
    """`Why` bits of a modified path, or of one whose attributes differ."""
    old_bytes: int
    """Content bytes; 0 for anything but a file."""
    new_bytes: int


@dataclass(frozen=True, slots=True)
class LayerDifference:
    """In what two layers of the same step differ."""

    counts: Mapping[Change, int]
    """Paths that differ in more than their times, by kind."""
    times: int
    """Paths of which only the time differs."""
    listed: tuple[PathDifference, ...]
    """Those that differ in more than their times, then the others; the largest first. At most `LISTED`."""
    changed: frozenset[bytes] | None
    """All paths that differ in more than their times; None if there are more than `KNOWN`."""

    @property
    def paths(self) -> int:
        """How many paths differ in more than their times."""
        return sum(self.counts.values())

    def touches(self, path: bytes) -> bool:
        """Whether a path differs in more than its time, as far as is known."""
        return self.changed is None or path in self.changed


class LayerComparer:
    """Compares layers of two images."""

    def __init__(self, old: Side, new: Side, progress: Progress, limits: Limits) -> None:
        table, *places = common_table(old.filesystem.table, new.filesystem.table, limits)
        self._table = table
        self._old = _Stored(old.filesystem, places[0])
        self._new = _Stored(new.filesystem, places[1])
        self._differences = Differences(old, new)
        self._progress = progress

    def compare(self, old: int, new: int) -> LayerDifference:
        """In what layer `new` of the new image differs from layer `old` of the old one. Raises `CancelledError`."""
        mine, other = self._old.by_layer(old), self._new.by_layer(new)
        paths = np.union1d(mine[0], other[0]).astype(np.int32)
        before, after = (_at(paths, *stored) for stored in (mine, other))
        gone = (before == _DELETED) & (after == _DELETED)
        paths, before, after = paths[~gone], before[~gone], after[~gone]
        # A path that one layer deletes and the other does not store is another one; one that it stores was added or removed.
        kinds, why = classify(
            self._differences,
            np.where(before < 0, np.int32(-1), before),
            np.where(after < 0, np.int32(-1), after),
            self._progress,
            True,
        )
        kinds[(before == _ABSENT) & (after == _DELETED)] = Change.REMOVED
        kinds[(before == _DELETED) & (after == _ABSENT)] = Change.ADDED
        times = (kinds == Change.METADATA) & (why == int(Why.MTIME))
        differs = (kinds != Change.UNCHANGED) & ~times
        sizes = _sizes(self._old.inodes, before), _sizes(self._new.inodes, after)
        order = np.lexsort((paths, -np.maximum(*sizes), ~differs))
        order = order[(differs | times)[order]][:LISTED]
        names = self._table.full_paths(paths[order])
        listed = tuple(
            PathDifference(name, Change(int(kinds[n])), int(why[n]), int(sizes[0][n]), int(sizes[1][n]))
            for name, n in zip(names, order.tolist(), strict=True)
        )  # fmt: skip
        count = int(differs.sum())
        known = None if count > KNOWN else frozenset(self._table.full_paths(paths[differs]))
        counted = np.bincount(kinds[differs], minlength=len(Change)).tolist()
        counts = {change: counted[change] for change in Change if counted[change]}
        return LayerDifference(counts, int(times.sum()), listed, known)


_ABSENT, _DELETED = -1, -2
"""In place of an inode: a path that a layer does not touch, or deletes."""


class _Stored:
    """What each layer of an image stores and deletes, by the paths of a table that two images share."""

    def __init__(self, filesystem: Filesystem, places: NDArray[np.int32]) -> None:
        self.inodes = filesystem.inodes
        self._filesystem, self._places = filesystem, places
        self._born = np.argsort(filesystem.born, kind="stable")
        self._died = np.argsort(filesystem.died, kind="stable")

    def by_layer(self, layer: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Paths in order, and for each the inode that a layer stores there, or `_DELETED`."""
        filesystem = self._filesystem
        born = _run(filesystem.born, self._born, layer)
        shown = filesystem.died[born] != layer
        born = born[shown & (filesystem.inode_of[born] != filesystem.inodes.implicit)]
        died = _run(filesystem.died, self._died, layer)
        died = died[filesystem.born[died] < layer]
        # Of a path that it replaces, what it stores counts: the first of both.
        paths = self._places[filesystem.paths[np.concatenate([born, died])]]
        deleted = np.full(len(died), _DELETED, np.int32)
        inodes = np.concatenate([filesystem.inode_of[born].astype(np.int32), deleted])
        distinct, first = np.unique(paths, return_index=True)
        return distinct, inodes[first]


def _run(column: NDArray[np.int32], order: NDArray[np.int64], value: int) -> NDArray[np.int64]:
    """The rows of a column with a value, by the order that sorts it."""
    start = np.searchsorted(column, value, "left", sorter=order)
    end = np.searchsorted(column, value, "right", sorter=order)
    rows: NDArray[np.int64] = order[start:end]
    return rows


def _at(
    paths: NDArray[np.int32], own: NDArray[np.int32], inodes: NDArray[np.int32]
) -> NDArray[np.int32]:
    """The inode at each path, `_ABSENT` where there is none of its own paths."""
    found = np.full(len(paths), _ABSENT, np.int32)
    found[np.searchsorted(paths, own)] = inodes
    return found


def _sizes(inodes: Inodes, rows: NDArray[np.int32]) -> NDArray[np.int64]:
    files = (rows >= 0) & (inodes.columns.kinds[rows] == Kind.FILE)
    sizes: NDArray[np.int64] = np.where(files, inodes.columns.stored[rows], 0)
    return sizes
