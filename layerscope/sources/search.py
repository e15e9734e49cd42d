"""Searches the sources of images, in their order."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from msgspec.structs import replace

from layerscope.errors import LayerscopeError, UnreachableError, UsageError
from layerscope.sources.base import (
    STDIN,
    Chooser,
    FoundImages,
    Request,
    SourceImage,
    errors_about,
)
from layerscope.sources.candidate_image import open_candidate
from layerscope.sources.choosing import choose
from layerscope.sources.local import find_in_path, find_in_stdin
from layerscope.sources.lookup import Source, find_in_source, find_in_turn, with_suggestions
from layerscope.sources.references import FILE_SCHEMES, SCHEME, NotInStoreError


def _lazy_function(module: str, name: str) -> Callable[..., Any]:
    """A function of a source's module, which is imported when it is called: most images come from files."""

    def call(*arguments: Any) -> Any:
        return getattr(import_module(f"layerscope.sources.{module}"), name)(*arguments)

    return call


def _engine_source(kind: str) -> Source:
    """An engine of this kind, at its usual addresses."""
    endpoints = _lazy_function("endpoints", f"{kind}_endpoints")
    return Source(
        kind,
        (kind,),
        partial(_lazy_function("engine", "find"), kind, endpoints),
        pull=partial(_lazy_function("engine_pull", "pull"), kind, endpoints),
        list_images=partial(_lazy_function("engine_listing", "list_images"), kind, endpoints),
    )


def _store_source(kind: str) -> Source:
    """A store that is read directly, by the module with its name."""
    module = kind.replace("-", "_")
    return Source(
        kind,
        (kind,),
        _lazy_function(module, "find"),
        stored=True,
        list_images=_lazy_function(module, "list_images"),
    )


SOURCES: tuple[Source, ...] = (
    Source(
        "files",
        FILE_SCHEMES,
        lambda request, reference, kinds: find_in_path(request, Path(reference), kinds),
    ),
    _engine_source("docker"),
    _engine_source("podman"),
    _store_source("containers-storage"),
    _store_source("docker-store"),
    _store_source("containerd"),
    Source("registry", ("registry",), _lazy_function("registry.source", "find"), remote=True),
)
"""In search order for a reference without a scheme; remote ones are asked only if the user wants that."""


def open_source(request: Request, ask: Chooser | None = None) -> SourceImage:
    """Find and describe the requested image, without reading any layer.

    If several images match, `ask` chooses; without it, the first one is taken, with a warning. Raises `LayerscopeError` whose
    message names the place, `CancelledError` if nothing is chosen.
    """
    if not request.reference.strip():
        raise UsageError("the name of the image is empty", hint="is a variable unset?")
    with errors_about(request):
        found = find_images(request)
        return open_candidate(request, found, *choose(request, found, ask))


def open_sources(request: Request) -> list[tuple[str | None, SourceImage | LayerscopeError]]:
    """Every image of the requested place, each for one platform, without reading any layer.

    Returns what selects it there, None if there is only one; and the image, or the error.

    Raises `LayerscopeError` if the place has no image.
    """
    with errors_about(request):
        found = find_images(request)
    groups = {candidate.group for candidate in found.candidates}
    selectors = [f"@{number}" for number in range(len(groups))] if len(groups) > 1 else [None]
    opened: list[tuple[str | None, SourceImage | LayerscopeError]] = []
    for image in selectors:
        selected = replace(request, image=image)
        try:
            with errors_about(selected):
                opened.append(
                    (image, open_candidate(selected, found, *choose(selected, found, None)))
                )
        except LayerscopeError as error:
            opened.append((image, error))
    return opened


def find_images(request: Request) -> FoundImages:
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


def _refuse_pull(what: str) -> NoReturn:
    """Raise the error for --pull with a source that cannot pull."""
    pulling = " or ".join(f"{source.name}://" for source in SOURCES if source.pull is not None)
    raise UsageError(f"--pull is not supported for {what}", hint=f"remove --pull, or use {pulling}")
