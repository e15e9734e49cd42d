"""Opens images: from a reference to the stacked filesystem, accounting and findings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from msgspec.structs import replace

from layerscope.analysis.accounting import account
from layerscope.analysis.cache import ImageCache
from layerscope.analysis.duplicates import find_duplicates
from layerscope.analysis.findings.layer_scans import LayerScans
from layerscope.analysis.warnings import collect_warnings
from layerscope.errors import LimitExceededError, UsageError
from layerscope.filesystem.compare_contents import compare_versions
from layerscope.filesystem.model import Filesystem
from layerscope.layers.blob import Blob
from layerscope.layers.cache import Indexed
from layerscope.layers.index import LayerIndex
from layerscope.layers.reading import read_layers
from layerscope.layers.toc.claims import claims_toc
from layerscope.layers.toc.tables_of_contents import SMALL, WORTHWHILE, TablesOfContents
from layerscope.opening.allocator import return_freed_memory
from layerscope.opening.cache_lookup import CachedImage, image_cache, index_cache
from layerscope.opening.digests import claims_of
from layerscope.opening.opened import Opened, file_name
from layerscope.opening.options import Options
from layerscope.opening.run_rules import find_findings, load_rules
from layerscope.progress import QuietProgress
from layerscope.sources import Request, SourceImage, open_source
from layerscope.sources.base import errors_about
from layerscope.words import Extent

__all__ = ["Listener", "Opened", "Options", "analyse", "file_name", "open_image"]

_LARGE, _LARGE_NAMES = 1 << 18, 1 << 25
"""Number of entries, and bytes of names, from which freed memory is worth returning between two stages."""


class Listener:
    """Called with the parts of an image as they become available, in the working thread."""

    def fetched(self, source: SourceImage) -> None:
        """The layers and the complete image arrived; before, only the engine's description was known."""

    wants_expected = False
    """Whether to call `expected`, which costs extra work before the layers are read."""

    def expected(self, filesystem: Filesystem) -> None:
        """The filesystem according to the layers' tables of contents, while the layers are being read."""

    def layer_indexed(self, number: int, indexed: Indexed) -> None:
        """A layer was read; layers arrive in order."""

    def stacked(self, opened: Opened, cache: ImageCache) -> Opened:  # noqa: ARG002
        """Everything but duplicates and findings is known, and in the cache. Returns the image to continue with."""
        return opened

    def replaced(self) -> None:
        """The image returned by `stacked` has replaced the one passed to it."""

    def duplicates_found(self, opened: Opened) -> None:
        """Duplicates are known, too."""

    def beside_found(self, opened: Opened) -> None:
        """Attestations and other artifacts beside the image are known, too."""


def open_image(request: Request, options: Options | None = None) -> Opened:
    """Open and analyse an image. Raises `LayerscopeError` and `CancelledError`."""
    return analyse(request, open_source(request), options)


def analyse(
    request: Request,
    source: SourceImage,
    options: Options | None = None,
    listener: Listener | None = None,
    cached_image: CachedImage | None = None,
    layers: Sequence[Indexed] | None = None,
) -> Opened:
    """Analyse an image whose manifest and config were read. `listener` is called for each part as it becomes known.

    `cached_image` is what `read_cached_image` returned, if it was called; `layers` are the indexes of all layers, if these were
    read before.
    """
    options, listener = options or Options(), listener or Listener()
    if options.headers_only:
        if source.image.source_kind != "registry":
            raise UsageError(
                f"{request.reference}: --headers-only works only for images in registries",
                hint="leave it out: nothing is fetched here",
            )
        options = replace(options, rules=None)  # they read contents
    if source.saved is not None:
        return _open_saved(request, source, options, listener)
    progress = request.progress
    with errors_about(request):
        cached = index_cache(request, options)
        fetched = source.complete(request, cached, _not_fetched(source, options))
        if fetched is not source:
            listener.fetched(fetched)
        if options.inventory:
            for blob in fetched.blobs:
                blob.keep()
        scans = LayerScans(len(fetched.blobs)) if options.rules is not None else None
        beside = None if options.rules is None else fetched.ask_beside()
        opened, cache = _stack(request, fetched, options, listener, scans, cached_image, layers)
        opened = listener.stacked(opened, cache)
        listener.replaced()
        if options.duplicates and not opened.unknown_layers:
            duplicates = cache.duplicates() if cached_image is None else cached_image.duplicates
            if duplicates is None:
                duplicates = find_duplicates(opened.filesystem, opened.contents, progress)
                cache.keep_duplicates(duplicates, opened.filesystem)
            opened = replace(opened, duplicates=duplicates)
            listener.duplicates_found(opened)
        if beside is not None and (image := beside()) is not opened.image:
            added = image.warnings[len(opened.image.warnings) :]
            opened = replace(opened, image=image, warnings=[*opened.warnings, *added])
            listener.beside_found(opened)
        if options.rules is not None:
            findings = find_findings(
                opened, progress, options.rules, cache, scans, base_steps=options.base_steps
            )
            warnings = [*opened.warnings, *findings.warnings]
            opened = replace(opened, findings=findings, warnings=warnings)
            if options.inventory:
                from layerscope.opening.inventory import with_inventory

                opened = with_inventory(opened, findings, progress, cache, scans)
        return opened


def _open_saved(
    request: Request, source: SourceImage, options: Options, listener: Listener
) -> Opened:
    """The image in a saved file, of which everything is known immediately."""
    from layerscope.opening.saved import open_saved  # most images are not saved

    with errors_about(request):
        opened = open_saved(request, source, options)
    for number, index in enumerate(opened.indexes):
        listener.layer_indexed(number, Indexed(index, None))
    opened = listener.stacked(opened, ImageCache(None, [], (), request.limits))
    listener.replaced()
    if opened.duplicates is not None:
        listener.duplicates_found(opened)
    return opened


def _stack(
    request: Request,
    source: SourceImage,
    options: Options,
    listener: Listener,
    scans: LayerScans | None,
    cached_image: CachedImage | None,
    indexed: Sequence[Indexed] | None,
) -> tuple[Opened, ImageCache]:
    """The image without duplicates and findings, and the cache, which now contains it."""
    progress, limits = request.progress, request.limits
    tables = TablesOfContents(
        source.blobs,
        [layer.annotations for layer in source.image.layers],
        limits,
        places=options.tables or options.headers_only,
    )
    if cached_image is None:
        layers = indexed or _read_layers(request, source, options, listener, scans, tables)
        cache = image_cache(request, source, options, layers)
        filesystem = cache.filesystem([layer.index for layer in layers])
        accounting = cache.accounting()
    else:
        layers, cache = cached_image.layers, cached_image.cache
        filesystem, accounting = cached_image.filesystem, cached_image.accounting
        for number, layer in enumerate(layers):
            listener.layer_indexed(number, layer)
    indexes = [layer.index for layer in layers]
    if scans is not None:
        scans.share(indexes)
    del layers
    names = sum(len(index.tree.names.data) for index in indexes)
    is_large = sum(map(len, indexes)) > _LARGE or names > _LARGE_NAMES
    if is_large:
        return_freed_memory()
    stacked = filesystem or Filesystem.stack(indexes, limits=limits, progress=progress)
    indexes = stacked.inodes.shared_with(indexes)
    if options.cache is not None:
        source.keep_export(options.cache, indexes)
    contents = [tables.contents(number, index) for number, index in enumerate(indexes)]
    if filesystem is None and (options.compare or not any(map(_without_digests, indexes))):
        compare_versions(stacked, contents, progress)
    opened = Opened(
        image=source.image,
        indexes=indexes,
        contents=contents,
        filesystem=stacked,
        accounting=accounting or account(stacked, indexes),
        duplicates=None,
        warnings=collect_warnings(source.image, indexes, stacked, limits),
        damage=source.damage,
        dockerfile_lines=options.lines_of(source.image.steps),
    )
    if is_large:
        return_freed_memory()
    cache.keep_filesystem(stacked)
    cache.keep_accounting(opened.accounting, stacked)
    return opened, cache


def _read_layers(
    request: Request,
    source: SourceImage,
    options: Options,
    listener: Listener,
    scans: LayerScans | None,
    tables: TablesOfContents,
) -> Sequence[Indexed]:
    cached = index_cache(request, options)
    if cached is not None:
        for blob in source.blobs:
            cached.set_cached_length(blob)
    layers, progress = source.image.layers, request.progress

    def on_expected(indexes: Sequence[LayerIndex]) -> None:
        with suppress(LimitExceededError):  # reading the layers will report that
            listener.expected(
                Filesystem.stack(indexes, limits=request.limits, progress=QuietProgress(progress))
            )

    def unread(number: int) -> LayerIndex | None:
        blob = source.blobs[number]
        if options.headers_only and blob.ranged:
            # Do not use the cache either: reports must not depend on earlier runs.
            blob.forbid_full_fetch()
            index = tables.listed_index(number, beside=False)
            return index or tables.unknown_index(number, layers[number].media_type)
        is_cached = cached is not None and cached.has(blob)
        if options.tables and blob.size > SMALL and not is_cached:
            return tables.listed_index(number)
        return None

    def completed(number: int, index: LayerIndex) -> LayerIndex:
        if scans is not None:
            load_rules()  # while other layers are read
        return tables.with_check(number, index)

    expected = tables.expected_indexes(cached, on_expected) if listener.wants_expected else None
    return read_layers(
        source.blobs,
        [claims_of(layer) for layer in layers],
        request.limits,
        progress,
        hash_all=options.hash_all(source.blobs),
        cache=cached,
        on_layer=listener.layer_indexed,
        complete=completed,
        expected=expected,
        collectors=scans,
        unread=unread,
    )


def _not_fetched(source: SourceImage, options: Options) -> Callable[[Blob], bool]:
    """A function that tells which layers will probably not be fetched, because a table of contents replaces them."""
    with_toc_claim = {
        id(blob)
        for blob, layer in zip(source.blobs, source.image.layers, strict=True)
        if claims_toc(layer.annotations)
    }

    def not_fetched(blob: Blob) -> bool:
        if options.headers_only or not (blob.ranged and options.tables):
            return blob.ranged and options.headers_only
        if id(blob) in with_toc_claim:
            return blob.size > SMALL
        return blob.size >= WORTHWHILE and blob.has_ztoc(vouched_for=True)

    return not_fetched


def _without_digests(index: LayerIndex) -> bool:
    """Whether the index comes from a table of contents that has no digests."""
    return index.extent is Extent.LISTED and index.digests is None
