"""The layers of an image, indexed several at a time, or taken from the cache."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from threading import Lock

from layerscope.layers.blob import Blob
from layerscope.layers.cache import IndexCache, Indexed
from layerscope.layers.index import LayerIndex
from layerscope.layers.index_process import IndexProcess
from layerscope.layers.indexing import index_layer, layer_compression
from layerscope.limits import Limits
from layerscope.progress import Progress, Stoppable, check

WORKERS = 2
"""Threads that read layers."""
ASIDE_BYTES = 256 << 20
"""Plain layers of fewer bytes together are indexed before another process could begin."""
VERIFY_BYTES = 256 << 20
"""Plain layers are small if they hold no more bytes than this together."""


@dataclass(frozen=True, slots=True)
class Promises:
    """What is told of layers before they are read."""

    layers: Collection[int]
    """Numbers of the layers that seem to promise something."""
    of: Callable[[int], LayerIndex | None]
    """The index that one of them promises to have; None if it does not after all."""
    show: Callable[[Sequence[LayerIndex]], None]
    """Hears of all layers as they are or promise to be, once, while they are read."""


def _as_it_is(_: int, index: LayerIndex) -> LayerIndex:
    return index


def read_layers(
    blobs: Sequence[Blob],
    claims: Sequence[Collection[str]],
    limits: Limits,
    progress: Progress,
    *,
    hash_all: bool,
    cache: IndexCache | None,
    found: Callable[[int, LayerIndex], None],
    checked: Callable[[int, LayerIndex], LayerIndex] = _as_it_is,
    promises: Promises | None = None,
) -> list[Indexed]:
    """Index all layers; a blob that is listed several times is read once.

    `claims` are the digests that the image claims each blob to have; `found` hears of each layer, in order; `checked`
    completes an index that was read.
    """
    progress.stage("Reading layers", sum(blob.size for blob in blobs))
    places: dict[object, int] = {}
    stoppable = Stoppable(progress)
    first = [places.setdefault(_place(blob), number) for number, blob in enumerate(blobs)]

    with ExitStack() as stack:
        lanes = _Lanes(blobs, limits, stoppable, stack, aside=not hash_all)

        def read(number: int) -> Indexed:
            blob = blobs[number]
            whole = hash_all or blob.spooled
            if cache is None:
                return Indexed(checked(number, lanes.index(blob, whole)), None)
            known = cache.find(blob, claims[number], stoppable, hash_all=whole)
            return known or cache.keep(blob, checked(number, lanes.index(blob, whole)))

        with ThreadPoolExecutor(WORKERS) as pool:
            told = set() if promises is None else set(promises.layers) & set(first)
            # First those of which nothing is promised: once they are read, all is known or promised.
            order = sorted(dict.fromkeys(first), key=told.__contains__)
            futures = {number: pool.submit(read, number) for number in order}
            try:
                layers = []
                for number, origin in enumerate(first):
                    if promises is not None and origin in told:
                        told = set()
                        _promise(promises, first, futures)
                    layers.append(futures[origin].result())
                    found(number, layers[-1].index)
                    if origin != number:
                        progress.advance(blobs[number].size)
            except BaseException:
                stoppable.stop()
                for future in futures.values():
                    future.cancel()
                raise
    return layers


def recall_layers(
    blobs: Sequence[Blob], cache: IndexCache, *, hash_all: bool
) -> list[Indexed] | None:
    """What `read_layers` would find without reading a layer; None if a layer would have to be read."""
    places: dict[object, Indexed] = {}
    for blob in blobs:
        if _place(blob) not in places:
            known = cache.recall(blob, hash_all=hash_all or blob.spooled)
            if known is None:
                return None
            places[_place(blob)] = known
    return [places[_place(blob)] for blob in blobs]


def _promise(
    promises: Promises, first: Sequence[int], futures: Mapping[int, Future[Indexed]]
) -> None:
    """Show what all layers are, or promise to be, while those that promise it are being read."""
    known: dict[int, LayerIndex] = {}
    for number in futures:
        if number not in promises.layers or futures[number].done():
            known[number] = futures[number].result().index
    missing = futures.keys() - known.keys()
    if not missing:
        return
    for number in missing:
        promised = promises.of(number)
        if promised is None:
            return
        known[number] = promised
    promises.show([known[number] for number in first])


class _Lanes:
    """Who indexes a layer. Going from header to header is work of the interpreter: two threads at it only get in each
    other's way, so one does it here, and another process beside."""

    def __init__(
        self,
        blobs: Sequence[Blob],
        limits: Limits,
        progress: Stoppable,
        stack: ExitStack,
        *,
        aside: bool,
    ) -> None:
        """The process is ended with `stack`; none is begun unless `aside` and there is enough for it to do."""
        self._limits = limits
        self._progress = progress
        self._here = Lock()
        self._there = Lock()
        self._process: IndexProcess | None = None
        plain = [blob for blob in blobs if not blob.spooled and layer_compression(blob) is None]
        places = [place for blob in plain if (place := blob.place()) is not None]
        large = sum(blob.size for blob in plain) >= ASIDE_BYTES
        if aside and large and len(places) > 1 and len({fd for fd, _ in places}) == 1:
            self._process = stack.enter_context(
                IndexProcess(places[0][0], limits, lambda: check(progress))
            )

    def index(self, blob: Blob, whole: bool) -> LayerIndex:
        """The index of a layer; read through if `whole`, or if it is compressed."""
        if whole or layer_compression(blob) is not None:
            return index_layer(blob, self._limits, self._progress, hash_all=whole)
        if self._process is not None and not self._here.acquire(blocking=False):
            with self._there:
                found = self._process.index(blob)
            if found is not None and not _overwritten(blob):
                self._progress.advance(blob.size)
                return found
        elif self._process is not None:
            try:
                return index_layer(blob, self._limits, self._progress)
            finally:
                self._here.release()
        with self._here:
            check(self._progress)
            return index_layer(blob, self._limits, self._progress)


def _overwritten(blob: Blob) -> bool:
    """Whether the file of a blob was written to: another process that reads it knows only how it was when that began."""
    with suppress(OSError):
        blob.pread(1, 0)
    return blob.overwritten


def are_small(blobs: Sequence[Blob]) -> bool:
    """Whether the plain layers in files are small together, see `VERIFY_BYTES`. Of others the bytes pass by anyway."""
    files = (blob for blob in blobs if not blob.spooled)
    return sum(blob.size for blob in files if layer_compression(blob) is None) <= VERIFY_BYTES


def _place(blob: Blob) -> object:
    """What is equal for two blobs that are the same bytes in the same place."""
    return (blob.name, blob.size)
