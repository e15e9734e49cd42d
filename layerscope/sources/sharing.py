"""Layers shared by the images of a store, and bytes reclaimable by removing an image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from layerscope.sources.store_image import StoreImage, StoreLayer


class Share(Struct, frozen=True):
    """An image's bytes, as recorded by its store. None if not all are recorded."""

    shared: int | None
    """Bytes in layers that other images also have."""
    unique: int | None
    """Bytes in layers of this image only, reclaimable by removing it."""


class SharedLayer(Struct, frozen=True):
    """A shared layer."""

    layer: StoreLayer
    images: int


class Sharing(Struct, frozen=True):
    """All images of one store together."""

    shares: Sequence[Share]
    """One per image, in order."""
    stored: int
    """Bytes of all layers, each counted once."""
    shared: int
    """Bytes of shared layers, each counted once."""
    dangling: int
    """Bytes reclaimable by removing all dangling images."""
    layers: Sequence[SharedLayer]
    """Shared layers, the largest savings first."""


def sharing(images: Sequence[StoreImage]) -> Sharing:
    """Layer sharing between the images of one store.

    `images` must not contain intermediate build steps: they are removed with the last image made from them.
    """
    layers: dict[str, StoreLayer] = {}
    uses: Counter[str] = Counter()
    named: set[str] = set()
    for image in images:
        image_layers = {layer.key: layer for layer in image.layers or ()}
        layers.update(image_layers)
        uses.update(image_layers.keys())
        if not image.dangling:
            named |= image_layers.keys()
    shared = [
        SharedLayer(layers[key], count)
        for key, count in uses.items()
        if count > 1 and layers[key].size
    ]
    shared.sort(key=lambda one: (-(one.layer.size or 0) * (one.images - 1), one.layer.key))
    return Sharing(
        [_share(image, uses) for image in images],
        sum(layer.size or 0 for layer in layers.values()),
        sum(one.layer.size or 0 for one in shared),
        sum(layer.size or 0 for key, layer in layers.items() if key not in named),
        shared,
    )


def _share(image: StoreImage, uses: Counter[str]) -> Share:
    if image.layers is None:
        return Share(None, None)
    sizes = {layer.key: layer.size for layer in image.layers}
    if None in sizes.values():
        return Share(None, None)
    unique = sum(size or 0 for key, size in sizes.items() if uses[key] == 1)
    return Share(sum(size or 0 for size in sizes.values()) - unique, unique)
