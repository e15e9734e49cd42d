"""In what a layer differs from the one that the same step made in the release before: path by path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.compare.differing import Differences
from layerscope.analysis.compare.files import classified
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
        self._old, self._new = old.filesystem, new.filesystem
        self._table, *self._places = common_table(self._old.table, self._new.table, limits)
        self._differences = Differences(old, new)
        self._progress = progress

    def compare(self, old: int, new: int) -> LayerDifference:
        """In what layer `new` of the new image differs from layer `old` of the old one. Raises `CancelledError`."""
        before = self._stored(self._old, self._places[0], old)
        after = self._stored(self._new, self._places[1], new)
        paths = np.flatnonzero((before != _ABSENT) | (after != _ABSENT)).astype(np.int32)
        before, after = before[paths], after[paths]
        gone = (before == _DELETED) & (after == _DELETED)
        paths, before, after = paths[~gone], before[~gone], after[~gone]
        # A path that one layer deletes and the other does not store is another one; one that it stores was added or removed.
        kinds, why = classified(
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

    def _stored(
        self, filesystem: Filesystem, places: NDArray[np.int32], layer: int
    ) -> NDArray[np.int32]:
        """By path of the common table: the inode that a layer stores there, `_DELETED` or `_ABSENT`."""
        found = np.full(len(self._table), _ABSENT, np.int32)
        died = np.flatnonzero((filesystem.died == layer) & (filesystem.born < layer))
        found[places[filesystem.paths[died]]] = _DELETED
        born = (filesystem.born == layer) & (filesystem.died != layer)
        rows = np.flatnonzero(born & (filesystem.inode_of != filesystem.inodes.implicit))
        found[places[filesystem.paths[rows]]] = filesystem.inode_of[rows]
        return found


_ABSENT, _DELETED = -1, -2


def _sizes(inodes: Inodes, rows: NDArray[np.int32]) -> NDArray[np.int64]:
    files = (rows >= 0) & (inodes.columns.kinds[rows] == Kind.FILE)
    sizes: NDArray[np.int64] = np.where(files, inodes.columns.stored[rows], 0)
    return sizes
