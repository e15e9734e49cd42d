"""Lookup of a reference in all sources: a file first, then engines and stores."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence

from msgspec import Struct

from layerscope.errors import (
    ImageNotFoundError,
    LayerscopeError,
    NotAnImageError,
    UnreachableError,
    UsageError,
)
from layerscope.sources.base import FoundImages, Request
from layerscope.sources.references import NotInStoreError, looks_like_path, similar_names
from layerscope.sources.registry.repository import SCHEME, Reference
from layerscope.sources.store_image import StoreImage

_IDENTIFIER = re.compile(r"(sha256:)?[0-9a-f]{12,64}")
"""IDs of images as engines show them."""
_SAMPLE = "demo"
"""The command that opens the sample image, which users may take for an image name."""


class Source(Struct, frozen=True):
    """A place to look for images, and the schemes that select it."""

    name: str
    schemes: tuple[str, ...]
    find: Callable[[Request, str, tuple[str, ...]], FoundImages]
    """Called with the reference without its scheme, and the accepted kinds. Raises `NotInStoreError` if the place has no such
    image, `UnreachableError` if it does not answer.
    """
    stored: bool = False
    """Whether it reads a store directly, so that --store-root applies and layers have sizes."""
    remote: bool = False
    """Whether it asks other machines."""
    pull: Callable[[Request, str], FoundImages] | None = None
    """Pulls a missing image; None if not supported. Raises `UnreachableError`, `ImageNotFoundError`."""
    list_images: Callable[[Request], Sequence[StoreImage]] | None = None
    """All its images; None if it cannot list them. Raises `LayerscopeError` or OSError if it is not reachable."""


def find_in_turn(request: Request, sources: Sequence[Source]) -> FoundImages:
    """The image from the first source that has it: an existing file, then engines and stores.

    Raises `ImageNotFoundError` with the answer of each source, `UnreachableError` if no source is reachable.
    """
    remote = next((source for source in sources if source.remote), None)
    files, *others = (source for source in sources if not source.remote)
    not_a_file: LayerscopeError | None = None
    try:
        return files.find(request, request.reference, ())
    except NotAnImageError as error:
        not_a_file = error  # a folder may have the name of an image
        if not os.path.isdir(request.reference):  # noqa: PTH112  # never raises
            raise
    except LayerscopeError:
        if os.path.lexists(request.reference):
            raise
    if looks_like_path(request.reference):
        raise not_a_file or ImageNotFoundError(f"{request.reference}: no such file or directory")
    if request.store_root is not None:
        others = [source for source in others if source.stored]
    refusals: list[tuple[str, LayerscopeError]] = []
    for source in others:
        try:
            return find_in_source(source, request, request.reference)
        except (NotInStoreError, UnreachableError) as error:
            refusals.append((source.name, error))
    if request.pull and not_a_file is None:
        return pull_in_turn(request, request.reference, others)
    if not_a_file is not None:
        raise not_a_file
    may_ask = remote is not None and request.store_root is None and request.remote != "never"
    name = remote_name(request.reference) if may_ask else None
    if remote is not None and name is not None and request.remote == "always":
        return find_in_source(remote, request, name)
    raise _not_found(request.reference, refusals, name)


def remote_name(reference: str) -> str | None:
    """The full name under which a registry may have an image, without a tag if there is none; None for an ID or an invalid name."""
    if _IDENTIFIER.fullmatch(reference):
        return None
    try:
        return Reference.parse(reference).as_written
    except UsageError:
        return None


def pull_in_turn(request: Request, reference: str, sources: Sequence[Source]) -> FoundImages:
    """Pull with the first reachable source. Raises `UnreachableError` if none is reachable, `ImageNotFoundError`."""
    refusals: list[tuple[str, UnreachableError]] = []
    for source in sources:
        if source.pull is None:
            continue
        try:
            return source.pull(request, reference)
        except UnreachableError as error:
            refusals.append((source.name, error))
    answers = "; ".join(f"{name}: {error.message}" for name, error in refusals)
    hints = [error.hint for _, error in refusals if error.hint is not None]
    raise UnreachableError(
        f"{reference}: image not found locally, and no engine is running to pull it ({answers})",
        hint=next(iter(hints), "start Docker, or Podman's service: podman system service --time=0 &"),
    )  # fmt: skip


def find_in_source(
    source: Source, request: Request, reference: str, kinds: tuple[str, ...] = ()
) -> FoundImages:
    """The image from one source. Raises like its `find`; missing permissions count as unreachable."""
    try:
        return source.find(request, reference, kinds)
    except PermissionError as error:
        raise UnreachableError(
            f"{error.filename or source.name}: permission denied",
            hint="run layerscope as the owner of the store",
        ) from error


def with_suggestions(reference: str, error: NotInStoreError) -> NotInStoreError:
    """The same error with similar names as a hint."""
    close = similar_names(reference, error.names)
    if close and error.hint is None:
        error.hint = f"did you mean {' or '.join(close)}?"
    return error


def _not_found(
    reference: str, refusals: list[tuple[str, LayerscopeError]], name: str | None
) -> LayerscopeError:
    """The error for an image that no source has, with the answer of each source; `name` is its full name in a registry."""
    answers = "; ".join(f"{name}: {error.message}" for name, error in refusals)
    hints = [error.hint for _, error in refusals if error.hint is not None]
    answered = [error for _, error in refusals if isinstance(error, NotInStoreError)]
    registry_reference = None if name is None else f"{SCHEME}://{name}"
    if not answered:
        otherwise = (
            "start an engine, or open a saved image: docker save IMAGE -o image.tar"
            if registry_reference is None
            else f"{registry_reference} opens it from its registry; or start an engine"
        )
        error: LayerscopeError = UnreachableError(
            f"{reference}: no such file, and no engine or store is reachable ({answers})",
            hint=next(iter(hints), otherwise),
        )
    else:
        close = similar_names(reference, [name for error in answered for name in error.names])
        meant = f"did you mean {' or '.join(close)}?" if close else None
        otherwise = (
            "--pull fetches it with Docker or Podman"
            if registry_reference is None
            else f"{registry_reference} opens it from its registry, --pull fetches it with Docker or Podman"
        )
        error = ImageNotFoundError(
            f"{reference}: image not found locally ({answers})",
            hint=meant or next(iter(hints), otherwise),
        )
    if reference == _SAMPLE:
        error.hint = f"layerscope demo --save FILE writes the sample image; {error.hint}"
    error.registry_reference = registry_reference
    return error
