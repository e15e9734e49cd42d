"""The bytes of an image as gate rules count them, for the image or an earlier report."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.analysis.accounting import Accounting, Waste
from layerscope.filesystem.paths import PathTable
from layerscope.image.model import Image


class Ledger(Struct, frozen=True):
    """Stored and wasted content bytes by layer."""

    table: PathTable
    """Paths of the waste."""
    waste: Waste
    stored: NDArray[np.int64]
    """By layer."""
    compressed: int | None
    """Compressed bytes of all blobs; None unless all are compressed."""
    blobs: tuple[int | None, ...]
    """Compressed bytes of each layer's blob; None if it is not compressed."""
    digests: tuple[tuple[str, ...], ...]
    """Known digests and diff IDs by layer."""
    base_layers: int
    """Number of base image layers."""

    @property
    def live(self) -> NDArray[np.int64]:
        """Live bytes by layer."""
        wasted = np.zeros(len(self.stored), np.int64)
        np.add.at(wasted, self.waste.stored_in, self.waste.bytes)
        return self.stored - wasted


class Figures(Struct, frozen=True):
    """The bytes that a rule counts, without ignored ones: stored = live + wasted."""

    live: int
    wasted: int

    @property
    def stored(self) -> int:
        """Bytes that count."""
        return self.live + self.wasted

    @property
    def efficiency(self) -> float:
        """Live / stored; 1 if nothing is stored."""
        return self.live / self.stored if self.stored else 1.0


def ledger_of(
    image: Image,
    accounting: Accounting,
    table: PathTable,
    blobs: Sequence[int | None],
    base_layers: int,
    unread: Collection[int] = (),
) -> Ledger:
    """The ledger of an image; `blobs` are compressed bytes by layer, None if a layer is not compressed, or is one of the
    `unread` layers, whose size is unknown."""
    # In many archives, layers without entries are uncompressed end-of-archive markers.
    counted = [
        size
        for number, (size, layer) in enumerate(zip(blobs, accounting.layers, strict=True))
        if layer.entries or size is not None or number in unread
    ]
    known = [size for size in counted if size is not None]
    return Ledger(
        table=table,
        waste=accounting.waste,
        stored=np.array([layer.stored for layer in accounting.layers], np.int64),
        compressed=sum(known) if known and len(known) == len(counted) else None,
        blobs=tuple(blobs),
        digests=tuple(
            tuple(digest for digest in (layer.digest, layer.diff_id) if digest)
            for layer in image.layers
        ),
        base_layers=base_layers,
    )
