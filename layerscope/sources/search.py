"""Searches the sources of images, in their order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from layerscope.errors import LayerscopeError, UnreachableError, UsageError
from layerscope.sources.base import (
    STDIN,
    Chooser,
    Found,
    Request,
    SourceImage,
    naming,
)
from layerscope.sources.choosing import choose
from layerscope.sources.described import describe
from layerscope.sources.local import find_in_path, find_in_stdin
from layerscope.sources.lookup import Source, find_in_source, find_in_turn, with_suggestions
from layerscope.sources.references import FILE_SCHEMES, SCHEME, NotInStoreError


def _later(module: str, name: str) -> Callable[..., Any]:
    """A function of a source's module, which is imported when it is called: most images come from files."""

    def call(*arguments: Any) -> Any:
        return getattr(import_module(f"layerscope.sources.{module}"), name)(*arguments)

    return call


def _of_engine(kind: str) -> Source:
    """An engine of this kind, at its usual addresses."""
    endpoints = _later("endpoints", f"{kind}_endpoints")
    return Source(
        kind,
        (kind,),
        partial(_later("engine", "find"), kind, endpoints),
        pull=partial(_later("engine_pull", "pull"), kind, endpoints),
        listed=partial(_later("engine_listing", "listed"), kind, endpoints),
    )


def _of_store(kind: str) -> Source:
    """A store that is read directly, by the module with its name."""
    module = kind.replace("-", "_")
    return Source(
        kind, (kind,), _later(module, "find"), stored=True, listed=_later(module, "listed")
    )


SOURCES: tuple[Source, ...] = (
    Source(
        "files",
        FILE_SCHEMES,
        lambda request, reference, kinds: find_in_path(request, Path(reference), kinds),
    ),
    _of_engine("docker"),
    _of_engine("podman"),
    _of_store("containers-storage"),
    _of_store("docker-store"),
    _of_store("containerd"),
    Source("registry", ("registry",), _later("registry.source", "find"), remote=True),
)
"""In search order for a reference without a scheme; remote ones are asked only if the user wants that."""


def open_source(request: Request, ask: Chooser | None = None) -> SourceImage:
    """Find and describe the requested image, without reading any layer.

    If several images match, `ask` chooses; without it, the first one is taken, with a warning. Raises `LayerscopeError` whose
    message names the place, `CancelledError` if nothing is chosen.
    """
    if not request.reference.strip():
        raise UsageError("the name of the image is empty", hint="is a variable unset?")
    with naming(request):
        found = find_images(request)
        return describe(request, found, *choose(request, found, ask))


def open_sources(request: Request) -> list[tuple[str | None, SourceImage | LayerscopeError]]:
    """Every image of the requested place, each for one platform, without reading any layer: what selects it there, None if there
    is only one; and the image, or why it cannot be opened.

    Raises `LayerscopeError` if the place has no image.
    """
    with naming(request):
        found = find_images(request)
    groups = {candidate.group for candidate in found.candidates}
    chosen = [f"@{number}" for number in range(len(groups))] if len(groups) > 1 else [None]
    opened: list[tuple[str | None, SourceImage | LayerscopeError]] = []
    for image in chosen:
        one = replace(request, image=image)
        try:
            with naming(one):
                opened.append((image, describe(one, found, *choose(one, found, None))))
        except LayerscopeError as error:
            opened.append((image, error))
    return opened


def find_images(request: Request) -> Found:
    """All images that a reference leads to, from the source of its scheme, or of the first that has them. Raises `LayerscopeError`;
    `UsageError` if --pull is not supported."""
    if request.pull and request.store_root is not None:
        _refuse_pull("a store that is read directly")
    if request.reference == STDIN:
        return find_in_stdin(request)
    scheme, _, reference = request.reference.partition("://")
    if not SCHEME.match(request.reference):
        return find_in_turn(request, SOURCES)
    for source in SOURCES:
        if scheme in source.schemes:
            if request.pull and source.pull is None:
                _refuse_pull(f"{scheme}://")
            try:
                return find_in_source(source, request, reference, (scheme,))
            except NotInStoreError as error:
                if request.pull and source.pull is not None:
                    return source.pull(request, reference)
                raise with_suggestions(reference, error) from None
            except UnreachableError as error:
                if source.stored and error.hint is None:
                    error.hint = "use --store-root DIR if the store is elsewhere"
                raise
    known = ", ".join(f"{name}://" for source in SOURCES for name in source.schemes)
    raise UsageError(f"unknown scheme {scheme}://", hint=f"expected one of: {known}")


def _refuse_pull(asked: str) -> NoReturn:
    """Raise the error for --pull with a source that cannot pull."""
    pulling = " or ".join(f"{source.name}://" for source in SOURCES if source.pull is not None)
    raise UsageError(
        f"--pull is not supported for {asked}", hint=f"remove --pull, or use {pulling}"
    )
