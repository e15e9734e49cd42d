"""Lists all images of engines and stores, each source in its own thread with a time limit."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from layerscope.errors import LayerscopeError, UnreachableError
from layerscope.sources import containerd, containers_storage, docker_store, engine_listing
from layerscope.sources.base import Request
from layerscope.sources.endpoints import Endpoint, docker_endpoints, podman_endpoints
from layerscope.sources.store_image import StoreImage, StoreLayer

PATIENCE = 15.0
"""Seconds per source; an engine must start to answer within 10."""
_GLANCE = 0.1
"""Seconds between checks for cancellation."""


@dataclass(frozen=True, slots=True)
class ListedSource:
    """A source that can list its images."""

    name: str
    ask: Callable[[Request], Sequence[StoreImage]]
    """Raises `LayerscopeError` or OSError if it is not reachable."""
    stored: bool = False
    """Whether it reads a store directly, so that --store-root applies and layers have sizes."""


@dataclass(frozen=True, slots=True)
class Listed:
    """The answer of a source."""

    source: ListedSource
    images: Sequence[StoreImage] = ()
    refusal: LayerscopeError | None = None
    """Why it is not reachable; None if it answered."""


def _of_engine(
    kind: str, endpoints: Callable[[], Sequence[Endpoint]], request: Request
) -> Sequence[StoreImage]:
    return engine_listing.listed(kind, endpoints, request.limits)


LISTED_SOURCES: tuple[ListedSource, ...] = (
    ListedSource("docker", partial(_of_engine, "docker", docker_endpoints)),
    ListedSource("podman", partial(_of_engine, "podman", podman_endpoints)),
    ListedSource("containers-storage", containers_storage.listed, stored=True),
    ListedSource("docker-store", docker_store.listed, stored=True),
    ListedSource("containerd", containerd.listed, stored=True),
)


def list_images(
    request: Request,
    *,
    sources: Sequence[ListedSource] = LISTED_SOURCES,
    patience: float = PATIENCE,
) -> Iterator[Listed]:
    """The answer of each source as it arrives; late ones count as unreachable.

    Stops early when `request.progress` is cancelled. With a `store_root`, only stores are asked.
    """
    asked = [source for source in sources if source.stored or request.store_root is None]
    answers: queue.SimpleQueue[Listed] = queue.SimpleQueue()
    for source in asked:
        # A daemon thread: an engine that never answers must not block the exit.
        threading.Thread(
            target=lambda source=source: answers.put(_ask(source, request)), daemon=True
        ).start()
    waiting = {source.name: source for source in asked}
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


def _ask(source: ListedSource, request: Request) -> Listed:
    try:
        return Listed(source, source.ask(request))
    except LayerscopeError as error:
        return Listed(source, refusal=error)
    except PermissionError as error:
        said = f"{error.filename or source.name}: permission denied"
        return Listed(source, refusal=UnreachableError(said, hint="run layerscope as the owner of the store"))  # fmt: skip
    except Exception as error:  # errors in a thread must be returned
        return Listed(source, refusal=UnreachableError(f"{type(error).__name__}: {error}"))


__all__ = ["LISTED_SOURCES", "Listed", "ListedSource", "StoreImage", "StoreLayer", "list_images"]
