"""In what two layers differ that may be builds of the same thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from layerscope.analysis.accounting import Accounting, account
from layerscope.analysis.series.layer_difference import LayerComparer
from layerscope.filesystem.changes import WHY_NAMES
from layerscope.filesystem.model import Filesystem
from layerscope.fleet.messages import CompareResult
from layerscope.fleet.tables import text_of
from layerscope.image.model import Image, ImageConfig, Layer
from layerscope.image.platform import Platform
from layerscope.layers.blob import Blob
from layerscope.layers.contents import LayerContents
from layerscope.layers.index import LayerIndex
from layerscope.layers.names import Role
from layerscope.limits import Limits
from layerscope.progress import NullProgress
from layerscope.words import Change

_PATHS = 10
"""Paths that are named."""


@dataclass(frozen=True, slots=True)
class OneLayer:
    """A layer by itself, as a `Side` of a comparison."""

    image: Image
    indexes: list[LayerIndex]
    contents: Sequence[LayerContents]
    filesystem: Filesystem
    findings: None = None

    @property
    def accounting(self) -> Accounting:
        """Where its bytes went."""
        return account(self.filesystem, self.indexes)

    @classmethod
    def of(cls, index: LayerIndex, blob: Blob, limits: Limits) -> OneLayer:
        """The layer with this index. Raises `LimitExceededError`."""
        layer = Layer(0, 0, index.blob_digest, index.diff_id, None, None, None)
        image = Image("", (), None, None, None, Platform("", ""), "", "", ImageConfig(), (), (layer,), (), ())  # fmt: skip
        contents = LayerContents(blob, index, limits)
        return cls(image, [index], [contents], Filesystem.stack([index], limits=limits))


def compare(old: OneLayer, new: OneLayer, limits: Limits) -> CompareResult:
    """In what two layers differ. Raises `LimitExceededError`."""
    found = LayerComparer(old, new, NullProgress(), limits).compare(0, 0)
    why = np.bitwise_or.reduce(np.array([one.why for one in found.listed] or [0]))
    return CompareResult(
        added=found.counts.get(Change.ADDED, 0),
        removed=found.counts.get(Change.REMOVED, 0),
        modified=found.counts.get(Change.MODIFIED, 0),
        metadata=found.counts.get(Change.METADATA, 0),
        times=found.times,
        why=tuple(name for bit, name in WHY_NAMES.items() if why & bit),
        paths=tuple(text_of(one.path) for one in found.listed[:_PATHS]),
        markers=_markers(old.indexes[0]) != _markers(new.indexes[0]),
    )


def _markers(index: LayerIndex) -> set[tuple[int, bytes]]:
    """What a layer deletes."""
    entries = np.flatnonzero((index.roles == Role.WHITEOUT) | (index.roles == Role.OPAQUE))
    return {
        (int(index.roles[entry]), index.tree.path(int(index.nodes[entry])))
        for entry in entries.tolist()
    }
