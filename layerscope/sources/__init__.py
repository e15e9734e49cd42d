"""Where images come from: one file per source, in the order in which they are asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NoReturn

from layerscope.errors import CancelledError, LayerscopeError, UsageError
from layerscope.image.model import Alternative
from layerscope.image.platform import Platform
from layerscope.image.warnings import ImageWarning
from layerscope.layers.store import Store
from layerscope.sources import containerd, containers_storage, docker_store, engine, engine_pull
from layerscope.sources.asking import Source, ask_in_turn, ask_one, named_near
from layerscope.sources.assemble import assemble
from layerscope.sources.base import (
    STDIN,
    Candidate,
    Chooser,
    Found,
    Request,
    SourceImage,
    naming,
)
from layerscope.sources.endpoints import docker_endpoints, podman_endpoints
from layerscope.sources.local import find_in_path, find_in_stdin
from layerscope.sources.names import choose_by_name, describe
from layerscope.sources.references import NotInStoreError
from layerscope.sources.remembering import Memory

__all__ = [
    "SOURCES",
    "Candidate",
    "Chooser",
    "Request",
    "Source",
    "SourceImage",
    "open_source",
]


_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://")
"""What looks like a scheme; anything else before `://` is part of a path."""


SOURCES: tuple[Source, ...] = (
    Source(
        "files",
        ("docker-archive", "oci", "oci-archive"),
        lambda request, reference, kinds: find_in_path(request, Path(reference), kinds),
    ),
    Source(
        "docker",
        ("docker",),
        partial(engine.find, "docker", docker_endpoints),
        pull=partial(engine_pull.pull, "docker", docker_endpoints),
    ),
    Source(
        "podman",
        ("podman",),
        partial(engine.find, "podman", podman_endpoints),
        pull=partial(engine_pull.pull, "podman", podman_endpoints),
    ),
    Source("containers-storage", ("containers-storage",), containers_storage.find, stored=True),
    Source("docker-store", ("docker-store",), docker_store.find, stored=True),
    Source("containerd", ("containerd",), containerd.find, stored=True),
)
"""The order in which they are asked for a reference that says no scheme."""


def open_source(request: Request, ask: Chooser | None = None) -> SourceImage:
    """Find and describe the image that is asked for, without reading any layer.

    Where there are several images and the request does not say which, `ask` chooses; without it, the first is taken and a
    warning says so. Raises `LayerscopeError` whose message names the place, `CancelledError` if nothing is chosen.
    """
    if not request.reference.strip():
        raise UsageError("the name of the image is empty", hint="is a variable unset?")
    with naming(request):
        found = _find(request)
        return _describe(request, found, *_choose(request, found, ask))


def _describe(
    request: Request,
    found: Found,
    chosen: Candidate,
    others: Sequence[Candidate],
    warnings: Sequence[ImageWarning],
) -> SourceImage:
    """The image that a candidate is."""
    parts = chosen.load()
    location = found.location or request.reference.partition("://")[2] or request.reference
    image = assemble(
        request, found.kind, location, chosen.tags, chosen.platform, parts,
        [Alternative(other.name, other.platform) for other in others], [*found.warnings, *warnings],
    )  # fmt: skip
    if chosen.platform is None:
        _check_runs(image.platform, request.platform)
    blobs = [part.blob for part in parts.layers]
    if chosen.fetch is None:
        return SourceImage(image, blobs, found.damage)
    memory = Memory(chosen.fetched_from, [layer.diff_id for layer in image.layers])
    place = (found, chosen, image.platform, memory)
    recall = partial(_recall, *place) if chosen.fetched_from else None
    return SourceImage(image, blobs, found.damage, partial(_fetch, *place), recall)


def _fetch(
    found: Found, chosen: Candidate, platform: Platform, memory: Memory, request: Request
) -> SourceImage:
    """All of an image that a source has described and now exports."""
    assert chosen.fetch is not None  # noqa: S101  # for the types: who calls has looked
    exported = chosen.fetch(request)
    several = len(exported.candidates) > 1
    inner = replace(request, image=None, platform=platform if several else None)
    whole, _, warnings = _choose(inner, exported, None)
    parts = whole.load()
    whole = replace(whole, load=lambda: parts)
    alone = replace(exported, candidates=[whole], warnings=[*exported.warnings, *warnings])
    source = _as_found(inner, found, chosen, alone)
    _check_runs(source.image.platform, request.platform)
    if not chosen.fetched_from:
        return source
    return replace(source, keep=lambda store, indexes: memory.keep(store, alone, source, indexes))


def _recall(
    found: Found,
    chosen: Candidate,
    platform: Platform,
    memory: Memory,
    request: Request,
    store: Store,
) -> SourceImage | None:
    """The same from what an earlier export left."""

    def fetch() -> SourceImage:
        try:
            return _fetch(found, chosen, platform, memory, request)
        finally:
            request.progress.stage("")  # whoever read a file goes on with something else

    exported = memory.recall(store, fetch)
    inner = replace(request, image=None, platform=None)
    return None if exported is None else _as_found(inner, found, chosen, exported)


def _as_found(request: Request, found: Found, chosen: Candidate, exported: Found) -> SourceImage:
    """The only image of an export, with the names and the place by which it was found."""
    (whole,) = exported.candidates
    named = replace(whole, tags=chosen.tags or whole.tags)
    place = replace(exported, kind=found.kind, location=found.location)
    return _describe(request, place, named, [], [])


def _find(request: Request) -> Found:
    """Ask the source that the scheme names, or all in turn. Raises `UsageError` where --pull makes no sense."""
    if request.pull and request.store_root is not None:
        _refuse_pull("a store that is read directly")
    if request.reference == STDIN:
        return find_in_stdin(request)
    scheme, _, reference = request.reference.partition("://")
    if not _SCHEME.match(request.reference):
        return ask_in_turn(request, SOURCES)
    for source in SOURCES:
        if scheme in source.schemes:
            if request.pull and source.pull is None:
                _refuse_pull(scheme)
            try:
                return ask_one(source, request, reference, (scheme,))
            except NotInStoreError as error:
                if request.pull and source.pull is not None:
                    return source.pull(request, reference)
                raise named_near(reference, error) from None
    known = ", ".join(f"{name}://" for source in SOURCES for name in source.schemes)
    raise UsageError(f"{scheme}:// is no source that layerscope knows", hint=f"known are {known}")


def _refuse_pull(asked: str) -> NoReturn:
    """Raise the error of --pull where nothing can pull."""
    pulling = " or ".join(f"{source.name}://" for source in SOURCES if source.pull is not None)
    raise UsageError(
        f"{asked} cannot pull: --pull takes an engine", hint=f"leave it out, or ask {pulling}"
    )


def _choose(
    request: Request, found: Found, ask: Chooser | None
) -> tuple[Candidate, list[Candidate], list[ImageWarning]]:
    """The candidate to open, the others, and what to say about the choice."""
    candidates = list(found.candidates)
    if not candidates:
        raise LayerscopeError("it holds no image")
    warnings: list[ImageWarning] = []
    eligible = candidates if request.image is None else choose_by_name(candidates, request.image)
    groups = list(dict.fromkeys(candidate.group for candidate in eligible))
    shared = set.intersection(*(set(candidate.groups) for candidate in eligible))
    if len(groups) > 1 and not shared:
        group = _group_for(request.platform, eligible, groups[0])
        if ask is None:
            listed = ", ".join(describe(eligible))
            said = f"there are {len(groups)} images, the first is shown ({listed}): --image selects"
            warnings.append(ImageWarning("several-images", None, said))
        elif (answer := ask(eligible)) is None:
            raise CancelledError
        else:
            group = answer.group
        eligible = [candidate for candidate in eligible if group in candidate.groups]
    chosen = _by_platform(request, eligible, found.absent, warnings)
    return chosen, [candidate for candidate in candidates if candidate is not chosen], warnings


def _group_for(wanted: Platform | None, candidates: Sequence[Candidate], first: int) -> int:
    """The group to take where nobody says which image is meant: the first, or the first that serves the platform best."""
    ranked = [
        (preference, number)
        for number, candidate in enumerate(candidates)
        if wanted is not None
        and candidate.platform is not None
        and (preference := wanted.preference(candidate.platform)) is not None
    ]
    return candidates[min(ranked)[1]].group if ranked else first


def _check_runs(offered: Platform, wanted: Platform | None) -> None:
    """Raise `LayerscopeError` if an image that says in its config what it is for is none that was asked for; if it says nothing, it may be."""
    if wanted is not None and offered.architecture and wanted.preference(offered) is None:
        raise LayerscopeError(f"no image for {wanted} in it", hint=f"it holds: {offered}")


def _by_platform(
    request: Request,
    candidates: list[Candidate],
    absent: Sequence[Platform],
    warnings: list[ImageWarning],
) -> Candidate:
    """The candidate for the wanted platform: else this machine's, else the first."""
    wanted = request.platform or Platform.host()
    ranked = sorted(
        ((preference, number) for number, candidate in enumerate(candidates)
         if candidate.platform is not None and (preference := wanted.preference(candidate.platform)) is not None),
    )  # fmt: skip
    if request.platform is not None and not ranked:
        unknown = len(candidates) == 1 and candidates[0].platform is None
        if not unknown:
            held = f"it holds: {', '.join(describe(candidates))}"
            if any(wanted.preference(platform) is not None for platform in absent):
                held = f"it names one without storing it; {held}"
            raise LayerscopeError(f"no image for {request.platform} in it", hint=held)
    if not ranked:
        if len(candidates) > 1:
            warnings.append(
                ImageWarning(
                    "platform-fallback",
                    None,
                    f"none is for {wanted}, the first is shown ({', '.join(describe(candidates))}): --platform selects",
                )
            )
        return candidates[0]
    chosen = candidates[ranked[0][1]]
    if len(candidates) > 1 and request.platform is None:
        warnings.append(
            ImageWarning(
                "several-platforms",
                None,
                f"{chosen.platform} is shown of {', '.join(describe(candidates))}: --platform selects",
            )
        )
    return chosen
