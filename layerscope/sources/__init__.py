"""Sources of images, one module each, in the order in which they are searched."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NoReturn

from layerscope.errors import (
    CancelledError,
    ImageNotFoundError,
    LayerscopeError,
    UnreachableError,
    UsageError,
)
from layerscope.image.model import Alternative
from layerscope.image.platform import Platform
from layerscope.image.warnings import ImageWarning
from layerscope.layers.store import Store
from layerscope.sources import containerd, containers_storage, docker_store, engine, engine_pull
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
from layerscope.sources.export_cache import ExportCache
from layerscope.sources.local import find_in_path, find_in_stdin
from layerscope.sources.lookup import Source, find_in_source, find_in_turn, with_suggestions
from layerscope.sources.names import choose_by_name, describe
from layerscope.sources.references import FILE_SCHEMES, SCHEME, NotInStoreError

__all__ = [
    "SOURCES",
    "Candidate",
    "Chooser",
    "Request",
    "Source",
    "SourceImage",
    "open_source",
]


SOURCES: tuple[Source, ...] = (
    Source(
        "files",
        FILE_SCHEMES,
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
"""In search order for a reference without a scheme."""


def open_source(request: Request, ask: Chooser | None = None) -> SourceImage:
    """Find and describe the requested image, without reading any layer.

    If several images match, `ask` chooses; without it, the first one is taken, with a warning. Raises `LayerscopeError` whose
    message names the place, `CancelledError` if nothing is chosen.
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
    """The image of a candidate."""
    parts = chosen.load()
    location = found.location or request.reference.partition("://")[2] or request.reference
    image, blobs = assemble(
        request, chosen.kind or found.kind, location, chosen.tags, chosen.platform, parts,
        [Alternative(other.name, other.platform) for other in others], [*found.warnings, *warnings],
    )  # fmt: skip
    stated, wanted = chosen.platform, request.platform
    if stated is None or (wanted is not None and wanted.os_version and not stated.os_version):
        _check_runs(image.platform, wanted)  # only the config says it
    if chosen.fetch is None:
        return SourceImage(image, blobs, found.damage)
    export_cache = ExportCache(chosen.fetched_from, [layer.diff_id for layer in image.layers])
    place = (found, chosen, image.platform, export_cache)
    recall = partial(_recall, *place) if chosen.fetched_from else None
    return SourceImage(image, blobs, found.damage, partial(_fetch, *place), recall)


def _fetch(
    found: Found, chosen: Candidate, platform: Platform, export_cache: ExportCache, request: Request
) -> SourceImage:
    """Export an image that was only described so far."""
    assert chosen.fetch is not None  # noqa: S101  # for the type checker
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
    return replace(
        source, keep=lambda store, indexes: export_cache.keep(store, alone, source, indexes)
    )


def _recall(
    found: Found,
    chosen: Candidate,
    platform: Platform,
    export_cache: ExportCache,
    request: Request,
    store: Store,
) -> SourceImage | None:
    """The same from the cache of an earlier export; None if nothing is cached."""

    def fetch() -> SourceImage:
        try:
            return _fetch(found, chosen, platform, export_cache, request)
        finally:
            request.progress.stage("")  # the export is only part of what the caller does

    exported = export_cache.recall(store, fetch)
    inner = replace(request, image=None, platform=None)
    return None if exported is None else _as_found(inner, found, chosen, exported)


def _as_found(request: Request, found: Found, chosen: Candidate, exported: Found) -> SourceImage:
    """The only image of an export, with the names and the location it was found by."""
    (whole,) = exported.candidates
    named = replace(whole, tags=chosen.tags or whole.tags, kind=None)
    place = replace(exported, kind=found.kind, location=found.location)
    return _describe(request, place, named, [], [])


def _find(request: Request) -> Found:
    """Search the source of the scheme, or all in turn. Raises `UsageError` if --pull is not supported."""
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


def _choose(
    request: Request, found: Found, ask: Chooser | None
) -> tuple[Candidate, list[Candidate], list[ImageWarning]]:
    """The candidate to open, the others, and warnings about the choice."""
    candidates = list(found.candidates)
    if not candidates:
        raise LayerscopeError("no image found in it")
    warnings: list[ImageWarning] = []
    eligible = candidates if request.image is None else _named(found, request.image)
    groups = list(dict.fromkeys(candidate.group for candidate in eligible))
    shared = set.intersection(*(set(candidate.groups) for candidate in eligible))
    if len(groups) > 1 and not shared:
        group = _group_for(request.platform, eligible, groups[0])
        if ask is None:
            listed = ", ".join(describe(eligible))
            said = f"{len(groups)} images found, showing the first ({listed}); use --image to select another"
            warnings.append(ImageWarning("several-images", None, said))
        elif (answer := ask(eligible)) is None:
            raise CancelledError
        else:
            group = answer.group
        eligible = [candidate for candidate in eligible if group in candidate.groups]
    chosen = _by_platform(request, eligible, found.absent, ask, warnings)
    return chosen, [candidate for candidate in candidates if candidate is not chosen], warnings


def _named(found: Found, wanted: str) -> list[Candidate]:
    """The images of that name. Raises `ImageNotFoundError`, or `ArtifactError` if it names an artifact."""
    try:
        return choose_by_name(found.candidates, wanted)
    except ImageNotFoundError:
        if not wanted.startswith("@"):
            with suppress(ImageNotFoundError):
                choose_by_name(found.artifacts, wanted)[0].load()
        raise


def _group_for(wanted: Platform | None, candidates: Sequence[Candidate], first: int) -> int:
    """The default group: the first one, or the first with the best match for the platform."""
    ranked = [
        (preference, number)
        for number, candidate in enumerate(candidates)
        if wanted is not None
        and candidate.platform is not None
        and (preference := wanted.preference(candidate.platform)) is not None
    ]
    return candidates[min(ranked)[1]].group if ranked else first


def _check_runs(offered: Platform, wanted: Platform | None) -> None:
    """Raise `LayerscopeError` if the platform in the config does not match; a config without a platform matches."""
    if wanted is not None and offered.architecture and wanted.preference(offered) is None:
        raise LayerscopeError(f"no image for platform {wanted}", hint=f"available: {offered}")


def _by_platform(
    request: Request,
    candidates: list[Candidate],
    absent: Sequence[Platform],
    ask: Chooser | None,
    warnings: list[ImageWarning],
) -> Candidate:
    """The candidate for the wanted platform or this machine's, else the first. `ask` chooses between OS versions."""
    wanted = request.platform or Platform.host()
    preferences = [
        None if candidate.platform is None else wanted.preference(candidate.platform)
        for candidate in candidates
    ]
    best = min((rank for rank in preferences if rank is not None), default=None)
    if request.platform is not None and best is None:
        unknown = len(candidates) == 1 and candidates[0].platform is None
        if not unknown:
            held = f"available: {', '.join(describe(candidates))}"
            if any(wanted.preference(platform) is not None for platform in absent):
                held = f"it is listed but not stored here; {held}"
            raise LayerscopeError(f"no image for platform {request.platform}", hint=held)
    chosen = candidates[0 if best is None else preferences.index(best)]
    equals = [one for one, rank in zip(candidates, preferences, strict=True) if rank == best]
    versions = _versions(chosen, equals)
    if len(versions) > 1 and ask is not None:
        apart = [replace(one, groups=(number,)) for number, one in enumerate(versions)]
        answer = ask(apart)
        if answer is None:
            raise CancelledError
        return versions[answer.group]
    several = candidates if request.platform is None else versions
    if len(several) > 1:
        listed = ", ".join(describe(several))
        select = "use --platform to select another"
        if best is None:
            said = f"no image for this machine's platform {wanted}, showing the first ({listed}); {select}"
            warnings.append(ImageWarning("platform-fallback", None, said))
        else:
            said = f"showing {chosen.platform} of {listed}; {select}"
            warnings.append(ImageWarning("several-platforms", None, said))
    return chosen


def _versions(chosen: Candidate, equals: Sequence[Candidate]) -> list[Candidate]:
    """The chosen candidate and those of `equals` that differ only in OS version, one per version."""
    found: dict[Platform, Candidate] = {}
    for candidate in equals:
        platform = candidate.platform
        if (
            platform is not None
            and chosen.platform is not None
            and platform.without_version() == chosen.platform.without_version()
        ):
            found.setdefault(platform, candidate)
    return list(found.values())
