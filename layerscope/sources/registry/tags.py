"""The tags of a repository (OCI distribution-spec, "Listing Tags")."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from threading import Lock, Thread
from urllib.parse import parse_qs, quote, urlsplit

from msgspec.structs import replace

from layerscope.errors import (
    CancelledError,
    ImageNotFoundError,
    LayerscopeError,
    UnreachableError,
)
from layerscope.image.documents import Lenient, decode_object
from layerscope.image.platform import Platform
from layerscope.progress import NullProgress
from layerscope.sources.base import Request
from layerscope.sources.choosing import choose
from layerscope.sources.names import version_key
from layerscope.sources.registry.client import Client
from layerscope.sources.registry.repository import SCHEME, Reference
from layerscope.sources.registry.source import find_with
from layerscope.sources.store_image import StoreImage, config_details

MAX_TAGS = 10_000
"""Maximum number of tags that are listed."""
WORKERS = 4
"""Number of threads that look up images."""
_PAGE = 1000
_NAMED = 5
"""Maximum number of tags in an error."""
_NOT_IMAGES = re.compile(r"sha256-[0-9a-f]{64}(?:\.|$)")
"""Tags of referrers and of cosign's signatures."""
_NEXT = re.compile(r'<([^>]*)>\s*;\s*rel="?next"?')


class Tags:
    """The tags of a repository, highest versions first."""

    def __init__(self, request: Request, repository: Reference) -> None:
        """Fetches the names. Raises `LayerscopeError`."""
        self.repository = repository
        self._client = Client(repository, request.limits, request.progress)
        self.names = _names(self._client)
        """The highest versions first."""

    def selected(self, pattern: str | None = None, last: int | None = None) -> list[str]:
        """References of the images whose tags match a glob, oldest versions first; only the `last` ones of them.

        With `last`, `latest` is left out if other tags match, because it is another name of one of them. Raises
        `ImageNotFoundError` if no tag matches.
        """
        tags = [tag for tag in reversed(self.names) if pattern is None or fnmatchcase(tag, pattern)]
        if not tags:
            raise ImageNotFoundError(
                f"{self.repository.repository}: none of {len(self.names):,} tags matches {pattern!r}",
                hint=f"the newest: {', '.join(self.names[:_NAMED])}",
            )
        if last is not None:
            tags = ([tag for tag in tags if tag != "latest"] or tags)[-last:]
        return [f"{SCHEME}://{self.repository.tagged(tag)}" for tag in tags]

    def images(self) -> list[StoreImage]:
        """An image per tag, with nothing but its name."""
        return [self._named(tag) for tag in self.names]

    def look_up(self, request: Request, image: StoreImage) -> StoreImage:
        """The image with ID, date, size and platform. Raises `LayerscopeError` and `CancelledError`."""
        client = self._client.for_tag(Reference.parse(image.tags[0]), request.progress)
        chosen, _, _ = choose(request, find_with(client, request), None)
        parts = chosen.load()
        config = config_details(parts.config or b"", request.limits)
        platform: Platform | None = config.platform or chosen.platform
        return replace(
            image,
            id=(parts.config_digest or "").partition(":")[2],
            created=config.created,
            size=sum(layer.blob.size for layer in parts.layers),
            platform=platform,
        )

    def _named(self, tag: str) -> StoreImage:
        name = str(self.repository.tagged(tag))
        return StoreImage(f"{SCHEME}://{name}", "", SCHEME, [name], location=self.repository.host)


class Lookups:
    """Looks up images of tags in threads, only on request: registries count requests."""

    def __init__(
        self, tags: Tags, request: Request, notify: Callable[[StoreImage | None], object]
    ) -> None:
        """`notify` is called in a thread: with each image, and with None once all are done."""
        self._tags = tags
        self._request = replace(request, progress=_ClosedProgress(self))
        self._notify = notify
        self._lock = Lock()
        self._wanted: list[StoreImage] = []
        """The images to look up, in reverse order."""
        self._started: set[str] = set()
        """References of all images whose lookup has started."""
        self._running = 0
        self.closed = False
        """Whether the results are no longer needed."""
        self.problem: str | None = None
        """Why lookups stopped: the registry is unreachable, or its rate limit is reached."""

    @property
    def busy(self) -> bool:
        """Whether lookups are running."""
        return self._running > 0

    def want(self, images: Sequence[StoreImage]) -> None:
        """Look these up, instead of images wanted before whose lookup has not started."""
        with self._lock:
            if self.closed or self.problem is not None:
                return
            new = [one for one in images if not one.id and one.reference not in self._started]
            self._wanted = new[::-1]
            started = min(WORKERS - self._running, len(new))
            self._running += max(started, 0)
        for _ in range(started):
            Thread(target=self._work, name="tags", daemon=True).start()

    def close(self) -> None:
        """Stop all lookups."""
        self.closed = True

    def _work(self) -> None:
        while (image := self._next()) is not None:
            try:
                self._notify(self._tags.look_up(self._request, image))
            except UnreachableError as error:
                self.problem = error.message
            except LayerscopeError:
                continue  # opening the image reports the error
            except CancelledError:
                self.closed = True
        if not self.busy:
            self._notify(None)

    def _next(self) -> StoreImage | None:
        with self._lock:
            if self.closed or self.problem is not None or not self._wanted:
                self._running -= 1
                return None
            image = self._wanted.pop()
            self._started.add(image.reference)
            return image


class _ClosedProgress(NullProgress):
    """Cancels lookups once they are closed."""

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups

    def cancelled(self) -> bool:
        return self._lookups.closed


def _names(client: Client) -> list[str]:
    """All tags in natural order, `latest` and high versions first."""
    tags: dict[str, None] = {}
    last = ""
    while len(tags) < MAX_TAGS:
        after = f"&last={quote(last)}" if last else ""
        answer = client.json(f"tags/list?n={_PAGE}{after}", "list of tags")
        page = Lenient(decode_object(answer.body, "the list of tags", client.limits), "tags").texts(
            "tags"
        )
        new = [tag for tag in page if tag not in tags and Reference.is_tag(tag)]
        new = [tag for tag in new if not _NOT_IMAGES.match(tag)]
        tags.update(dict.fromkeys(new))
        next_link = _NEXT.search(answer.headers.get("Link") or "")
        if not new or next_link is None:
            break
        try:
            last = parse_qs(urlsplit(next_link[1]).query).get("last", [page[-1]])[0]
        except ValueError:
            break
    if not tags:
        raise ImageNotFoundError(
            f"{client.reference.repository} has no tags",
            hint="name an image by its digest: NAME@sha256:…",
        )
    return sorted(list(tags)[:MAX_TAGS], key=version_key, reverse=True)
