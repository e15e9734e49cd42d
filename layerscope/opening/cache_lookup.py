"""What is remembered of an image, all at once: nothing of it is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from layerscope.analysis.accounting import Accounting
from layerscope.analysis.cache import ImageCache
from layerscope.analysis.duplicates import Duplicate
from layerscope.filesystem.model import Filesystem
from layerscope.layers.cache import IndexCache, Indexed
from layerscope.layers.reading import recall_layers
from layerscope.opening.options import Options
from layerscope.sources import Request, SourceImage


@dataclass(frozen=True, slots=True)
class Recalled:
    """What is remembered of an image of which every layer, and how they stack, is known."""

    layers: Sequence[Indexed]
    cache: ImageCache
    filesystem: Filesystem
    accounting: Accounting
    duplicates: Sequence[Duplicate] | None
    """None if they were not asked for, or are not known."""


def recall_image(request: Request, source: SourceImage, options: Options) -> Recalled | None:
    """All that is remembered of an image, without reading a layer; None if that is not all that `analyse` needs.

    It can be asked in another thread before `analyse`, and then be given to it.
    """
    cached = index_cache(request, options)
    if cached is None or source.fetch is not None:
        return None
    hash_all = options.hash_all(source.blobs)
    for blob in source.blobs:
        cached.recall_length(blob)
    layers = recall_layers(source.blobs, cached, hash_all=hash_all)
    if layers is None:
        return None
    cache = image_cache(request, source, options, layers)
    filesystem = cache.filesystem([layer.index for layer in layers])
    accounting = None if filesystem is None else cache.accounting()
    if filesystem is None or accounting is None:
        return None
    duplicates = cache.duplicates() if options.duplicates else None
    return Recalled(layers, cache, filesystem, accounting, duplicates)


def index_cache(request: Request, options: Options) -> IndexCache | None:
    """Where indexes of layers are remembered."""
    if options.cache is None:
        return None
    return IndexCache(options.cache, request.limits, fresh=options.verify)


def image_cache(
    request: Request, source: SourceImage, options: Options, layers: Sequence[Indexed]
) -> ImageCache:
    """Where all else is remembered of the image that these layers make."""
    return ImageCache(options.cache, [layer.key for layer in layers], source.blobs, request.limits)
