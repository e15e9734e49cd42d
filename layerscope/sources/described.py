"""The image of a candidate: complete, or as described by an engine before it is exported."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from layerscope.errors import CorruptImageError, LayerscopeError
from layerscope.image.model import Alternative
from layerscope.image.platform import Platform
from layerscope.image.warnings import ImageWarning, one_each
from layerscope.layers.blob import Blob
from layerscope.layers.cache import IndexCache
from layerscope.layers.index import LayerIndex
from layerscope.layers.store import Store
from layerscope.sources.assemble import assemble
from layerscope.sources.base import Candidate, Export, Found, Request, SourceImage, naming
from layerscope.sources.choosing import choose
from layerscope.sources.export_cache import ExportCache


def describe(
    request: Request,
    found: Found,
    chosen: Candidate,
    others: Sequence[Candidate] = (),
    warnings: Sequence[ImageWarning] = (),
) -> SourceImage:
    """The image of the candidate `chosen` among those `found`. Raises `LayerscopeError`."""
    parts = chosen.load()
    location = found.location or request.reference.partition("://")[2] or request.reference
    if parts.whole is not None:
        return _placed(request, parts.whole, chosen.kind or found.kind, location, found.warnings)
    image, blobs = assemble(
        request, chosen.kind or found.kind, location, chosen.tags, chosen.platform, parts,
        [Alternative(other.name, other.platform) for other in others], [*found.warnings, *warnings],
    )  # fmt: skip
    stated, wanted = chosen.platform, request.platform
    if stated is None or (wanted is not None and wanted.os_version and not stated.os_version):
        _check_runs(image.platform, wanted)  # only the config says it
    if chosen.export is None:
        return SourceImage(image, blobs, found.damage, rest=chosen.rest)
    return DescribedImage(image, blobs, found.damage, found, chosen, chosen.export)


def _placed(
    request: Request,
    whole: SourceImage,
    kind: str,
    location: str,
    warnings: Sequence[ImageWarning],
) -> SourceImage:
    """An image that needs no assembling, with where it was found."""
    image = replace(
        whole.image,
        reference=request.reference,
        source_kind=kind,
        location=location,
        warnings=tuple(one_each([*whole.image.warnings, *warnings])),
    )
    return replace(whole, image=image)


@dataclass(frozen=True, slots=True)
class DescribedImage(SourceImage):
    """An image in an engine: its steps are known; its layers come from an export, or from the cache of an earlier one."""

    found: Found
    chosen: Candidate
    export: Export

    @property
    def awaits_export(self) -> bool:
        return True

    def complete(
        self,
        request: Request,
        cache: IndexCache | None,
        spared: Callable[[Blob], bool] = lambda _: False,  # noqa: ARG002  # only registries spare layers
    ) -> SourceImage:
        """The same image from the cache of its last export if that knows every layer, else exported."""
        with naming(request):
            if cache is not None:
                cached = self._from_cache(request, cache.store)
                if cached is not None and all(map(cache.has, cached.blobs)):
                    return cached
            return self.exported(request)

    def exported(self, request: Request) -> ExportedImage:
        """The image as the engine exports it now. Raises `LayerscopeError` and `CancelledError`."""
        exported = self.export.run(request)
        several = len(exported.candidates) > 1
        inner = self._inside(request, self.image.platform if several else None)
        whole, _, warnings = choose(inner, exported, None)
        parts = whole.load()
        whole = replace(whole, load=lambda: parts)
        alone = replace(exported, candidates=[whole], warnings=[*exported.warnings, *warnings])
        source = self._named_alike(inner, alone)
        _check_runs(source.image.platform, request.platform)
        return ExportedImage(source.image, source.blobs, source.damage, alone, self.export_cache)

    @property
    def export_cache(self) -> ExportCache:
        """The cache of its last export."""
        return ExportCache(self.export.key, [layer.diff_id for layer in self.image.layers])

    def _from_cache(self, request: Request, store: Store) -> SourceImage | None:
        """The image without a new export until a layer is read; None if none is cached."""
        cached = self.export_cache.lookup(store, _ExportedLater(self, request))
        return None if cached is None else self._named_alike(self._inside(request, None), cached)

    @staticmethod
    def _inside(request: Request, platform: Platform | None) -> Request:
        """The request for the image within its own export."""
        return replace(request, image=None, platform=platform)

    def _named_alike(self, request: Request, exported: Found) -> SourceImage:
        """The only image of an export, with the names and the location under which it was found."""
        (whole,) = exported.candidates
        named = replace(whole, tags=self.chosen.tags or whole.tags, kind=None)
        place = replace(exported, kind=self.found.kind, location=self.found.location)
        return describe(request, place, named)


@dataclass(frozen=True, slots=True)
class ExportedImage(SourceImage):
    """An image as an engine exported it."""

    export: Found
    """The archive, with this image as its only candidate."""
    export_cache: ExportCache

    def keep_export(self, store: Store, indexes: Sequence[LayerIndex]) -> None:
        self.export_cache.keep(store, self.export, self, indexes)


class _ExportedLater:
    """The layers of an image that is exported when the first of them is read."""

    def __init__(self, described: DescribedImage, request: Request) -> None:
        self._described = described
        self._request = request
        self._lock = threading.Lock()
        self._image: SourceImage | None = None

    def layer(self, number: int) -> Blob:
        with self._lock:
            if self._image is None:
                try:
                    self._image = self._described.exported(self._request)
                finally:
                    self._request.progress.stage(
                        ""
                    )  # the export is only part of what the caller does
        if number >= len(self._image.blobs):
            raise CorruptImageError("the engine exports fewer layers than before")
        return self._image.blobs[number]


def _check_runs(available: Platform, wanted: Platform | None) -> None:
    """Raise `LayerscopeError` if the platform in the config does not match; a config without a platform matches."""
    if wanted is not None and available.architecture and wanted.preference(available) is None:
        raise LayerscopeError(f"no image for platform {wanted}", hint=f"available: {available}")
