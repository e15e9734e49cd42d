"""From a reference to a stacked, accounted image: what the commands and the explorer call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from layerscope.analysis.accounting import Accounting, account
from layerscope.analysis.cache import ImageCache
from layerscope.analysis.dockerfile_lines import DockerfileLines
from layerscope.analysis.duplicates import Duplicate, find_duplicates
from layerscope.analysis.warnings import collect_warnings
from layerscope.errors import CorruptImageError
from layerscope.filesystem.contents import compare_versions
from layerscope.filesystem.model import Filesystem
from layerscope.image.dockerfile import Dockerfile
from layerscope.image.model import Image
from layerscope.image.warnings import ImageWarning
from layerscope.judging import find_findings
from layerscope.layers.blob import Blob
from layerscope.layers.cache import IndexCache, Indexed
from layerscope.layers.contents import LayerContents
from layerscope.layers.index import LayerIndex
from layerscope.layers.reading import are_small, read_layers, recall_layers
from layerscope.layers.store import Store
from layerscope.settings import RuleChoice
from layerscope.sources import Request, SourceImage, open_source
from layerscope.sources.base import naming
from layerscope.verifying import claims_of, verified

if TYPE_CHECKING:
    from layerscope.analysis.findings.finding import Findings


@dataclass(frozen=True, slots=True)
class Options:
    """How an image is opened."""

    verify: bool = False
    """Hash layers whose bytes would not be read otherwise, however large."""
    verify_small: bool = True
    """Hash them if they are small together."""
    duplicates: bool = True
    """Look for files of equal content."""
    rules: Mapping[str, RuleChoice] | None = None
    """Look for what to fix, with these choices of rules; None for no findings."""
    names: bool = True
    """Keep the paths of each layer's index, so that they can be stacked again; without them a large image takes less memory."""
    dockerfile: Dockerfile | None = None
    """What the image was built from: it tells where the base image ends, and on which lines the steps are written."""
    cache: Store | None = None
    """Where to look for what is known of the layers already, and to keep what is learned."""

    def hash_all(self, blobs: Sequence[Blob]) -> bool:
        """Whether plain layers are read through, too."""
        return self.verify or (self.verify_small and are_small(blobs))


@dataclass(frozen=True, slots=True)
class Opened:
    """An image with all that is known about it."""

    image: Image
    indexes: Sequence[LayerIndex]
    contents: Sequence[LayerContents]
    filesystem: Filesystem
    accounting: Accounting
    duplicates: Sequence[Duplicate] | None
    """None if they were not looked for."""
    warnings: Sequence[ImageWarning]
    damage: str | None
    """What is wrong with the archive as a whole."""
    findings: Findings | None = None
    """None if they were not looked for."""
    written: DockerfileLines | None = None
    """Where the steps are written; None if no Dockerfile was given."""

    def verified(self, layer: int) -> bool | None:
        """Whether a layer's bytes hash to what is claimed; None if that was not checked."""
        return verified(self.image.layers[layer], self.indexes[layer])

    def damages(self) -> list[str]:
        """A sentence for each thing that could not be read whole."""
        broken = [
            f"layer {number} is damaged at byte {index.broken.offset:,} of its tar: {index.broken.message}"
            for number, index in enumerate(self.indexes)
            if index.broken is not None
        ]
        return broken or ([self.damage] if self.damage else [])

    def raise_damage(self) -> None:
        """Raise `CorruptImageError` if something could not be read whole."""
        found = self.damages()
        if found:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            raise CorruptImageError(
                f"{self.image.reference}: {found[0]}{more}",
                hint="the figures cover what could be read; --ignore-errors accepts them",
            )


class Listener:
    """Hears of the parts of an image as they become known, in the thread that does the work."""

    def fetched(self, source: SourceImage) -> None:
        """The layers are here, and with them the image in full: until now it was described by an engine."""

    def layer_indexed(self, number: int, index: LayerIndex) -> None:
        """A layer is read; layers come in order."""

    def stacked(self, opened: Opened) -> None:
        """All but duplicates and findings is known."""

    def compared(self, opened: Opened) -> None:
        """Duplicates were looked for, and are known, too."""


def open_image(request: Request, options: Options | None = None) -> Opened:
    """Open an image and learn everything. Raises `LayerscopeError` and `CancelledError`."""
    return analyse(request, open_source(request), options)


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
    cached = _index_cache(request, options)
    if cached is None or source.fetch is not None:
        return None
    hash_all = options.hash_all(source.blobs)
    for blob in source.blobs:
        cached.recall_length(blob)
    layers = recall_layers(source.blobs, cached, hash_all=hash_all)
    if layers is None:
        return None
    cache = _image_cache(request, source, options, layers)
    filesystem = cache.filesystem([layer.index for layer in layers])
    accounting = None if filesystem is None else cache.accounting()
    if filesystem is None or accounting is None:
        return None
    duplicates = cache.duplicates() if options.duplicates else None
    return Recalled(layers, cache, filesystem, accounting, duplicates)


def analyse(
    request: Request,
    source: SourceImage,
    options: Options | None = None,
    listener: Listener | None = None,
    recall: Callable[[], Recalled | None] | None = None,
) -> Opened:
    """Learn everything about an image whose documents are read. `listener` hears of each part as it is known.

    `recall` gives what `recall_image` said of it, if that was asked before.
    """
    listener = listener or Listener()
    options = options or Options()
    cached = _index_cache(request, options)
    with naming(request):
        if source.fetch is not None:
            source = _recalled(request, source, options.cache, cached) or source.fetch(request)
            listener.fetched(source)
        recalled = None if recall is None else recall()
        return _analyse(request, source, options, listener, cached, recalled)


def _index_cache(request: Request, options: Options) -> IndexCache | None:
    """Where indexes of layers are remembered."""
    if options.cache is None:
        return None
    return IndexCache(options.cache, request.limits, fresh=options.verify)


def _image_cache(
    request: Request, source: SourceImage, options: Options, layers: Sequence[Indexed]
) -> ImageCache:
    """Where all else is remembered of the image that these layers make."""
    return ImageCache(options.cache, [layer.key for layer in layers], source.blobs, request.limits)


def _recalled(
    request: Request, source: SourceImage, store: Store | None, cached: IndexCache | None
) -> SourceImage | None:
    """The image as its last export told it; None if that, or one of its layers, is not remembered."""
    if store is None or cached is None or source.recall is None:
        return None
    recalled = source.recall(request, store)
    known = recalled is not None and all(map(cached.has, recalled.blobs))
    return recalled if known else None


def _analyse(
    request: Request,
    source: SourceImage,
    options: Options,
    listener: Listener,
    cached: IndexCache | None,
    recalled: Recalled | None,
) -> Opened:
    progress = request.progress
    store, limits = options.cache, request.limits
    if recalled is None:
        layers = _read_layers(request, source, options, listener, cached)
        cache = _image_cache(request, source, options, layers)
    else:
        layers, cache = recalled.layers, recalled.cache
        for number, layer in enumerate(layers):
            listener.layer_indexed(number, layer.index)
    indexes = [layer.index for layer in layers]
    del layers
    filesystem = cache.filesystem(indexes) if recalled is None else recalled.filesystem
    known = filesystem is not None
    if filesystem is None:
        filesystem = Filesystem.stack(indexes, limits=limits, progress=progress)
    indexes = filesystem.inodes.shared_with(indexes, names=options.names)
    if store is not None and source.keep is not None:
        source.keep(store, indexes)
    contents = [
        LayerContents(blob, index, limits)
        for blob, index in zip(source.blobs, indexes, strict=True)
    ]
    if not known:
        compare_versions(filesystem, contents, progress)
    accounting = cache.accounting() if recalled is None else recalled.accounting
    opened = Opened(
        image=source.image,
        indexes=indexes,
        contents=contents,
        filesystem=filesystem,
        accounting=accounting or account(filesystem, indexes),
        duplicates=None,
        warnings=collect_warnings(source.image, indexes, filesystem, limits),
        damage=source.damage,
        written=None
        if options.dockerfile is None
        else DockerfileLines.of(options.dockerfile, source.image.steps),
    )
    listener.stacked(opened)
    cache.keep_filesystem(filesystem)
    cache.keep_accounting(opened.accounting, filesystem)
    if options.duplicates:
        duplicates = cache.duplicates() if recalled is None else recalled.duplicates
        if duplicates is None:
            duplicates = find_duplicates(filesystem, contents, progress)
            cache.keep_duplicates(duplicates, filesystem)
        opened = replace(opened, duplicates=duplicates)
        listener.compared(opened)
    if options.rules is not None:
        findings = find_findings(opened, progress, options.rules, cache)
        warnings = [*opened.warnings, *findings.warnings]
        opened = replace(opened, findings=findings, warnings=warnings)
    return opened


def _read_layers(
    request: Request,
    source: SourceImage,
    options: Options,
    listener: Listener,
    cached: IndexCache | None,
) -> Sequence[Indexed]:
    if cached is not None:
        for blob in source.blobs:
            cached.recall_length(blob)
    return read_layers(
        source.blobs,
        [claims_of(layer) for layer in source.image.layers],
        request.limits,
        request.progress,
        hash_all=options.hash_all(source.blobs),
        cache=cached,
        found=listener.layer_indexed,
    )


def file_name(reference: str) -> str:
    """The last part of a reference, for short titles."""
    return Path(reference).name or reference
