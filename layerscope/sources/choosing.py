"""Chooses one of the images found in a place: by name, by platform, or by asking."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from msgspec.structs import replace

from layerscope.errors import CancelledError, ImageNotFoundError, LayerscopeError
from layerscope.image.platform import Platform
from layerscope.image.warnings import ImageWarning
from layerscope.sources.base import Candidate, Chooser, FoundImages, Request
from layerscope.sources.names import candidate_names, choose_by_name


def choose(
    request: Request, found: FoundImages, ask: Chooser | None
) -> tuple[Candidate, list[Candidate], list[ImageWarning]]:
    """The candidate to open, the others, and warnings about the choice."""
    candidates = list(found.candidates)
    if not candidates:
        raise LayerscopeError("no image found")
    warnings: list[ImageWarning] = []
    eligible = candidates if request.image is None else _named(found, request.image)
    groups = list(dict.fromkeys(candidate.group for candidate in eligible))
    shared = set.intersection(*(set(candidate.groups) for candidate in eligible))
    if len(groups) > 1 and not shared:
        group = _group_for(request.platform, eligible, groups[0])
        if ask is None:
            listed = ", ".join(candidate_names(eligible))
            message = f"{len(groups)} images found, showing the first ({listed}); use --image to select another"
            warnings.append(ImageWarning("several-images", None, message))
        elif (answer := ask(eligible)) is None:
            raise CancelledError
        else:
            group = answer.group
        eligible = [candidate for candidate in eligible if group in candidate.groups]
    chosen = _by_platform(request, eligible, found.absent, ask, warnings)
    return chosen, [candidate for candidate in candidates if candidate is not chosen], warnings


def _named(found: FoundImages, wanted: str) -> list[Candidate]:
    """The candidates that `wanted` names. Raises `ImageNotFoundError`, or `ArtifactError` if it names an artifact."""
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
            available = f"available: {', '.join(candidate_names(candidates))}"
            if any(wanted.preference(platform) is not None for platform in absent):
                available = f"it is listed but not stored here; {available}"
            raise LayerscopeError(f"no image for platform {request.platform}", hint=available)
    chosen = candidates[0 if best is None else preferences.index(best)]
    equals = [one for one, rank in zip(candidates, preferences, strict=True) if rank == best]
    versions = _versions(chosen, equals)
    if len(versions) > 1 and ask is not None:
        separate = [replace(one, groups=(number,)) for number, one in enumerate(versions)]
        answer = ask(separate)
        if answer is None:
            raise CancelledError
        return versions[answer.group]
    several = candidates if request.platform is None else versions
    if len(several) > 1:
        listed = ", ".join(candidate_names(several))
        select = "use --platform to select another"
        if best is None:
            message = f"no image for this machine's platform {wanted}, showing the first ({listed}); {select}"
            warnings.append(ImageWarning("platform-fallback", None, message))
        else:
            message = f"showing {chosen.platform} of {listed}; {select}"
            warnings.append(ImageWarning("several-platforms", None, message))
    return chosen


def _versions(chosen: Candidate, equals: Sequence[Candidate]) -> list[Candidate]:
    """The chosen candidate and those of `equals` that differ only in OS version, one per version."""
    versions: dict[Platform, Candidate] = {}
    for candidate in equals:
        platform = candidate.platform
        if (
            platform is not None
            and chosen.platform is not None
            and platform.without_version() == chosen.platform.without_version()
        ):
            versions.setdefault(platform, candidate)
    return list(versions.values())
