"""Which layers the images of one store share, and what removing an image would free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from layerscope.sources.store_image import StoreImage, StoreLayer


@dataclass(frozen=True, slots=True)
class Share:
    """An image's bytes, as its store records them. None where it does not record all of them."""

    shared: int | None
    """In layers that other images have, too."""
    unique: int | None
    """In layers that no other image has: what is freed when the image is removed."""


@dataclass(frozen=True, slots=True)
class SharedLayer:
    """A layer that several images have."""

    layer: StoreLayer
    images: int


@dataclass(frozen=True, slots=True)
class Sharing:
    """All images of one store together."""

    shares: Sequence[Share]
    """One an image, in order."""
    stored: int
    """Bytes of all layers, each once."""
    shared: int
    """Those of them in layers of several images."""
    dangling: int
    """Bytes that are freed when all images without a name are removed."""
    layers: Sequence[SharedLayer]
    """Layers of several images: those that save most first."""


def sharing(images: Sequence[StoreImage]) -> Sharing:
    """How the images of one store share its layers. Steps of builds are not to be among `images`: they go with the last image made from them."""
    layers: dict[str, StoreLayer] = {}
    uses: Counter[str] = Counter()
    named: set[str] = set()
    for image in images:
        own = {layer.key: layer for layer in image.layers or ()}
        layers.update(own)
        uses.update(own.keys())
        if not image.dangling:
            named |= own.keys()
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
    own = {layer.key: layer.size for layer in image.layers}
    if None in own.values():
        return Share(None, None)
    unique = sum(size or 0 for key, size in own.items() if uses[key] == 1)
    return Share(sum(size or 0 for size in own.values()) - unique, unique)
