"""Looks up a complete image in the cache, without reading it."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from layerscope.analysis.accounting import Accounting
from layerscope.analysis.cache import ImageCache
from layerscope.analysis.duplicates import Duplicates
from layerscope.filesystem.model import Filesystem
from layerscope.layers.cache import IndexCache, Indexed
from layerscope.layers.reading import cached_layers
from layerscope.opening.options import Options
from layerscope.sources import Request, SourceImage


class CachedImage(Struct, frozen=True):
    """A completely cached image: every layer, and the stacked filesystem."""

    layers: Sequence[Indexed]
    cache: ImageCache
    filesystem: Filesystem
    accounting: Accounting
    duplicates: Duplicates | None
    """None if not requested, or not cached."""


def read_cached_image(
    request: Request, source: SourceImage, options: Options
) -> CachedImage | None:
    """The cached image, without reading a layer; None unless everything `analyse` needs is cached.

    May run in another thread before `analyse`, which takes the result.
    """
    cached = index_cache(request, options)
    if cached is None or source.awaits_export or source.saved is not None:
        return None
    hash_all = options.hash_all(source.blobs)
    for blob in source.blobs:
        cached.set_cached_length(blob)
    layers = cached_layers(source.blobs, cached, hash_all=hash_all)
    if layers is None:
        return None
    cache = image_cache(request, source, options, layers)
    filesystem = cache.filesystem([layer.index for layer in layers])
    accounting = None if filesystem is None else cache.accounting()
    if filesystem is None or accounting is None:
        return None
    duplicates = cache.duplicates() if options.duplicates else None
    return CachedImage(layers, cache, filesystem, accounting, duplicates)


def index_cache(request: Request, options: Options) -> IndexCache | None:
    """The cache of layer indexes; None without a cache."""
    if options.cache is None:
        return None
    return IndexCache(options.cache, request.limits, fresh=options.verify)


def image_cache(
    request: Request, source: SourceImage, options: Options, layers: Sequence[Indexed]
) -> ImageCache:
    """The cache of everything else about the image with these layers."""
    return ImageCache(options.cache, [layer.key for layer in layers], source.blobs, request.limits)
