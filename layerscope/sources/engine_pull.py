"""Pulls an image with an engine, only on request (--pull)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from layerscope.errors import ImageNotFoundError
from layerscope.image.documents import Lenient
from layerscope.limits import Limits
from layerscope.sources.base import Found, Request
from layerscope.sources.endpoints import Endpoint
from layerscope.sources.engine import find_at
from layerscope.sources.engine_client import Client, NoSuchImageError, clients
from layerscope.sources.references import without_tag_at_digest


def pull(
    kind: str, endpoints: Callable[[], Sequence[Endpoint]], request: Request, reference: str
) -> Found:
    """The image, after the first engine that answers has pulled it.

    Raises `UnreachableError` if no engine answers, `ImageNotFoundError` with the engine's message if the pull fails.
    """
    endpoint, client = next(clients(kind, endpoints, request.limits))
    _pull(client, kind, request, reference)
    return find_at(kind, endpoint, request, reference)


def _pull(client: Client, kind: str, request: Request, reference: str) -> None:
    """Wait until the engine has the image. Raises `CancelledError`, and `ImageNotFoundError` with the engine's message."""
    request.progress.stage(f"Pulling {reference} with {kind}")
    words = client.pull(without_tag_at_digest(reference), request.platform, request.progress)
    try:
        for fresh in _bytes_of(words, request.limits):
            request.progress.advance(fresh)
    except (NoSuchImageError, _PullError) as error:
        raise ImageNotFoundError(
            f"{kind} could not pull it: {error}",
            hint=f"check the name and your access; {kind} login signs in to a registry",
        ) from None
    finally:
        client.close()


class _PullError(Exception):
    """An error within a pull stream, whose status is already 200."""


def _bytes_of(words: Iterator[Mapping[str, Any]], limits: Limits) -> Iterator[int]:
    """Newly downloaded bytes per message: layers are downloaded in parallel, each with its own counter."""
    counts: dict[str, int] = {}
    for word in words:
        fields = Lenient(word, "pull")
        said = fields.child("errorDetail").text("message") or fields.text("error")
        if said is not None:
            raise _PullError(" ".join(said.split())[:500])
        layer = fields.text("id")
        current = fields.child("progressDetail").number("current")
        if layer is None or current is None or fields.text("status") != "Downloading":
            continue
        fresh = current - counts.get(layer, 0)
        if fresh > 0:  # a restarted download counts from 0
            if len(counts) >= limits.layers and layer not in counts:
                raise limits.exceeded("layers", "what is pulled")
            counts[layer] = current
            yield fresh
