"""Distinct layers, and which images have them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from layerscope.fleet.answers.model import DistinctLayer
from layerscope.fleet.results import Results
from layerscope.fleet.tables import LayerRow, StepRow


@dataclass(slots=True)
class Known:
    """A distinct layer."""

    first: LayerRow
    """Its row in the first image that has it."""
    line: str
    """The step that made it there."""
    places: int = 0
    """How many times images list it."""
    images: int = 0
    last_image: int = -1
    total: int = 0
    """Stored bytes at all places."""
    base: bool = True
    """Whether it is part of the base image at all places."""


@dataclass(slots=True)
class Layers:
    """The distinct layers of a fleet."""

    known: dict[str, Known] = field(default_factory=dict)
    """By key."""
    places: int = 0

    @classmethod
    def of(cls, results: Results) -> Layers:
        """The distinct layers of all images."""
        found = cls()
        for image in range(results.images):
            rows = results.of_image(LayerRow, image)
            lines = {step.step: step.line for step in results.of_image(StepRow, image)}
            for row in rows:
                found.places += 1
                known = found.known.get(row.key)
                if known is None:
                    known = found.known[row.key] = Known(row, lines.get(row.step, ""))
                known.places += 1
                known.total += row.stored_bytes
                known.base &= row.base
                if known.last_image != image:
                    known.images += 1
                    known.last_image = image
        return found

    @property
    def stored_once(self) -> int:
        """Stored bytes of all distinct layers."""
        return sum(known.first.stored_bytes for known in self.known.values())

    def stored(self, key: str) -> int:
        """Stored bytes of a layer."""
        return self.known[key].first.stored_bytes

    def answer(self) -> list[DistinctLayer]:
        """All of them, those that cost most in all images first."""
        ranked = sorted(self.known.items(), key=lambda item: (-item[1].total, item[0]))
        return [
            DistinctLayer(
                digest=key,
                bytes=known.first.bytes,
                compressed=known.first.compressed,
                tar_bytes=known.first.tar_bytes,
                stored_bytes=known.first.stored_bytes,
                images=known.images,
                total_bytes=known.total,
                base=known.base,
                line=known.line,
            )
            for key, known in ranked
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
