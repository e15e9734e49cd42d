"""What a step does, by what its layer changes."""

from __future__ import annotations

from enum import StrEnum

from layerscope.filesystem.changes import Change
from layerscope.filesystem.model import Filesystem
from layerscope.layers.index import LayerIndex


class StepKind(StrEnum):
    """Kinds of steps."""

    METADATA = "metadata"
    """A history entry without a layer: it writes the config alone."""
    EMPTY = "empty"
    """A layer without entries."""
    FILES = "files"
    """Something is added, modified or removed."""
    ATTRIBUTES = "attributes"
    """Only attributes change: chmod, chown, touch, setcap."""
    UNCHANGED = "unchanged"
    """Entries that change nothing."""


def step_kind(filesystem: Filesystem, index: LayerIndex, layer: int) -> StepKind:
    """The kind of the step that stores a layer."""
    if not len(index):
        return StepKind.EMPTY
    counts = filesystem.changes.counts(layer)
    if counts[Change.ADDED] or counts[Change.MODIFIED] or counts[Change.REMOVED]:
        return StepKind.FILES
    return StepKind.ATTRIBUTES if counts[Change.METADATA] else StepKind.UNCHANGED
