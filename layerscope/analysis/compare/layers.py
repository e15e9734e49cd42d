"""Layers that two images share, and layers that a host with the old image must fetch for the new one."""

from __future__ import annotations

from dataclasses import dataclass

from layerscope.analysis.compare.side import Side


@dataclass(frozen=True, slots=True)
class LayerComparison:
    """Which layers of the new image are in the old one, by the digest of their tar."""

    common: int
    """Layers that are the same in both, counted from the bottom."""
    shared: tuple[int, ...]
    """Layers of the new image that the old one has at any position."""
    fetched: tuple[int, ...]
    """Layers of the new image that the old one does not have; one that occurs several times is fetched once."""


def diff_ids(side: Side) -> list[str | None]:
    """The diff ID of each layer: the computed one, otherwise the claimed one; None for damaged layers."""
    return [
        None if index.broken is not None else index.diff_id or layer.diff_id
        for layer, index in zip(side.image.layers, side.indexes, strict=True)
    ]


def compare_layers(old: list[str | None], new: list[str | None]) -> LayerComparison:
    """Compare the layers of two images, bottom first, by their diff IDs."""
    common = 0
    for mine, other in zip(old, new, strict=False):
        if mine is None or mine != other:
            break
        common += 1
    held = {known for known in old if known is not None}
    shared = [number for number, known in enumerate(new) if known in held]
    fetched: dict[object, int] = {}
    for number, known in enumerate(new):
        if known not in held:
            fetched.setdefault(number if known is None else known, number)
    return LayerComparison(common, tuple(shared), tuple(fetched.values()))
