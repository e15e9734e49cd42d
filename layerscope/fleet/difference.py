"""Compares two layers that may be builds of the same step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

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
"""Maximum number of paths in a result."""


class OneLayer(Struct, frozen=True):
    """A layer by itself, as a `Side` of a comparison."""

    image: Image
    indexes: list[LayerIndex]
    contents: Sequence[LayerContents]
    filesystem: Filesystem
    findings: None = None

    @property
    def accounting(self) -> Accounting:
        """The accounting of the layer alone."""
        return account(self.filesystem, self.indexes)

    @classmethod
    def of(cls, index: LayerIndex, blob: Blob, limits: Limits) -> OneLayer:
        """The layer with this index. Raises `LimitExceededError`."""
        layer = Layer(0, 0, index.blob_digest, index.diff_id, None, None, None)
        image = Image("", (), None, None, None, Platform("", ""), "", "", ImageConfig(), (), (layer,), (), ())  # fmt: skip
        contents = LayerContents(blob, index, limits)
        return cls(image, [index], [contents], Filesystem.stack([index], limits=limits))


def compare(old: OneLayer, new: OneLayer, limits: Limits) -> CompareResult:
    """The difference between two layers. Raises `LimitExceededError`."""
    difference = LayerComparer(old, new, NullProgress(), limits).compare(0, 0)
    why = np.bitwise_or.reduce(np.array([one.why for one in difference.listed] or [0]))
    return CompareResult(
        added=difference.counts.get(Change.ADDED, 0),
        removed=difference.counts.get(Change.REMOVED, 0),
        modified=difference.counts.get(Change.MODIFIED, 0),
        metadata=difference.counts.get(Change.METADATA, 0),
        times=difference.times,
        why=tuple(name for bit, name in WHY_NAMES.items() if why & bit),
        paths=tuple(text_of(one.path) for one in difference.listed[:_PATHS]),
        markers=_whiteouts(old.indexes[0]) != _whiteouts(new.indexes[0]),
    )


def _whiteouts(index: LayerIndex) -> set[tuple[int, bytes]]:
    """The whiteouts of a layer: role and path."""
    entries = np.flatnonzero((index.roles == Role.WHITEOUT) | (index.roles == Role.OPAQUE))
    return {
        (int(index.roles[entry]), index.tree.path(int(index.nodes[entry])))
        for entry in entries.tolist()
    }
