"""The kind of a step, by what its layer changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerscope.words import Change, StepKind

if TYPE_CHECKING:
    from layerscope.filesystem.model import Filesystem
    from layerscope.layers.index import LayerIndex


def step_kind(filesystem: Filesystem, index: LayerIndex, layer: int) -> StepKind:
    """The kind of the step that stores a layer."""
    if not len(index):
        return StepKind.EMPTY
    counts = filesystem.changes.counts(layer)
    if counts[Change.ADDED] or counts[Change.MODIFIED] or counts[Change.REMOVED]:
        return StepKind.FILES
    return StepKind.ATTRIBUTES if counts[Change.METADATA] else StepKind.UNCHANGED
