"""Indexes the layers of an image in parallel, or takes them from the cache."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from threading import Lock
from typing import Protocol

from msgspec import Struct

from layerscope.layers.blob import Blob
from layerscope.layers.cache import IndexCache, Indexed
from layerscope.layers.index import LayerIndex
from layerscope.layers.index_process import IndexProcess
from layerscope.layers.indexing import index_layer, layer_compression
from layerscope.layers.walk import Collector
from layerscope.limits import Limits
from layerscope.progress import Progress, StoppableProgress, check

WORKERS = 2
"""Threads that read layers."""
SECOND_PROCESS_BYTES = 256 << 20
"""Amount of work in bytes below which a second process is not worthwhile."""
_UNPACK_RATIO = 4
"""Estimated ratio of decompressed to compressed size of a layer, and so of the work."""
_SKIP_RATIO = 4
"""How many times faster a tar is read if it is not hashed, because contents are skipped."""
_TINY_BYTES = 1 << 16
"""Maximum size in bytes of a layer that arrives with the first bytes of a response."""
VERIFY_BYTES = 256 << 20
"""Total size in bytes up to which plain layers count as small."""


class ExpectedIndexes(Struct, frozen=True):
    """Indexes expected from tables of contents, available before the layers are read."""

    layers: Collection[int]
    """Numbers of the layers that seem to have a table of contents."""
    index_of: Callable[[int], LayerIndex | None]
    """The expected index of such a layer; None if its table is unusable."""
    show: Callable[[Sequence[LayerIndex]], None]
    """Called once, during reading, with the indexes of all layers, read or expected."""


class Collectors(Protocol):
    """Provides collectors for the contents of an image's layers."""

    def collector(self, layer: int) -> Collector:
        """The collector for one layer."""


def _unchanged(_: int, index: LayerIndex) -> LayerIndex:
    return index


def read_layers(
    blobs: Sequence[Blob],
    claims: Sequence[Collection[str]],
    limits: Limits,
    progress: Progress,
    *,
    hash_all: bool,
    cache: IndexCache | None,
    on_layer: Callable[[int, Indexed], None],
    complete: Callable[[int, LayerIndex], LayerIndex] = _unchanged,
    expected: ExpectedIndexes | None = None,
    collectors: Collectors | None = None,
    unread: Callable[[int], LayerIndex | None] = lambda _: None,
) -> list[Indexed]:
    """The index of each layer, in order. A blob that is listed several times is read once.

    `claims` are the digests that the image claims for each blob. `on_layer` is called with each index, in order; `complete`
    completes an index that was read; `collectors` take contents of layers that are read completely; `unread` returns the index
    of a layer that shall not be read. Raises `LimitExceededError` and `CancelledError`.
    """
    progress.stage("Reading layers", sum(blob.size for blob in blobs))
    first_by_key: dict[object, int] = {}
    stoppable = StoppableProgress(progress)
    first = [first_by_key.setdefault(_blob_key(blob), number) for number, blob in enumerate(blobs)]

    with ExitStack() as stack:
        scheduler = _IndexScheduler(blobs, limits, stoppable, stack, hash_all=hash_all)

        def read(number: int) -> Indexed:
            blob = blobs[number]
            if (index := unread(number)) is not None:
                progress.advance(blob.size)
                return Indexed(index, None)
            hash_blob = hash_all or blob.spooled
            cached = (
                None
                if cache is None
                else cache.find(blob, claims[number], stoppable, hash_all=hash_blob)
            )
            if cached is not None:
                return cached
            if blob.ranged:
                layer_compression(
                    blob
                )  # requests the layer, which arrives while collectors are loaded
            collector = None if collectors is None else collectors.collector(number)
            index = complete(number, scheduler.index(blob, hash_blob, collector))
            return Indexed(index, None) if cache is None else cache.add(blob, index)

        with ThreadPoolExecutor(WORKERS) as readers, ThreadPoolExecutor(1) as reader:

            def submit(number: int) -> Future[Indexed]:
                blob = blobs[number]
                # Threads with tiny layers would only wait for each other.
                pool = reader if blob.size <= _TINY_BYTES and not blob.ranged else readers
                return pool.submit(read, number)

            with_toc = set() if expected is None else set(expected.layers) & set(first)
            # Layers without a table first: after them, every index is known or expected.
            order = sorted(_read_order(blobs, first), key=with_toc.__contains__)
            # From a registry, read tables first, and layers only after the expected tree is shown, if there is one.
            deferred = [number for number in order if number in with_toc and blobs[number].ranged]
            futures = {number: submit(number) for number in order if number not in deferred}
            try:
                if expected is not None and deferred:
                    for number in deferred:
                        expected.index_of(number)
                    if not any(_is_fetched(blobs[number], cache) for number in futures):
                        with_toc = set()
                        _show_expected(expected, first, futures)
                futures |= {number: submit(number) for number in deferred}
                layers = []
                for number, origin in enumerate(first):
                    if expected is not None and origin in with_toc:
                        with_toc = set()
                        _show_expected(expected, first, futures)
                    layers.append(futures[origin].result())
                    on_layer(number, layers[-1])
                    if origin != number:
                        progress.advance(blobs[number].size)
            except BaseException:
                stoppable.stop()
                for blob in blobs:
                    blob.abandon()
                for future in futures.values():
                    future.cancel()
                raise
    return layers


def _read_order(blobs: Sequence[Blob], numbers: Iterable[int]) -> list[int]:
    """The order in which to read layers: those in a registry after local ones, the largest first.

    Tiny ones come second: they cost only the latency of a request, which passes while the largest layer arrives.
    """
    distinct = list(dict.fromkeys(numbers))
    local = [number for number in distinct if not blobs[number].ranged]
    remote = [number for number in distinct if blobs[number].ranged]
    remote.sort(key=lambda number: -blobs[number].size)
    others = sorted(remote[1:], key=lambda number: blobs[number].size > _TINY_BYTES)
    return [*local, *remote[:1], *others]


def cached_layers(
    blobs: Sequence[Blob], cache: IndexCache, *, hash_all: bool
) -> list[Indexed] | None:
    """The result of `read_layers` from the cache alone; None if a layer would have to be read."""
    by_key: dict[object, Indexed] = {}
    for blob in blobs:
        if _blob_key(blob) not in by_key:
            cached = cache.get(blob, hash_all=hash_all or blob.spooled)
            if cached is None:
                return None
            by_key[_blob_key(blob)] = cached
    return [by_key[_blob_key(blob)] for blob in blobs]


def _show_expected(
    expected: ExpectedIndexes, first: Sequence[int], futures: Mapping[int, Future[Indexed]]
) -> None:
    """Show the tree of read and expected layers, while the expected ones are still being read."""
    indexes: dict[int, LayerIndex] = {}
    for number, future in futures.items():
        if number not in expected.layers or future.done():
            indexes[number] = future.result().index
    missing = set(first) - indexes.keys()
    if not missing:
        return
    for number in missing:
        index = expected.index_of(number)
        if index is None:
            return
        indexes[number] = index
    expected.show([indexes[number] for number in first])


def _is_fetched(blob: Blob, cache: IndexCache | None) -> bool:
    """Whether a layer must be fetched over a network, which may take long."""
    return blob.ranged and (cache is None or not cache.has(blob))


class _IndexScheduler:
    """Assigns layers to this process or a second one: parsing headers holds the interpreter lock."""

    def __init__(
        self,
        blobs: Sequence[Blob],
        limits: Limits,
        progress: StoppableProgress,
        stack: ExitStack,
        *,
        hash_all: bool,
    ) -> None:
        """The second process starts only if there is enough work; it ends with `stack`."""
        self._limits = limits
        self._progress = progress
        self._interpreter_lock = Lock()
        self._process_lock = Lock()
        self._process: IndexProcess | None = None
        places = {blob: place for blob in blobs if (place := blob.place()) is not None}
        skip_ratio = 1 if hash_all else _SKIP_RATIO
        work = sum(
            blob.size // skip_ratio
            if layer_compression(blob) is None
            else blob.size * _UNPACK_RATIO
            for blob in places
        )
        if work >= SECOND_PROCESS_BYTES and len(places) > 1:
            descriptor, *others = {descriptor for descriptor, _ in places.values()}
            if not others:
                self._process = stack.enter_context(IndexProcess(descriptor, limits, progress))

    def index(self, blob: Blob, hash_blob: bool, collector: Collector | None = None) -> LayerIndex:
        """The index of a layer, which is read completely if `hash_blob` or if it is compressed."""
        reads_all = hash_blob or layer_compression(blob) is not None
        collector = collector if reads_all else None
        if self._process is not None and not self._interpreter_lock.acquire(blocking=False):
            with self._process_lock:
                index = self._process.index(blob, hash_all=hash_blob, collector=collector)
            if index is not None and not _overwritten(blob):
                return index
            if index is not None:
                self._progress.advance(-blob.size)
        elif self._process is not None:
            try:
                return self._index_here(blob, hash_blob, collector)
            finally:
                self._interpreter_lock.release()
        if reads_all:
            return self._index_here(blob, hash_blob, collector)
        with self._interpreter_lock:
            return self._index_here(blob, hash_blob, collector)

    def _index_here(self, blob: Blob, hash_blob: bool, collector: Collector | None) -> LayerIndex:
        check(self._progress)
        return index_layer(
            blob, self._limits, self._progress, hash_all=hash_blob, collector=collector
        )


def _overwritten(blob: Blob) -> bool:
    """Whether the file of a blob was modified; the second process only knows its state at the start."""
    with suppress(OSError):
        blob.pread(1, 0)
    return blob.overwritten


def are_small(blobs: Sequence[Blob]) -> bool:
    """Whether the plain layers in files have at most `VERIFY_BYTES` in total. Other layers are read completely anyway."""
    files = (blob for blob in blobs if not blob.spooled)
    return sum(blob.size for blob in files if layer_compression(blob) is None) <= VERIFY_BYTES


def _blob_key(blob: Blob) -> object:
    """A key that is equal for blobs with the same bytes in the same file."""
    return (blob.name, blob.size)
