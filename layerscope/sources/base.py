"""Types shared by all sources: requests, candidates and images."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from layerscope.errors import LayerscopeError
from layerscope.faults import is_out_of_memory
from layerscope.image.model import Beside, Image
from layerscope.image.platform import Platform
from layerscope.image.warnings import ImageWarning
from layerscope.limits import DEFAULT_LIMITS, Limits
from layerscope.progress import NullProgress, Progress

if TYPE_CHECKING:
    from layerscope.layers.blob import Blob
    from layerscope.layers.cache import IndexCache
    from layerscope.layers.index import LayerIndex
    from layerscope.layers.packing import Packed
    from layerscope.layers.store import Store
    from layerscope.settings import Remote
    from layerscope.sources.artifacts import Artifact

_Result = TypeVar("_Result")

STDIN = "-"
"""The reference for an image on stdin."""


class Request(Struct, frozen=True):
    """A request for an image."""

    reference: str
    """A path, `-` for stdin, or SCHEME://reference."""
    image: str | None = None
    """Selects an image of an archive with several: a tag, a digest prefix or `@N`."""
    platform: Platform | None = None
    """Selects a platform; None for this machine's."""
    limits: Limits = DEFAULT_LIMITS
    progress: Progress = msgspec.field(default_factory=NullProgress)
    store_root: Path | None = None
    """The folder of a store, instead of the usual ones."""
    pull: bool = False
    """Whether an engine pulls an image that is not found locally."""
    remote: Remote = "ask"
    """Whether an image that no local source has is looked up in its registry."""
    max_download: int | None = None
    """Maximum bytes of layers to fetch from a registry; None for no limit."""
    cache: Store | None = None
    """The cache for manifests and configs of registries; None for no cache."""


def shortened(text: str, at_most: int = 600) -> str:
    """A text cut to `at_most` characters: names from an image may be megabytes long."""
    return text if len(text) <= at_most else f"{text[: at_most - 1]}…"


_LOGIN = re.compile(r"://[^/@]*:[^/@]*@(?=[^/]*/)")
"""User and password in a reference: they are not supported, and errors must not show them."""


def in_thread(work: Callable[[], _Result]) -> Callable[[], _Result]:
    """Start `work` in a daemon thread; returns a function that waits for its result, or raises its error."""
    future: Future[_Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="layerscope-fetch", daemon=True).start()
    return future.result


@contextmanager
def errors_about(request: Request) -> Iterator[None]:
    """Turn errors inside into a `LayerscopeError` that names the requested image; `MemoryError` passes."""
    shown = "stdin" if request.reference == STDIN else _LOGIN.sub("://***@", request.reference)
    try:
        yield
    except LayerscopeError as error:
        name = Path(shown).name or shown
        if f"{name}:" not in error.message:
            error.message = f"{shown}: {error.message}"
        error.message = shortened(error.message)
        error.hint = None if error.hint is None else shortened(error.hint)
        error.args = (error.message,)
        raise
    except OSError as error:
        if is_out_of_memory(error):
            raise MemoryError from error
        file = f" ({error.filename})" if isinstance(error.filename, str) else ""
        why = error.strerror or error
        raise LayerscopeError(f"{shown}: cannot be read: {why}{file}") from error


class LayerPart(Struct, frozen=True):
    """A layer as a source finds it."""

    blob: Blob
    digest: str | None = None
    """The blob's digest according to the manifest."""
    media_type: str | None = None
    annotations: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Annotations of its descriptor with text values."""


class ImageParts(Struct, frozen=True):
    """The parts of an image that a source supplies; everything else is derived in `assemble.py`."""

    layers: Sequence[LayerPart]
    config: bytes | None
    """The raw config; None if there is none, as for a root filesystem."""
    manifest_digest: str | None = None
    config_digest: str | None = None
    """The config's digest according to the manifest."""
    artifact: Artifact | None = None
    """The artifact of the manifest if its types are not those of an image; it opens if its layers are tars."""
    image_id: str | None = None
    """The image's ID if it is not the config's digest."""
    steps_known: bool = True
    """Whether a history is expected; a root filesystem has none."""
    warnings: Sequence[ImageWarning] = ()
    annotations: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Annotations of the manifest with text values."""
    beside: Beside = msgspec.field(default_factory=Beside)
    """Provenance and SBOMs stored beside the image."""
    complete_image: SourceImage | None = None
    """The complete image of a saved file, for which nothing has to be derived."""


class Export(Protocol):
    """An engine's export of an image, made only when needed."""

    @property
    def key(self) -> Sequence[str]:
        """Equal only for exports of the same image."""

    def run(self, request: Request) -> FoundImages:
        """Export the image, which may take long. Raises `LayerscopeError` and `CancelledError`."""


class ImageFollowUp(Protocol):
    """The steps after an image is described: checking its download, and fetching what is stored beside it."""

    def check(self, request: Request, layers: Sequence[Blob]) -> None:
        """Raise `LayerscopeError` if these layers may not be fetched."""

    def with_beside(self, image: Image) -> Image:
        """The image with its attestations and referrers, which are fetched now. Raises `CancelledError`."""


class Candidate(Struct, frozen=True):
    """One image that could be opened: one name of an archive, one platform of an index."""

    tags: Sequence[str]
    platform: Platform | None
    """None if unknown before opening."""
    load: Callable[[], ImageParts]
    digests: Sequence[str] = ()
    """Digests it can be selected by: of its manifest and of its config."""
    groups: tuple[int, ...] = (0,)
    """Candidates of one group are one image for several platforms. A candidate with its own name that an index also lists is in
    several groups."""

    @property
    def group(self) -> int:
        """The first group."""
        return self.groups[0]

    export: Export | None = None
    """Exports its layers, if `load` returns only an engine's description."""
    kind: str | None = None
    """A scheme, if it differs between images of one place."""
    is_image: bool = True
    """Whether its types are those of an image. Others are candidates only if there is no image."""
    follow_up: ImageFollowUp | None = None
    """The steps after it is described; None if nothing is left to fetch."""

    @property
    def name(self) -> str | None:
        """The name shown in a choice."""
        return self.tags[0] if self.tags else None


class FoundImages(Struct, frozen=True):
    """The images found in one place."""

    kind: str
    """A scheme, `dir`, `rootfs` or `stdin`."""
    candidates: Sequence[Candidate]
    warnings: Sequence[ImageWarning] = ()
    damage: str | None = None
    """Damage of the archive as a whole, although it contains images."""
    absent: Sequence[Platform] = ()
    """Platforms that an index lists without their images being stored."""
    location: str | None = None
    """The folder of the store or address of the engine, if the reference does not contain it."""
    artifacts: Sequence[Candidate] = ()
    """Items that are not images: `load` raises the error that names their type."""

    def of_kind(self, kind: str) -> FoundImages:
        """The same with another kind for all of its images."""
        same_kind = [replace(candidate, kind=None) for candidate in self.candidates]
        return replace(self, kind=kind, candidates=same_kind)


def artifact_candidate(
    artifact: Artifact, tags: Sequence[str] = (), digests: Sequence[str] = ()
) -> Candidate:
    """An artifact as a candidate, so that its name gives a clear error."""

    def load() -> ImageParts:
        raise artifact.error()

    return Candidate(tags, None, load, digests, is_image=False)


@dataclass(frozen=True, slots=True)
class SourceImage:
    """An image with a blob for each layer."""

    image: Image
    blobs: Sequence[Blob]
    """One per layer; they cannot be read while the image awaits its export."""
    damage: str | None
    saved: Packed | None = field(default=None, kw_only=True, repr=False)
    """Unchecked data of a file of `layerscope save`; None for an image with contents."""
    follow_up: ImageFollowUp | None = field(default=None, kw_only=True)
    """See `Candidate.follow_up`."""

    @property
    def awaits_export(self) -> bool:
        """Whether only its description is known."""
        return False

    def complete(
        self,
        request: Request,
        cache: IndexCache | None,
        is_skipped: Callable[[Blob], bool] = lambda _: False,
    ) -> SourceImage:
        """The same image with its layers; layers for which `is_skipped` is true are not fetched.

        Raises `LayerscopeError` and `CancelledError`.
        """
        if (
            self.follow_up is not None and request.max_download is not None
        ):  # layers may have to be fetched
            missing = [blob for blob in self.blobs if cache is None or not cache.has(blob)]
            self.follow_up.check(request, [blob for blob in missing if not is_skipped(blob)])
        return self

    def ask_beside(self) -> Callable[[], Image]:
        """Start fetching attestations and referrers in a thread; returns a function that waits for the image with them."""
        if self.follow_up is None:
            return lambda: self.image
        return in_thread(partial(self.follow_up.with_beside, self.image))

    def keep_export(self, store: Store, indexes: Sequence[LayerIndex]) -> None:
        """Cache the export for the next opening, if the layers with these indexes match their digests."""


Chooser = Callable[[Sequence[Candidate]], Candidate | None]
"""Asks the user to choose one of several images; returns None if cancelled."""
