"""The tags of a repository (OCI distribution-spec, "Listing Tags")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from urllib.parse import parse_qs, quote, urlsplit

from layerscope.errors import ImageNotFoundError, LayerscopeError
from layerscope.image.documents import Lenient, decode_object
from layerscope.image.platform import Platform
from layerscope.sources.base import Request
from layerscope.sources.choosing import choose
from layerscope.sources.names import version_key
from layerscope.sources.registry.client import Client
from layerscope.sources.registry.repository import SCHEME, Reference
from layerscope.sources.registry.source import find
from layerscope.sources.store_image import StoreImage, described

MOST = 10_000
"""Maximum number of tags that are listed."""
DETAILED = 40
"""Maximum number of tags whose image is looked up: registries count each."""
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
        self.names = _names(Client(repository, request.limits, request.progress))
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

    def looked_up(self, request: Request) -> Iterator[StoreImage]:
        """The first ones with ID, date, size and platform, one by one. Ends early when `request` is cancelled."""
        for tag in self.names[:DETAILED]:
            if request.progress.cancelled():
                return
            try:
                yield self._detailed(request, tag)
            except LayerscopeError:
                continue  # opening it tells why

    def _named(self, tag: str) -> StoreImage:
        name = str(self.repository.tagged(tag))
        return StoreImage(f"{SCHEME}://{name}", "", SCHEME, [name], location=self.repository.host)

    def _detailed(self, request: Request, tag: str) -> StoreImage:
        found = find(request, str(self.repository.tagged(tag)))
        chosen, _, _ = choose(request, found, None)
        parts = chosen.load()
        config = described(parts.config or b"", request.limits)
        platform: Platform | None = config.platform or chosen.platform
        return replace(
            self._named(tag),
            id=(parts.config_digest or "").partition(":")[2],
            created=config.created,
            size=sum(layer.blob.size for layer in parts.layers),
            platform=platform,
        )


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
