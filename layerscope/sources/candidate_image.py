"""The image of a candidate: complete, or as described by an engine before it is exported."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from layerscope.errors import CorruptImageError, LayerscopeError
from layerscope.image.model import Alternative
from layerscope.image.platform import Platform
from layerscope.image.warnings import ImageWarning, one_each
from layerscope.layers.blob import Blob
from layerscope.layers.cache import IndexCache
from layerscope.layers.index import LayerIndex
from layerscope.layers.store import Store
from layerscope.sources.assemble import assemble
from layerscope.sources.base import (
    Candidate,
    Export,
    FoundImages,
    Request,
    SourceImage,
    errors_about,
)
from layerscope.sources.choosing import choose
from layerscope.sources.export_cache import ExportCache


def open_candidate(
    request: Request,
    found: FoundImages,
    chosen: Candidate,
    others: Sequence[Candidate] = (),
    warnings: Sequence[ImageWarning] = (),
) -> SourceImage:
    """The image of the candidate `chosen` from the images `found`. Raises `LayerscopeError`."""
    parts = chosen.load()
    location = found.location or request.reference.partition("://")[2] or request.reference
    if parts.complete_image is not None:
        return _with_location(
            request, parts.complete_image, chosen.kind or found.kind, location, found.warnings
        )
    image, blobs = assemble(
        request, chosen.kind or found.kind, location, chosen.tags, chosen.platform, parts,
        [Alternative(other.name, other.platform) for other in others], [*found.warnings, *warnings],
    )  # fmt: skip
    stated, wanted = chosen.platform, request.platform
    if stated is None or (wanted is not None and wanted.os_version and not stated.os_version):
        _check_runs(image.platform, wanted)  # only the config has a platform
    if chosen.export is None:
        return SourceImage(image, blobs, found.damage, follow_up=chosen.follow_up)
    return DescribedImage(image, blobs, found.damage, found, chosen, chosen.export)


def _with_location(
    request: Request,
    saved: SourceImage,
    kind: str,
    location: str,
    warnings: Sequence[ImageWarning],
) -> SourceImage:
    """The image of a saved file, with the reference and the location it was found at."""
    image = replace(
        saved.image,
        reference=request.reference,
        source_kind=kind,
        location=location,
        warnings=tuple(one_each([*saved.image.warnings, *warnings])),
    )
    return dataclasses.replace(saved, image=image)


@dataclass(frozen=True, slots=True)
class DescribedImage(SourceImage):
    """An image in an engine: its steps are known; its layers come from an export, or from the cache of an earlier one."""

    found: FoundImages
    chosen: Candidate
    export: Export

    @property
    def awaits_export(self) -> bool:
        return True

    def complete(
        self,
        request: Request,
        cache: IndexCache | None,
        is_skipped: Callable[[Blob], bool] = lambda _: False,  # noqa: ARG002  # only registries skip layers
    ) -> SourceImage:
        """The image from the cache of its last export if all of its layers are cached, else from a new export."""
        with errors_about(request):
            if cache is not None:
                cached = self._from_cache(request, cache.store)
                if cached is not None and all(map(cache.has, cached.blobs)):
                    return cached
            return self.exported(request)

    def exported(self, request: Request) -> ExportedImage:
        """The image from a new export by the engine. Raises `LayerscopeError` and `CancelledError`."""
        exported = self.export.run(request)
        several = len(exported.candidates) > 1
        export_request = self._export_request(request, self.image.platform if several else None)
        candidate, _, warnings = choose(export_request, exported, None)
        parts = candidate.load()
        candidate = replace(candidate, load=lambda: parts)
        only_image = replace(
            exported, candidates=[candidate], warnings=[*exported.warnings, *warnings]
        )
        source = self._open_export(export_request, only_image)
        _check_runs(source.image.platform, request.platform)
        return ExportedImage(
            source.image, source.blobs, source.damage, only_image, self.export_cache
        )

    @property
    def export_cache(self) -> ExportCache:
        """The cache of its last export."""
        return ExportCache(self.export.key, [layer.diff_id for layer in self.image.layers])

    def _from_cache(self, request: Request, store: Store) -> SourceImage | None:
        """The image without a new export until a layer is read; None if none is cached."""
        cached = self.export_cache.lookup(store, _DeferredExport(self, request))
        return (
            None
            if cached is None
            else self._open_export(self._export_request(request, None), cached)
        )

    @staticmethod
    def _export_request(request: Request, platform: Platform | None) -> Request:
        """The request for the image within its own export."""
        return replace(request, image=None, platform=platform)

    def _open_export(self, request: Request, exported: FoundImages) -> SourceImage:
        """The only image of an export, with the names and the location under which it was found."""
        (candidate,) = exported.candidates
        named = replace(candidate, tags=self.chosen.tags or candidate.tags, kind=None)
        located = replace(exported, kind=self.found.kind, location=self.found.location)
        return open_candidate(request, located, named)


@dataclass(frozen=True, slots=True)
class ExportedImage(SourceImage):
    """An image as an engine exported it."""

    export: FoundImages
    """The archive, with this image as its only candidate."""
    export_cache: ExportCache

    def keep_export(self, store: Store, indexes: Sequence[LayerIndex]) -> None:
        self.export_cache.keep(store, self.export, self, indexes)


class _DeferredExport:
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
