"""Layers that two images share, and layers that a host with the old image must fetch for the new one."""

from __future__ import annotations

from msgspec import Struct

from layerscope.analysis.compare.side import Side


class LayerComparison(Struct, frozen=True):
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
    for old_id, new_id in zip(old, new, strict=False):
        if old_id is None or old_id != new_id:
            break
        common += 1
    old_ids = {diff_id for diff_id in old if diff_id is not None}
    shared = [number for number, diff_id in enumerate(new) if diff_id in old_ids]
    fetched: dict[object, int] = {}
    for number, diff_id in enumerate(new):
        if diff_id not in old_ids:
            fetched.setdefault(number if diff_id is None else diff_id, number)
    return LayerComparison(common, tuple(shared), tuple(fetched.values()))
