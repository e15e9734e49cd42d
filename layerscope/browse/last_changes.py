"""The last change of each path: the layer, and the kind of change."""

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
    """The last change of a path."""

    layer: int
    """The last layer that changed the path, or that stored and replaced it."""
    change: Change | None
    """None if the layer that stored the path also replaced it."""
    kind: Kind
    bytes: int | None
    """Content bytes of the file, or of the directory in the final image; None for a deleted directory."""


class LastChanges:
    """The last change of every path of a filesystem."""

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
            changed = np.flatnonzero(changes.kinds[rows] != Change.UNCHANGED) + rows.start
            paths, after = changes.paths[changed], changes.after[changed]
            self._layers[paths] = layer
            self._kinds[paths] = changes.kinds[changed]
            self._rows[paths] = np.where(after >= 0, after, changes.before[changed])
        self._totals: NDArray[np.int64] = filesystem.totals(
            filesystem.visible(filesystem.layer_count - 1)
        ).bytes

    def layer(self, path: int) -> int:
        """The last layer that changed a path."""
        return int(self._layers[path])

    def version(self, path: int) -> int:
        """Row of the last version of a path."""
        return int(self._rows[path])

    def of(self, path: int) -> LastChange:
        """The last change of a path that some layer stored or removed."""
        row, change = int(self._rows[path]), int(self._kinds[path])
        kind = Kind(int(self._filesystem.kinds[row]))
        size: int | None = int(self._filesystem.stored[row])
        if kind is Kind.DIRECTORY:
            size = None if change in (Change.REMOVED, NO_CHANGE) else int(self._totals[path])
        known = None if change == NO_CHANGE else Change(change)
        return LastChange(int(self._layers[path]), known, kind, size)
