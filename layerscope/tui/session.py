"""What the explorer knows of the image so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from layerscope.analysis.duplicates import Duplicate
from layerscope.image.model import Image
from layerscope.layers.index import LayerIndex
from layerscope.opening import Opened, Options, verified
from layerscope.sources import Request, SourceImage


@dataclass(slots=True)
class Session:
    """An image being explored: its documents at once, its layers as they are read, the rest when all are stacked."""

    request: Request
    source: SourceImage
    options: Options
    indexes: list[LayerIndex | None] = field(default_factory=list)
    opened: Opened | None = None
    duplicates: Sequence[Duplicate] | None = None
    """None until they were looked for."""
    checked: dict[int, bool] = field(default_factory=dict)
    """Layers whose digests were checked after all else, and whether they are right."""

    def __post_init__(self) -> None:
        self.take(self.source)

    def take(self, source: SourceImage) -> None:
        """Explore the image as `source` has it: what an engine said of it before its export gives way to the export."""
        self.source = source
        self.indexes = [None] * len(source.blobs)

    @property
    def image(self) -> Image:
        """The image's documents."""
        return self.source.image

    @property
    def stored_so_far(self) -> int:
        """Content bytes of the layers that were read, in bytes."""
        return sum(int(index.columns.stored.sum()) for index in self.indexes if index is not None)

    def verified(self, layer: int) -> bool | None:
        """Whether a layer's bytes hash to what is claimed; None if that is not known yet."""
        index = self.indexes[layer]
        known = None if index is None else verified(self.image.layers[layer], index)
        return self.checked.get(layer) if known is None else known

    def digests_word(self) -> str:
        """What is known about all digests, in a word or two."""
        states = [self.verified(layer) for layer in range(len(self.indexes))]
        if False in states:
            return "digest mismatch"
        claimed = [layer for layer in self.image.layers if layer.digest or layer.diff_id]
        if not claimed:
            return "no digests"
        return (
            "digests ok" if all(states[layer.index] for layer in claimed) else "digests not checked"
        )
