"""A reference without a scheme: is it a file, and if not, which source has it?"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from layerscope.errors import (
    ImageNotFoundError,
    LayerscopeError,
    NotAnImageError,
    UnreachableError,
)
from layerscope.sources.base import Found, Request
from layerscope.sources.references import NotInStoreError, looks_like_path, near


@dataclass(frozen=True, slots=True)
class Source:
    """A place where images can be, the schemes that force it, and how it is asked."""

    name: str
    schemes: tuple[str, ...]
    find: Callable[[Request, str, tuple[str, ...]], Found]
    """Given the reference without its scheme, and the kinds that are accepted.

    Raises `NotInStoreError` where the place answers and has no such image, `UnreachableError` where it does not answer.
    """
    stored: bool = False
    """Whether it reads a store directly: what --store-root can be said of."""
    pull: Callable[[Request, str], Found] | None = None
    """Has it get an image that it does not have; None where it cannot. Raises `UnreachableError`, `ImageNotFoundError`."""


def ask_in_turn(request: Request, sources: Sequence[Source]) -> Found:
    """What the first source finds that has the image: a file that exists, then engines and stores.

    Raises `ImageNotFoundError` with what each of them said, `UnreachableError` if none could be asked.
    """
    files, *others = sources
    not_a_file: LayerscopeError | None = None
    try:
        return files.find(request, request.reference, ())
    except NotAnImageError as error:
        not_a_file = error  # a folder may be called like an image
        if not os.path.isdir(request.reference):  # noqa: PTH112  # true of no odd name
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
            return ask_one(source, request, request.reference)
        except (NotInStoreError, UnreachableError) as error:
            refusals.append((source.name, error))
    if request.pull and not_a_file is None:
        return pull_in_turn(request, request.reference, others)
    raise not_a_file or _nowhere(request.reference, refusals)


def pull_in_turn(request: Request, reference: str, sources: Sequence[Source]) -> Found:
    """What the first of these that can be reached pulls. Raises `UnreachableError` if none can, `ImageNotFoundError`."""
    refusals: list[tuple[str, UnreachableError]] = []
    for source in sources:
        if source.pull is None:
            continue
        try:
            return source.pull(request, reference)
        except UnreachableError as error:
            refusals.append((source.name, error))
    said = "; ".join(f"{name}: {error.message}" for name, error in refusals)
    hints = [error.hint for _, error in refusals if error.hint is not None]
    raise UnreachableError(
        f"{reference}: image not found locally, and no engine is running to pull it ({said})",
        hint=next(iter(hints), "start Docker, or Podman's service: podman system service --time=0 &"),
    )  # fmt: skip


def ask_one(source: Source, request: Request, reference: str, kinds: tuple[str, ...] = ()) -> Found:
    """What one source finds. Raises as its `find` does; what this user may not read is out of reach."""
    try:
        return source.find(request, reference, kinds)
    except PermissionError as error:
        raise UnreachableError(
            f"{error.filename or source.name}: permission denied",
            hint="run layerscope as the owner of the store",
        ) from error


def named_near(reference: str, error: NotInStoreError) -> NotInStoreError:
    """The same error with the names that somebody may have meant."""
    close = near(reference, error.names)
    if close and error.hint is None:
        error.hint = f"did you mean {' or '.join(close)}?"
    return error


def _nowhere(reference: str, refusals: list[tuple[str, LayerscopeError]]) -> LayerscopeError:
    """The error of an image that no source has: which were asked, and what each said."""
    said = "; ".join(f"{name}: {error.message}" for name, error in refusals)
    hints = [error.hint for _, error in refusals if error.hint is not None]
    asked = [error for _, error in refusals if isinstance(error, NotInStoreError)]
    if not asked:
        return UnreachableError(
            f"{reference}: no such file, and no engine or store is reachable ({said})",
            hint=next(iter(hints), "start an engine, or open a saved image: docker save IMAGE -o image.tar"),
        )  # fmt: skip
    close = near(reference, [name for error in asked for name in error.names])
    meant = f"did you mean {' or '.join(close)}?" if close else None
    return ImageNotFoundError(
        f"{reference}: image not found locally ({said})",
        hint=meant or next(iter(hints), "--pull fetches it with Docker or Podman"),
    )
