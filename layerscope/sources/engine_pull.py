"""Pulls an image with an engine, only on request (--pull)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from layerscope.errors import ImageNotFoundError
from layerscope.image.documents import Lenient
from layerscope.limits import Limits
from layerscope.sources.base import FoundImages, Request
from layerscope.sources.endpoints import Endpoint
from layerscope.sources.engine import find_at
from layerscope.sources.engine_client import Client, NoSuchImageError, clients
from layerscope.sources.references import without_tag_at_digest


def pull(
    kind: str, endpoints: Callable[[], Sequence[Endpoint]], request: Request, reference: str
) -> FoundImages:
    """The image, after the first engine that answers has pulled it.

    Raises `UnreachableError` if no engine answers, `ImageNotFoundError` with the engine's message if the pull fails.
    """
    endpoint, client = next(clients(kind, endpoints, request.limits))
    _pull(client, kind, request, reference)
    return find_at(kind, endpoint, request, reference)


def _pull(client: Client, kind: str, request: Request, reference: str) -> None:
    """Wait until the engine has the image. Raises `CancelledError`, and `ImageNotFoundError` with the engine's message."""
    request.progress.stage(f"Pulling {reference} with {kind}")
    messages = client.pull(without_tag_at_digest(reference), request.platform, request.progress)
    try:
        for new_bytes in _new_bytes(messages, request.limits):
            request.progress.advance(new_bytes)
    except (NoSuchImageError, _PullError) as error:
        raise ImageNotFoundError(
            f"{kind} could not pull it: {error}",
            hint=f"check the name and your access; {kind} login signs in to a registry",
        ) from None
    finally:
        client.close()


class _PullError(Exception):
    """An error within a pull stream, whose status is already 200."""


def _new_bytes(messages: Iterator[Mapping[str, Any]], limits: Limits) -> Iterator[int]:
    """Newly downloaded bytes per message: layers are downloaded in parallel, each with its own counter."""
    counts: dict[str, int] = {}
    for message in messages:
        fields = Lenient(message, "pull")
        error_text = fields.child("errorDetail").text("message") or fields.text("error")
        if error_text is not None:
            raise _PullError(" ".join(error_text.split())[:500])
        layer = fields.text("id")
        current = fields.child("progressDetail").number("current")
        if layer is None or current is None or fields.text("status") != "Downloading":
            continue
        new_bytes = current - counts.get(layer, 0)
        if new_bytes > 0:  # a restarted download counts from 0
            if len(counts) >= limits.layers and layer not in counts:
                raise limits.exceeded("layers", "the pulled image")
            counts[layer] = current
            yield new_bytes
