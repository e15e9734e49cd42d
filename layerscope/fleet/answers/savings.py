"""Bytes that images do not need, where each distinct layer is stored once."""

from __future__ import annotations

from msgspec import Struct, field

from layerscope.fleet.answers.layers import Layers
from layerscope.fleet.claims import ClaimRow, intersection
from layerscope.fleet.results import Results


class _Claimed(Struct):
    """Contents of one layer that images do not need."""

    contents: str
    packed: bytes
    """Those that none of the images so far needs."""
    saved: int
    """Their bytes."""
    places: int = 0
    """How many times images list the layer without needing all of it."""


class Savings(Struct):
    """Claims by subject and layer."""

    _layers: Layers
    _claimed: dict[tuple[str, str], _Claimed] = field(default_factory=dict)

    @classmethod
    def of(cls, results: Results, layers: Layers) -> Savings:
        """The claims of all images."""
        savings = cls(layers)
        for row in results.rows(ClaimRow):
            place = (row.subject, row.key)
            claimed = savings._claimed.get(place)
            if claimed is None:
                claimed = savings._claimed[place] = _Claimed(row.contents, row.packed, row.saved)
            elif claimed.contents != row.contents:
                claimed.packed, claimed.saved = intersection(claimed.packed, row.packed)
                claimed.contents = ""
            claimed.places += 1
        return savings

    def once(self, subject: str, key: str) -> int:
        """Content bytes of a layer that no image with the layer needs."""
        claimed = self._claimed.get((subject, key))
        everywhere = claimed is not None and claimed.places == self._layers.by_key[key].places
        return claimed.saved if claimed is not None and everywhere else 0

    def once_of_all(self, subject: str) -> int:
        """Content bytes that no image needs, over all layers."""
        return sum(
            self.once(subject, key)
            for claimed_subject, key in self._claimed
            if claimed_subject == subject
        )
