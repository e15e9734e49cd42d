"""Compares a layer with the one that the same step made in the previous release, path by path."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.analysis.compare.differing import Differences
from layerscope.analysis.compare.files import classify, content_sizes
from layerscope.analysis.compare.side import Side
from layerscope.analysis.compare.tables import common_table
from layerscope.filesystem.inodes import Why
from layerscope.filesystem.model import Filesystem
from layerscope.limits import Limits
from layerscope.progress import Progress
from layerscope.words import Change

MAX_LISTED = 100
"""Maximum paths that are listed per layer."""
MAX_KNOWN = 10_000
"""Maximum changed paths that are kept per layer; in a layer with more, every path counts as changed."""


class PathDifference(Struct, frozen=True):
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


class LayerDifference(Struct, frozen=True):
    """The differences between two layers of the same step."""

    counts: Mapping[Change, int]
    """Paths that differ in more than their times, by kind."""
    times: int
    """Paths of which only the time differs."""
    listed: tuple[PathDifference, ...]
    """Paths that differ in more than their times, then the others; each largest first. At most `MAX_LISTED`."""
    changed: frozenset[bytes] | None
    """All paths that differ in more than their times; None if there are more than `MAX_KNOWN`."""

    @property
    def paths(self) -> int:
        """The number of paths that differ in more than their times."""
        return sum(self.counts.values())

    def touches(self, path: bytes) -> bool:
        """Whether a path differs in more than its time; true if that is unknown."""
        return self.changed is None or path in self.changed


class LayerComparer:
    """Compares layers of two images."""

    def __init__(self, old: Side, new: Side, progress: Progress, limits: Limits) -> None:
        table, *places = common_table(old.filesystem.table, new.filesystem.table, limits)
        self._table = table
        self._old = _LayerPaths(old.filesystem, places[0])
        self._new = _LayerPaths(new.filesystem, places[1])
        self._differences = Differences(old, new)
        self._progress = progress

    def compare(self, old: int, new: int) -> LayerDifference:
        """The differences between layer `old` of the old image and layer `new` of the new one. Raises `CancelledError`."""
        old_stored, new_stored = self._old.by_layer(old), self._new.by_layer(new)
        paths = np.union1d(old_stored[0], new_stored[0]).astype(np.int32)
        before, after = (_inodes_at(paths, *stored) for stored in (old_stored, new_stored))
        deleted_in_both = (before == _DELETED) & (after == _DELETED)
        paths, before, after = (
            paths[~deleted_in_both],
            before[~deleted_in_both],
            after[~deleted_in_both],
        )
        # `classify` sees no difference where one layer deletes a path that the other does not touch.
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
        sizes = content_sizes(self._old.inodes, before), content_sizes(self._new.inodes, after)
        order = np.lexsort((paths, -np.maximum(*sizes), ~differs))
        order = order[(differs | times)[order]][:MAX_LISTED]
        names = self._table.full_paths(paths[order])
        listed = tuple(
            PathDifference(name, Change(int(kinds[n])), int(why[n]), int(sizes[0][n]), int(sizes[1][n]))
            for name, n in zip(names, order.tolist(), strict=True)
        )  # fmt: skip
        count = int(differs.sum())
        changed = None if count > MAX_KNOWN else frozenset(self._table.full_paths(paths[differs]))
        counted = np.bincount(kinds[differs], minlength=len(Change)).tolist()
        counts = {change: counted[change] for change in Change if counted[change]}
        return LayerDifference(counts, int(times.sum()), listed, changed)


_ABSENT, _DELETED = -1, -2
"""Instead of an inode: the layer does not touch the path, or deletes it."""


class _LayerPaths:
    """The paths that each layer of an image stores or deletes, in a table common to two images."""

    def __init__(self, filesystem: Filesystem, places: NDArray[np.int32]) -> None:
        self.inodes = filesystem.inodes
        self._filesystem, self._places = filesystem, places
        self._born = np.argsort(filesystem.born, kind="stable")
        self._died = np.argsort(filesystem.died, kind="stable")

    def by_layer(self, layer: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The paths that a layer stores or deletes, ascending, and for each the stored inode, or `_DELETED`."""
        filesystem = self._filesystem
        born = _rows_of(filesystem.born, self._born, layer)
        remaining = filesystem.died[born] != layer
        born = born[remaining & (filesystem.inode_of[born] != filesystem.inodes.implicit)]
        died = _rows_of(filesystem.died, self._died, layer)
        died = died[filesystem.born[died] < layer]
        # A replaced path occurs in both; the stored inode comes first.
        paths = self._places[filesystem.paths[np.concatenate([born, died])]]
        deleted = np.full(len(died), _DELETED, np.int32)
        inodes = np.concatenate([filesystem.inode_of[born].astype(np.int32), deleted])
        distinct, first = np.unique(paths, return_index=True)
        return distinct, inodes[first]


def _rows_of(column: NDArray[np.int32], order: NDArray[np.int64], value: int) -> NDArray[np.int64]:
    """The rows of a column that have a value; `order` sorts the column."""
    start = np.searchsorted(column, value, "left", sorter=order)
    end = np.searchsorted(column, value, "right", sorter=order)
    rows: NDArray[np.int64] = order[start:end]
    return rows


def _inodes_at(
    paths: NDArray[np.int32], stored_paths: NDArray[np.int32], inodes: NDArray[np.int32]
) -> NDArray[np.int32]:
    """The inode at each of `paths`, `_ABSENT` for those that are not in `stored_paths`."""
    result = np.full(len(paths), _ABSENT, np.int32)
    result[np.searchsorted(paths, stored_paths)] = inodes
    return result
