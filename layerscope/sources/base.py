"""What every source supplies, and the words in which an image is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from layerscope.errors import LayerscopeError
from layerscope.image.model import Image
from layerscope.image.platform import Platform
from layerscope.image.warnings import ImageWarning
from layerscope.layers.blob import Blob
from layerscope.layers.index import LayerIndex
from layerscope.layers.store import Store
from layerscope.limits import DEFAULT_LIMITS, Limits
from layerscope.progress import NullProgress, Progress
from layerscope.sources.artifacts import Artifact

STDIN = "-"
"""The reference of an image that comes in on stdin."""


@dataclass(frozen=True, slots=True)
class Request:
    """An image that somebody asks for."""

    reference: str
    """A path, `-` for stdin, or SCHEME://reference."""
    image: str | None = None
    """Which image of an archive that holds several: a tag, a digest prefix or `@N`."""
    platform: Platform | None = None
    """Which platform; None for this machine's."""
    limits: Limits = DEFAULT_LIMITS
    progress: Progress = field(default_factory=NullProgress)
    store_root: Path | None = None
    """Where the local stores are looked for, in place of where they usually are."""
    pull: bool = False
    """Whether an engine is to pull an image that no source has."""


def shortened(text: str, at_most: int = 600) -> str:
    """A text that may hold names from an image, which may be megabytes long."""
    return text if len(text) <= at_most else f"{text[: at_most - 1]}…"


@contextmanager
def naming(request: Request) -> Iterator[None]:
    """Whatever goes wrong inside is a `LayerscopeError` that names the image that was asked for."""
    shown = "stdin" if request.reference == STDIN else request.reference
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
        file = f" ({error.filename})" if isinstance(error.filename, str) else ""
        why = error.strerror or error
        raise LayerscopeError(f"{shown}: cannot be read: {why}{file}") from error


@dataclass(frozen=True, slots=True)
class LayerPart:
    """A layer as a source finds it."""

    blob: Blob
    digest: str | None = None
    """What the manifest claims the blob's digest to be."""
    media_type: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Annotations of its descriptor that are text."""


@dataclass(frozen=True, slots=True)
class ImageParts:
    """The least that a source supplies of one image; all else is derived in `assemble.py`."""

    layers: Sequence[LayerPart]
    config: bytes | None
    """The raw config; None where there is none, such as in a root filesystem."""
    manifest_digest: str | None = None
    config_digest: str | None = None
    """What the manifest claims the config's digest to be."""
    artifact: Artifact | None = None
    """What the manifest describes if its types are not those of an image; it opens if its layers are tars."""
    image_id: str | None = None
    """The image's ID where it is not the config's digest."""
    steps_known: bool = True
    """Whether the config's history is one; a root filesystem has none to miss."""
    warnings: Sequence[ImageWarning] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Annotations of the manifest that are text."""
    provenance: bytes | None = None
    """The raw statement of how it was built, where one is stored with it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One image that could be opened: one name of an archive, one platform of an index."""

    tags: Sequence[str]
    platform: Platform | None
    """None where the place does not say it."""
    load: Callable[[], ImageParts]
    digests: Sequence[str] = ()
    """Digests that name it: of its manifest, of its config."""
    groups: tuple[int, ...] = (0,)
    """Candidates of one group are the same image for several platforms. One that has names of its own, and is listed in
    an index besides, is in several."""

    @property
    def group(self) -> int:
        """The first group."""
        return self.groups[0]

    fetch: Callable[[Request], Found] | None = None
    """Where `load` tells only what is known at once: gets all of the image, which may take long."""
    fetched_from: tuple[str, ...] = ()
    """What tells that which `fetch` gets from all else: of the same, the same comes again."""

    kind: str | None = None
    """A scheme, where not all images of the place are described in the same way."""
    is_image: bool = True
    """Whether its types are those of an image. What is none is a candidate only where there is no image."""

    @property
    def name(self) -> str | None:
        """The name to show in a choice."""
        return self.tags[0] if self.tags else None


@dataclass(frozen=True, slots=True)
class Found:
    """What a place turned out to hold."""

    kind: str
    """A scheme, `dir`, `rootfs` or `stdin`."""
    candidates: Sequence[Candidate]
    warnings: Sequence[ImageWarning] = ()
    damage: str | None = None
    """What is wrong with the archive as a whole, though images could be found in it."""
    absent: Sequence[Platform] = ()
    """Platforms that an index names without storing their images."""
    location: str | None = None
    """Where that is, if the reference does not say it: the folder of a store, the address of an engine."""
    artifacts: Sequence[Candidate] = ()
    """What else there is, and is not an image: `load` raises the error that names its type."""

    def of_kind(self, kind: str) -> Found:
        """The same as it is called elsewhere, whatever describes each image."""
        alike = [replace(candidate, kind=None) for candidate in self.candidates]
        return replace(self, kind=kind, candidates=alike)


def artifact_candidate(
    artifact: Artifact, tags: Sequence[str] = (), digests: Sequence[str] = ()
) -> Candidate:
    """An artifact by the names that somebody may ask for."""

    def load() -> ImageParts:
        raise artifact.error()

    return Candidate(tags, None, load, digests, is_image=False)


@dataclass(frozen=True, slots=True)
class SourceImage:
    """An image with a way to the bytes of each layer."""

    image: Image
    blobs: Sequence[Blob]
    """One a layer; until it is fetched, they only say that they are not there."""
    damage: str | None = None
    fetch: Callable[[Request], SourceImage] | None = None
    """Gets the layers, and the image in full, where that takes long; None where they are there."""
    recall: Callable[[Request, Store], SourceImage | None] | None = None
    """The same from what an earlier `fetch` left in a store: layers are fetched when they are read. None if it left nothing."""
    keep: Callable[[Store, Sequence[LayerIndex]], None] | None = None
    """Leaves in a store what `recall` needs, if the layers with these indexes are what they should be."""


Chooser = Callable[[Sequence[Candidate]], Candidate | None]
"""Asks somebody which of several images is meant; None if nobody wants any."""
