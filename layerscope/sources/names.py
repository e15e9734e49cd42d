"""Names of images inside a place, compared as Docker normalises them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from layerscope.errors import ImageNotFoundError
from layerscope.sources.base import Candidate, shortened

_NUMBERS = re.compile(r"([0-9]+)")


def normalise(name: str) -> str:
    """A full reference: registry, repository, tag (docker/distribution's reference grammar)."""
    name, _, digest = name.partition("@")
    first, slash, rest = name.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        name = "docker.io/" + (name if slash else f"library/{name}")
    elif first in ("docker.io", "index.docker.io"):
        name = "docker.io/" + (rest if "/" in rest else f"library/{rest}")
    if digest:
        return f"{name}@{digest}"
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def choose_by_name(candidates: Sequence[Candidate], wanted: str) -> list[Candidate]:
    """The candidates that `wanted` names: a tag, its last part, a digest or the start of one, or `@N`.

    Raises `ImageNotFoundError` that lists what is available.
    """
    if re.fullmatch(r"@[0-9]{1,9}", wanted):
        number = int(wanted[1:])
        groups = sorted({candidate.group for candidate in candidates})
        if number < len(groups):
            return [candidate for candidate in candidates if groups[number] in candidate.groups]
    matches: tuple[Callable[[Candidate], bool], ...] = (
        lambda candidate: wanted in candidate.tags,
        lambda candidate: normalise(wanted) in map(normalise, candidate.tags),
        lambda candidate: any(tag.rpartition(":")[2] == wanted for tag in candidate.tags),
        lambda candidate: any(_names_digest(wanted, digest) for digest in candidate.digests),
    )
    for match in matches:
        if found := [candidate for candidate in candidates if match(candidate)]:
            return found
    raise ImageNotFoundError(
        f"no image named {wanted!r}", hint=f"available: {', '.join(candidate_names(candidates))}"
    )


def candidate_names(candidates: Sequence[Candidate], at_most: int = 12) -> list[str]:
    """Names of the candidates for a message, without duplicates."""
    names = []
    for candidate in candidates:
        name = candidate.name or (candidate.digests[0][:19] if candidate.digests else "(unnamed)")
        name = shortened(name, 200)
        names.append(name if candidate.platform is None else f"{name} ({candidate.platform})")
    names = list(dict.fromkeys(names))
    return (
        names if len(names) <= at_most else [*names[:at_most], f"and {len(names) - at_most} more"]
    )


def _names_digest(wanted: str, digest: str) -> bool:
    wanted = wanted.removeprefix("sha256:")
    return len(wanted) >= 6 and digest.removeprefix("sha256:").startswith(wanted)


def version_key(tag: str) -> tuple[bool, list[tuple[bool, int, str]]]:
    """Sort key of tags: numbers in names count as numbers, and `latest` comes last."""
    parts = [part for part in _NUMBERS.split(tag) if part]
    return tag.rpartition(":")[2] == "latest", [
        (part.isdecimal(), int(part[:18]) if part.isdecimal() else 0, part) for part in parts
    ]
