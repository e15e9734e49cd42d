"""The bytes of an image as gates look at them: the one at hand, or that of an earlier report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.accounting import Accounting, Waste
from layerscope.filesystem.paths import PathTable
from layerscope.image.model import Image


@dataclass(frozen=True, slots=True)
class Ledger:
    """What each layer stores, and what of it is wasted. All sizes are content bytes."""

    table: PathTable
    """Paths of the waste."""
    waste: Waste
    stored: NDArray[np.int64]
    """By layer."""
    compressed: int | None
    """Bytes of all blobs as they are stored; None if not all of them are compressed."""
    blobs: tuple[int | None, ...]
    """Bytes of each layer's blob; None for one that is not compressed."""
    digests: tuple[tuple[str, ...], ...]
    """By layer: digest and diff ID, as far as they are known."""
    base_layers: int
    """How many first layers are the base image's."""

    @property
    def live(self) -> NDArray[np.int64]:
        """Bytes of each layer that the final image shows."""
        wasted = np.zeros(len(self.stored), np.int64)
        np.add.at(wasted, self.waste.stored_in, self.waste.bytes)
        return self.stored - wasted


@dataclass(frozen=True, slots=True)
class Figures:
    """What a gate counts, once ignores are left out: stored = live + wasted."""

    live: int
    wasted: int

    @property
    def stored(self) -> int:
        """Bytes that count."""
        return self.live + self.wasted

    @property
    def efficiency(self) -> float:
        """Live share of what counts; 1 when nothing does."""
        return self.live / self.stored if self.stored else 1.0


def ledger_of(
    image: Image,
    accounting: Accounting,
    table: PathTable,
    blobs: Sequence[int | None],
    base_layers: int,
) -> Ledger:
    """The ledger of an image; `blobs` are the bytes of each layer's, None for one that is not compressed."""
    # Layers without entries are nothing but an end mark in many archives, compressed or not.
    counted = [
        size
        for size, layer in zip(blobs, accounting.layers, strict=True)
        if layer.entries or size is not None
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
