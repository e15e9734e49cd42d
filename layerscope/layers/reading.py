"""Indexes the layers of an image in parallel, or takes them from the cache."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

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
"""Bytes to go through below which a second process does not pay off."""
_UNPACKED = 4
"""Estimated ratio of decompressed to compressed size of a layer, and so of the work."""
_SKIPPED = 4
"""Bytes of a tar that is not hashed that take as long as one that is: contents are skipped."""
_TINY = 1 << 16
"""Maximum size in bytes of a layer that arrives with the first bytes of the answer."""
VERIFY_BYTES = 256 << 20
"""Total size in bytes up to which plain layers count as small."""


@dataclass(frozen=True, slots=True)
class ExpectedIndexes:
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
    """Index all layers. A blob listed several times is read once.

    `claims` are the digests that the image claims for each blob. `on_layer` is called with each index, in order; `complete`
    adds to an index that was read; `collectors` take contents of layers that are read completely; `unread` has the indexes of
    layers that are not to be read. Raises `LimitExceededError` and `CancelledError`.
    """
    progress.stage("Reading layers", sum(blob.size for blob in blobs))
    places: dict[object, int] = {}
    stoppable = StoppableProgress(progress)
    first = [places.setdefault(_place(blob), number) for number, blob in enumerate(blobs)]

    with ExitStack() as stack:
        scheduler = _IndexScheduler(blobs, limits, stoppable, stack, hash_all=hash_all)

        def read(number: int) -> Indexed:
            blob = blobs[number]
            if (index := unread(number)) is not None:
                progress.advance(blob.size)
                return Indexed(index, None)
            whole = hash_all or blob.spooled
            known = (
                None
                if cache is None
                else cache.find(blob, claims[number], stoppable, hash_all=whole)
            )
            if known is not None:
                return known
            if blob.ranged:
                layer_compression(
                    blob
                )  # requests the layer: it arrives while collectors are loaded
            collector = None if collectors is None else collectors.collector(number)
            index = complete(number, scheduler.index(blob, whole, collector))
            return Indexed(index, None) if cache is None else cache.add(blob, index)

        with ThreadPoolExecutor(WORKERS) as pool:
            with_toc = set() if expected is None else set(expected.layers) & set(first)
            # Layers without a table first: after them, every index is known or expected.
            order = sorted(_in_turn(blobs, first), key=with_toc.__contains__)
            # From a registry, read tables before layers, and no layer before the tree is shown, if it can be shown.
            held = [number for number in order if number in with_toc and blobs[number].ranged]
            futures = {number: pool.submit(read, number) for number in order if number not in held}
            try:
                if expected is not None and held:
                    for number in held:
                        expected.index_of(number)
                    if not any(_is_fetched(blobs[number], cache) for number in futures):
                        with_toc = set()
                        _show_expected(expected, first, futures)
                futures |= {number: pool.submit(read, number) for number in held}
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


def _in_turn(blobs: Sequence[Blob], numbers: Iterable[int]) -> list[int]:
    """The order in which to read layers: those of a registry after the others, the largest first.

    Tiny ones come second: of them, only the delay before the answer counts, which passes while the largest arrives.
    """
    distinct = list(dict.fromkeys(numbers))
    near = [number for number in distinct if not blobs[number].ranged]
    far = [number for number in distinct if blobs[number].ranged]
    far.sort(key=lambda number: -blobs[number].size)
    others = sorted(far[1:], key=lambda number: blobs[number].size > _TINY)
    return [*near, *far[:1], *others]


def cached_layers(
    blobs: Sequence[Blob], cache: IndexCache, *, hash_all: bool
) -> list[Indexed] | None:
    """The result of `read_layers` from the cache alone; None if a layer would have to be read."""
    places: dict[object, Indexed] = {}
    for blob in blobs:
        if _place(blob) not in places:
            known = cache.get(blob, hash_all=hash_all or blob.spooled)
            if known is None:
                return None
            places[_place(blob)] = known
    return [places[_place(blob)] for blob in blobs]


def _show_expected(
    expected: ExpectedIndexes, first: Sequence[int], futures: Mapping[int, Future[Indexed]]
) -> None:
    """Show known and expected indexes of all layers, while the latter are still being read."""
    known: dict[int, LayerIndex] = {}
    for number, future in futures.items():
        if number not in expected.layers or future.done():
            known[number] = future.result().index
    missing = set(first) - known.keys()
    if not missing:
        return
    for number in missing:
        index = expected.index_of(number)
        if index is None:
            return
        known[number] = index
    expected.show([known[number] for number in first])


def _is_fetched(blob: Blob, cache: IndexCache | None) -> bool:
    """Whether a layer comes over a network, which may take long."""
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
        skipped = 1 if hash_all else _SKIPPED
        work = sum(
            blob.size // skipped if layer_compression(blob) is None else blob.size * _UNPACKED
            for blob in places
        )
        if work >= SECOND_PROCESS_BYTES and len(places) > 1:
            descriptor, *others = {descriptor for descriptor, _ in places.values()}
            if not others:
                self._process = stack.enter_context(IndexProcess(descriptor, limits, progress))

    def index(self, blob: Blob, whole: bool, collector: Collector | None = None) -> LayerIndex:
        """Index a layer; it is read completely if `whole`, or if it is compressed."""
        through = whole or layer_compression(blob) is not None
        collector = collector if through else None
        if self._process is not None and not self._interpreter_lock.acquire(blocking=False):
            with self._process_lock:
                found = self._process.index(blob, hash_all=whole, collector=collector)
            if found is not None and not _overwritten(blob):
                return found
            if found is not None:
                self._progress.advance(-blob.size)
        elif self._process is not None:
            try:
                return self._index_here(blob, whole, collector)
            finally:
                self._interpreter_lock.release()
        if through:
            return self._index_here(blob, whole, collector)
        with self._interpreter_lock:
            return self._index_here(blob, whole, collector)

    def _index_here(self, blob: Blob, whole: bool, collector: Collector | None) -> LayerIndex:
        check(self._progress)
        return index_layer(blob, self._limits, self._progress, hash_all=whole, collector=collector)


def _overwritten(blob: Blob) -> bool:
    """Whether the file of a blob was modified; the second process only knows its state at the start."""
    with suppress(OSError):
        blob.pread(1, 0)
    return blob.overwritten


def are_small(blobs: Sequence[Blob]) -> bool:
    """Whether the plain layers in files total at most `VERIFY_BYTES`. Others are read completely anyway."""
    files = (blob for blob in blobs if not blob.spooled)
    return sum(blob.size for blob in files if layer_compression(blob) is None) <= VERIFY_BYTES


def _place(blob: Blob) -> object:
    """A key that is equal for blobs with the same bytes in the same file."""
    return (blob.name, blob.size)
