"""The images of one place that tags name: the tags of a repository, or of an archive or layout with several images, in order."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from layerscope.errors import ImageNotFoundError, LayerscopeError, UnreachableError, UsageError
from layerscope.progress import check
from layerscope.sources.base import STDIN, Request, errors_about
from layerscope.sources.choosing import choose
from layerscope.sources.names import version_key
from layerscope.sources.registry.repository import SCHEME, whole_repository
from layerscope.sources.search import find_images
from layerscope.sources.store_image import config_details
from layerscope.text import moment_of
from layerscope.words import ReleaseOrder

MOST = 200
"""Most tags that are looked up: registries count each request. Of the last ones, these are twice as many as wanted."""
LEAST = 10
"""Fewest tags that are looked up for the last ones."""

_NUMBER = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class TaggedImages:
    """Some images of one place, each once."""

    requests: tuple[Request, ...]
    """Oldest first."""
    order: ReleaseOrder
    """What orders them: creation dates if all are known and differ, else the names of the tags."""
    same: int
    """Number of tags that were left out, as they name an image that another one names, too."""
    unseen: int
    """Number of tags that were not looked up: those of the lowest versions."""


@dataclass(frozen=True, slots=True)
class _Tagged:
    tag: str
    request: Request
    id: str
    created: str | None


def tagged_images(request: Request, glob: str | None, last: int | None) -> TaggedImages:
    """The images of a place whose tags match a glob, all if it is None; of these the `last` ones. Raises `LayerscopeError`, and
    `CancelledError`."""
    if request.reference == STDIN:
        raise UsageError("stdin holds one image", hint="save it to a file, or name several")
    with errors_about(request):
        requests = list(_of_repository(request) or _of_place(request))
    matching = [one for one in requests if _matches(one[0], glob)]
    if not matching:
        raise ImageNotFoundError(
            f"{request.reference}: none of its {len(requests):,} tags matches {glob!r}",
            hint=f"for example: {', '.join(tag for tag, _ in requests[:3])}",
        )
    matching.sort(key=lambda one: version_key(one[0]))
    most = MOST if last is None else max(2 * last, LEAST)
    unseen = max(len(matching) - most, 0)
    distinct: dict[str, _Tagged] = {}
    looked_up = list(_looked_up(matching[unseen:]))
    for one in sorted(looked_up, key=lambda one: len(_NUMBER.findall(one.tag)), reverse=True):
        distinct.setdefault(one.id, one)  # 1.2.3 says more than 1.2, and that more than stable
    found = [one for one in looked_up if distinct[one.id] is one]
    dates = [date for one in found if (date := moment_of(one.created)) is not None]
    order = ReleaseOrder.VERSION
    if len(set(dates)) == len(found) > 1:
        order = ReleaseOrder.CREATED
        found = [one for _, one in sorted(zip(dates, found, strict=True), key=lambda pair: pair[0])]
    requests_found = tuple(one.request for one in found)
    return TaggedImages(
        requests_found if last is None else requests_found[-last:],
        order,
        len(looked_up) - len(found),
        unseen if last is None else 0,
    )


def _matches(tag: str, glob: str | None) -> bool:
    """Whether a tag, or its last part, matches; archives have names such as app:1.2."""
    return glob is None or fnmatchcase(tag, glob) or fnmatchcase(tag.rpartition(":")[2], glob)


def _of_repository(request: Request) -> list[tuple[str, Request]]:
    """The tags of a repository of a registry; none if the reference names something else."""
    repository = whole_repository(request.reference)
    if repository is None:
        return []
    from layerscope.sources.registry.tags import Tags

    return [
        (tag, replace(request, reference=f"{SCHEME}://{repository.tagged(tag)}"))
        for tag in Tags(request, repository).names
    ]


def _of_place(request: Request) -> Iterator[tuple[str, Request]]:
    """The tags of an archive, a layout or a store."""
    seen: set[str] = set()
    for candidate in find_images(request).candidates:
        for tag in candidate.tags:
            if tag not in seen:
                seen.add(tag)
                yield tag, replace(request, image=tag)


def _looked_up(tags: Sequence[tuple[str, Request]]) -> Iterator[_Tagged]:
    """Images with their IDs and dates; what a tag names that is no image is left out."""
    for tag, request in tags:
        check(request.progress)
        try:
            parts = choose(request, find_images(request), None)[0].load()
        except UnreachableError:
            raise
        except LayerscopeError:
            continue  # a signature, a chart; or it is gone
        created = config_details(parts.config or b"", request.limits).created
        name = tag if parts.config is None else hashlib.sha256(parts.config).hexdigest()
        yield _Tagged(tag, request, name, created)
