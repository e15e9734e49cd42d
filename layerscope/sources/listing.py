"""Lists all images of engines and stores, each source in its own thread with a time limit."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from layerscope.errors import LayerscopeError, UnreachableError
from layerscope.sources import SOURCES, Request, Source
from layerscope.sources.store_image import StoreImage

PATIENCE = 15.0
"""Seconds per source; an engine must start to answer within 10."""
_CHECK_SECONDS = 0.1
"""Seconds between checks for cancellation."""


class SourceListing(Struct, frozen=True):
    """The answer of a source."""

    source: Source
    images: Sequence[StoreImage] = ()
    refusal: LayerscopeError | None = None
    """Why it is not reachable; None if it answered."""


def list_images(
    request: Request,
    *,
    sources: Sequence[Source] = SOURCES,
    patience: float = PATIENCE,
) -> Iterator[SourceListing]:
    """The answer of each source that lists its images, as it arrives; late ones count as unreachable.

    Stops early when `request.progress` is cancelled. With a `store_root`, only stores are asked.
    """
    listing_sources = [
        (source, source.list_images)
        for source in sources
        if source.list_images is not None and (source.stored or request.store_root is None)
    ]
    answers: queue.SimpleQueue[SourceListing] = queue.SimpleQueue()
    for source, listed in listing_sources:
        # A daemon thread: an engine that never answers must not block the exit.
        threading.Thread(
            target=lambda source=source, listed=listed: answers.put(_ask(source, listed, request)),
            daemon=True,
        ).start()
    waiting = {source.name: source for source, _ in listing_sources}
    deadline = time.monotonic() + patience
    while waiting and not request.progress.cancelled():
        remaining = deadline - time.monotonic()
        try:
            answer = answers.get(timeout=max(min(_CHECK_SECONDS, remaining), 0))
        except queue.Empty:
            if remaining > 0:
                continue
            for source in waiting.values():
                message = f"no answer within {patience:.0f} seconds"
                yield SourceListing(source, refusal=UnreachableError(message))
            return
        del waiting[answer.source.name]
        yield answer


def _ask(
    source: Source, listed: Callable[[Request], Sequence[StoreImage]], request: Request
) -> SourceListing:
    try:
        return SourceListing(source, listed(request))
    except LayerscopeError as error:
        return SourceListing(source, refusal=error)
    except PermissionError as error:
        message = f"{error.filename or source.name}: permission denied"
        return SourceListing(source, refusal=UnreachableError(message, hint="run layerscope as the owner of the store"))  # fmt: skip
    except Exception as error:  # errors in a thread must be returned
        return SourceListing(source, refusal=UnreachableError(f"{type(error).__name__}: {error}"))
