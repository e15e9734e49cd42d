"""Distinct layers, and which images have them."""

from __future__ import annotations

from collections.abc import Hashable

from msgspec import Struct, field

from layerscope.fleet.answers.model import DistinctLayer
from layerscope.fleet.results import Results
from layerscope.fleet.tables import LayerRow, StepRow


class LayerUse(Struct):
    """A distinct layer and its uses in images."""

    first: LayerRow
    """Its row in the first image that has it."""
    line: str
    """The step that made it there."""
    places: int = 0
    """Number of times that images list it."""
    images: int = 0
    last_image: int = -1
    total: int = 0
    """Stored bytes at all places."""
    base: bool = True
    """Whether it is part of the base image at all places."""


class Layers(Struct):
    """The distinct layers of a fleet."""

    by_key: dict[str, LayerUse] = field(default_factory=dict)
    places: int = 0

    @classmethod
    def of(cls, results: Results) -> Layers:
        """The distinct layers of all images."""
        layers = cls()
        for image in range(results.images):
            rows = results.of_image(LayerRow, image)
            lines = {step.step: step.line for step in results.of_image(StepRow, image)}
            for row in rows:
                layers.places += 1
                use = layers.by_key.get(row.key)
                if use is None:
                    use = layers.by_key[row.key] = LayerUse(row, lines.get(row.step, ""))
                use.places += 1
                use.total += row.stored_bytes
                use.base &= row.base
                if use.last_image != image:
                    use.images += 1
                    use.last_image = image
        return layers

    @property
    def stored_once(self) -> int:
        """Stored bytes of all distinct layers."""
        return sum(use.first.stored_bytes for use in self.by_key.values())

    def stored(self, key: str) -> int:
        """Stored bytes of a layer."""
        return self.by_key[key].first.stored_bytes

    def answer(self) -> list[DistinctLayer]:
        """The distinct layers, those with most bytes in all images first."""
        ranked = sorted(self.by_key.items(), key=lambda item: (-item[1].total, item[0]))
        return [
            DistinctLayer(
                digest=key,
                bytes=use.first.bytes,
                compressed=use.first.compressed,
                tar_bytes=use.first.tar_bytes,
                stored_bytes=use.first.stored_bytes,
                images=use.images,
                total_bytes=use.total,
                base=use.base,
                line=use.line,
            )
            for key, use in ranked
        ]


class Groups:
    """Layers that only the images of one group have."""

    def __init__(self) -> None:
        self._groups: dict[str, Hashable] = {}
        self._several: set[str] = set()

    def add(self, key: str, group: Hashable) -> None:
        """Note that an image of a group has a layer."""
        if self._groups.setdefault(key, group) != group:
            self._several.add(key)

    def unique(self, layers: Layers) -> dict[Hashable, int]:
        """Stored bytes of the layers that only one group has, by group."""
        sums: dict[Hashable, int] = {}
        for key, group in self._groups.items():
            if key not in self._several:
                sums[group] = sums.get(group, 0) + layers.stored(key)
        return sums
