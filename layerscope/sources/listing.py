"""Lists all images of engines and stores, each source in its own thread with a time limit."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from layerscope.errors import LayerscopeError, UnreachableError
from layerscope.sources import SOURCES, Request, Source
from layerscope.sources.store_image import StoreImage

PATIENCE = 15.0
"""Seconds per source; an engine must start to answer within 10."""
_GLANCE = 0.1
"""Seconds between checks for cancellation."""


@dataclass(frozen=True, slots=True)
class Listed:
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
) -> Iterator[Listed]:
    """The answer of each source that lists its images, as it arrives; late ones count as unreachable.

    Stops early when `request.progress` is cancelled. With a `store_root`, only stores are asked.
    """
    asked = [
        (source, source.listed)
        for source in sources
        if source.listed is not None and (source.stored or request.store_root is None)
    ]
    answers: queue.SimpleQueue[Listed] = queue.SimpleQueue()
    for source, listed in asked:
        # A daemon thread: an engine that never answers must not block the exit.
        threading.Thread(
            target=lambda source=source, listed=listed: answers.put(_ask(source, listed, request)),
            daemon=True,
        ).start()
    waiting = {source.name: source for source, _ in asked}
    deadline = time.monotonic() + patience
    while waiting and not request.progress.cancelled():
        left = deadline - time.monotonic()
        try:
            answer = answers.get(timeout=max(min(_GLANCE, left), 0))
        except queue.Empty:
            if left > 0:
                continue
            for source in waiting.values():
                said = f"no answer within {patience:.0f} seconds"
                yield Listed(source, refusal=UnreachableError(said))
            return
        del waiting[answer.source.name]
        yield answer


def _ask(
    source: Source, listed: Callable[[Request], Sequence[StoreImage]], request: Request
) -> Listed:
    try:
        return Listed(source, listed(request))
    except LayerscopeError as error:
        return Listed(source, refusal=error)
    except PermissionError as error:
        said = f"{error.filename or source.name}: permission denied"
        return Listed(source, refusal=UnreachableError(said, hint="run layerscope as the owner of the store"))  # fmt: skip
    except Exception as error:  # errors in a thread must be returned
        return Listed(source, refusal=UnreachableError(f"{type(error).__name__}: {error}"))
