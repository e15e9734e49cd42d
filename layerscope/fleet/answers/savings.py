"""What images could do without: over all images, and where each distinct layer is stored once."""

from __future__ import annotations

from dataclasses import dataclass, field

from layerscope.fleet.answers.layers import Layers
from layerscope.fleet.claims import ClaimRow, common
from layerscope.fleet.results import Results


@dataclass(slots=True)
class _Claimed:
    """Contents of one layer."""

    contents: str
    packed: bytes
    """Those that all images could do without so far."""
    saved: int
    """Their bytes."""
    places: int = 0
    """How many times images list the layer and could do without some of it."""


@dataclass(slots=True)
class Savings:
    """Claims by subject and layer."""

    _layers: Layers
    _claimed: dict[tuple[str, str], _Claimed] = field(default_factory=dict)
    _total: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, results: Results, layers: Layers) -> Savings:
        """The claims of all images."""
        found = cls(layers)
        for row in results.rows(ClaimRow):
            found._total[row.subject] = found._total.get(row.subject, 0) + row.saved
            place = (row.subject, row.key)
            claimed = found._claimed.get(place)
            if claimed is None:
                claimed = found._claimed[place] = _Claimed(row.contents, row.packed, row.saved)
            elif claimed.contents != row.contents:
                claimed.packed, claimed.saved = common(claimed.packed, row.packed)
                claimed.contents = ""
            claimed.places += 1
        return found

    def bytes(self, subject: str) -> int:
        """Content bytes over all images."""
        return self._total.get(subject, 0)

    def once(self, subject: str, key: str) -> int:
        """Content bytes of a layer that no image which has it needs."""
        claimed = self._claimed.get((subject, key))
        everywhere = claimed is not None and claimed.places == self._layers.known[key].places
        return claimed.saved if claimed is not None and everywhere else 0

    def once_of_all(self, subject: str) -> int:
        """The same for all layers."""
        return sum(self.once(subject, key) for own, key in self._claimed if own == subject)
