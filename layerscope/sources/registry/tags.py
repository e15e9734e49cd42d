"""The tags of a repository (OCI distribution-spec, "Listing Tags")."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from threading import Lock, Thread
from urllib.parse import parse_qs, quote, urlsplit

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

MOST = 10_000
"""Maximum number of tags that are listed."""
WORKERS = 4
"""Images that are looked up at once."""
_PAGE = 1000
_NAMED = 5
"""Tags that an error names."""
_BESIDE = re.compile(r"sha256-[0-9a-f]{64}(?:\.|$)")
"""Tags of what is stored beside images: referrers, and signatures of cosign."""
_NEXT = re.compile(r'<([^>]*)>\s*;\s*rel="?next"?')


class Tags:
    """The tags of a repository, newest versions first as far as their names tell."""

    def __init__(self, request: Request, repository: Reference) -> None:
        """Asks for the names. Raises `LayerscopeError`."""
        self.repository = repository
        self._client = Client(repository, request.limits, request.progress)
        self.names = _names(self._client)
        """The highest versions first."""

    def selected(self, pattern: str | None = None, last: int | None = None) -> list[str]:
        """References of the images whose tags match a glob, oldest versions first; only the `last` ones of them.

        Of the last ones, `latest` is none where others match: it is another name of one of them. Raises `ImageNotFoundError` if no
        tag matches.
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
        """An image a tag, with nothing but its name."""
        return [self._named(tag) for tag in self.names]

    def looked_up(self, request: Request, image: StoreImage) -> StoreImage:
        """The same image with ID, date, size and platform. Raises `LayerscopeError` and `CancelledError`."""
        client = self._client.of(Reference.parse(image.tags[0]), request.progress)
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
    """Looks up images of tags, some at once, in threads. Registries count each: only what is wanted is looked up."""

    def __init__(
        self, tags: Tags, request: Request, tell: Callable[[StoreImage | None], object]
    ) -> None:
        """`tell` is called in a thread: with each image, and with None when nothing is left to do."""
        self._tags = tags
        self._request = replace(request, progress=_Open(self))
        self._tell = tell
        self._lock = Lock()
        self._wanted: list[StoreImage] = []
        """Those to look up next, the first one last."""
        self._begun: set[str] = set()
        """References of all that were ever looked up."""
        self._running = 0
        self.closed = False
        """Whether nobody wants them any more."""
        self.problem: str | None = None
        """Why no more are looked up: the registry cannot be reached, or its rate limit is reached."""

    @property
    def busy(self) -> bool:
        """Whether some are being looked up."""
        return self._running > 0

    def want(self, images: Sequence[StoreImage]) -> None:
        """Look these up, rather than those that were wanted before and have not been begun."""
        with self._lock:
            if self.closed or self.problem is not None:
                return
            new = [one for one in images if not one.id and one.reference not in self._begun]
            self._wanted = new[::-1]
            started = min(WORKERS - self._running, len(new))
            self._running += max(started, 0)
        for _ in range(started):
            Thread(target=self._work, name="tags", daemon=True).start()

    def close(self) -> None:
        """End all."""
        self.closed = True

    def _work(self) -> None:
        while (image := self._next()) is not None:
            try:
                self._tell(self._tags.looked_up(self._request, image))
            except UnreachableError as error:
                self.problem = error.message
            except LayerscopeError:
                continue  # opening it tells why
            except CancelledError:
                self.closed = True
        if not self.busy:
            self._tell(None)

    def _next(self) -> StoreImage | None:
        with self._lock:
            if self.closed or self.problem is not None or not self._wanted:
                self._running -= 1
                return None
            image = self._wanted.pop()
            self._begun.add(image.reference)
            return image


class _Open(NullProgress):
    """Cancels what is looked up once nobody wants it."""

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups

    def cancelled(self) -> bool:
        return self._lookups.closed


def _names(client: Client) -> list[str]:
    """All tags, natural order, `latest` and high versions first."""
    found: dict[str, None] = {}
    last = ""
    while len(found) < MOST:
        more = f"&last={quote(last)}" if last else ""
        answer = client.json(f"tags/list?n={_PAGE}{more}", "list of tags")
        page = Lenient(decode_object(answer.body, "the list of tags", client.limits), "tags").texts(
            "tags"
        )
        new = [tag for tag in page if tag not in found and Reference.is_tag(tag)]
        new = [tag for tag in new if not _BESIDE.match(tag)]
        found.update(dict.fromkeys(new))
        following = _NEXT.search(answer.headers.get("Link") or "")
        if not new or following is None:
            break
        try:
            last = parse_qs(urlsplit(following[1]).query).get("last", [page[-1]])[0]
        except ValueError:
            break
    if not found:
        raise ImageNotFoundError(
            f"{client.reference.repository} has no tags",
            hint="name an image by its digest: NAME@sha256:…",
        )
    return sorted(list(found)[:MOST], key=version_key, reverse=True)
