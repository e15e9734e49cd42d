"""Images by tag: those of a repository, or of an archive or layout with several images, in order."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct
from msgspec.structs import replace

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

MAX_LOOKUPS = 200
"""Maximum number of tags to look up, because registries count requests; for the last ones, twice as many as wanted."""
MIN_LOOKUPS = 10
"""Minimum number of tags to look up for the last ones."""

_NUMBER = re.compile(r"[0-9]+")


class TaggedImages(Struct, frozen=True):
    """Some images of one place, each once."""

    requests: tuple[Request, ...]
    """Oldest first."""
    order: ReleaseOrder
    """The order: by creation date if all dates are known and differ, else by tag."""
    duplicate_tags: int
    """Number of tags left out because another tag names the same image."""
    skipped_tags: int
    """Number of tags of the lowest versions, which were not looked up."""


class _Tagged(Struct, frozen=True):
    tag: str
    request: Request
    id: str
    created: str | None


def tagged_images(request: Request, glob: str | None, last: int | None) -> TaggedImages:
    """The images of a place whose tags match a glob, or all; with `last`, only the newest ones.

    Raises `LayerscopeError` and `CancelledError`.
    """
    if request.reference == STDIN:
        raise UsageError("stdin holds one image", hint="save it to a file, or name several")
    with errors_about(request):
        requests = list(_repository_tags(request) or _place_tags(request))
    matching = [one for one in requests if _matches(one[0], glob)]
    if not matching:
        raise ImageNotFoundError(
            f"{request.reference}: none of its {len(requests):,} tags matches {glob!r}",
            hint=f"for example: {', '.join(tag for tag, _ in requests[:3])}",
        )
    matching.sort(key=lambda one: version_key(one[0]))
    maximum = MAX_LOOKUPS if last is None else max(2 * last, MIN_LOOKUPS)
    skipped = max(len(matching) - maximum, 0)
    distinct: dict[str, _Tagged] = {}
    images = list(_look_up(matching[skipped:]))
    for one in sorted(images, key=lambda one: len(_NUMBER.findall(one.tag)), reverse=True):
        distinct.setdefault(one.id, one)  # prefer the most specific tag: 1.2.3 over 1.2 over stable
    distinct_images = [one for one in images if distinct[one.id] is one]
    dates = [date for one in distinct_images if (date := moment_of(one.created)) is not None]
    order = ReleaseOrder.VERSION
    if len(set(dates)) == len(distinct_images) > 1:
        order = ReleaseOrder.CREATED
        distinct_images = [
            one
            for _, one in sorted(zip(dates, distinct_images, strict=True), key=lambda pair: pair[0])
        ]
    requests_in_order = tuple(one.request for one in distinct_images)
    return TaggedImages(
        requests_in_order if last is None else requests_in_order[-last:],
        order,
        len(images) - len(distinct_images),
        skipped if last is None else 0,
    )


def _matches(tag: str, glob: str | None) -> bool:
    """Whether a tag, or its last part, matches; archives have names such as app:1.2."""
    return glob is None or fnmatchcase(tag, glob) or fnmatchcase(tag.rpartition(":")[2], glob)


def _repository_tags(request: Request) -> list[tuple[str, Request]]:
    """The tags of a registry's repository; empty for another reference."""
    repository = whole_repository(request.reference)
    if repository is None:
        return []
    from layerscope.sources.registry.tags import Tags

    return [
        (tag, replace(request, reference=f"{SCHEME}://{repository.tagged(tag)}"))
        for tag in Tags(request, repository).names
    ]


def _place_tags(request: Request) -> Iterator[tuple[str, Request]]:
    """The tags of an archive, a layout or a store."""
    seen: set[str] = set()
    for candidate in find_images(request).candidates:
        for tag in candidate.tags:
            if tag not in seen:
                seen.add(tag)
                yield tag, replace(request, image=tag)


def _look_up(tags: Sequence[tuple[str, Request]]) -> Iterator[_Tagged]:
    """Images with their IDs and dates; tags that name no image are left out."""
    for tag, request in tags:
        check(request.progress)
        try:
            parts = choose(request, find_images(request), None)[0].load()
        except UnreachableError:
            raise
        except LayerscopeError:
            continue  # a signature or a chart, or it was removed
        created = config_details(parts.config or b"", request.limits).created
        name = tag if parts.config is None else hashlib.sha256(parts.config).hexdigest()
        yield _Tagged(tag, request, name, created)
