"""How each path ended: the last layer that had something to do with it, and what that did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerscope.browse.modes import NO_CHANGE
from layerscope.filesystem.model import Filesystem
from layerscope.layers.index import Kind
from layerscope.words import Change


@dataclass(frozen=True, slots=True)
class LastChange:
    """The last that happened to a path."""

    layer: int
    """The last layer that changed it; the one that stored it, if that replaced it itself at once."""
    change: Change | None
    """None for what no layer left behind: its own layer replaced it."""
    kind: Kind
    bytes: int | None
    """What the file held, what the directory holds in the final image; None for a directory that is gone."""


class LastChanges:
    """The ending of every path of a filesystem."""

    def __init__(self, filesystem: Filesystem) -> None:
        count = len(filesystem.table)
        changes = filesystem.changes
        self._filesystem = filesystem
        youngest = np.flatnonzero(np.diff(filesystem.paths, append=-1))
        self._layers = np.zeros(count, np.int32)
        self._layers[filesystem.paths[youngest]] = filesystem.born[youngest]
        self._kinds = np.full(count, NO_CHANGE, np.uint8)
        self._rows = np.zeros(count, np.int32)
        self._rows[filesystem.paths[youngest]] = youngest
        for layer in range(filesystem.layer_count):
            rows = changes.of_layer(layer)
            told = np.flatnonzero(changes.kinds[rows] != Change.UNCHANGED) + rows.start
            paths, after = changes.paths[told], changes.after[told]
            self._layers[paths] = layer
            self._kinds[paths] = changes.kinds[told]
            self._rows[paths] = np.where(after >= 0, after, changes.before[told])
        self._totals: NDArray[np.int64] = filesystem.totals(
            filesystem.visible(filesystem.layer_count - 1)
        ).bytes

    def layer(self, path: int) -> int:
        """Where to look at a path: the last layer that changed it."""
        return int(self._layers[path])

    def version(self, path: int) -> int:
        """Row of the filesystem: what the path was last."""
        return int(self._rows[path])

    def of(self, path: int) -> LastChange:
        """The ending of a path that some layer stored or removed."""
        row, change = int(self._rows[path]), int(self._kinds[path])
        kind = Kind(int(self._filesystem.kinds[row]))
        size: int | None = int(self._filesystem.stored[row])
        if kind is Kind.DIRECTORY:
            size = None if change in (Change.REMOVED, NO_CHANGE) else int(self._totals[path])
        known = None if change == NO_CHANGE else Change(change)
        return LastChange(int(self._layers[path]), known, kind, size)
