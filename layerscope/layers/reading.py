"""The layers of an image, indexed several at a time, or taken from the cache."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from layerscope.layers.blob import Blob
from layerscope.layers.cache import IndexCache, Indexed
from layerscope.layers.index import LayerIndex
from layerscope.layers.indexing import index_layer, layer_compression
from layerscope.limits import Limits
from layerscope.progress import Progress, Stoppable, check

WORKERS = 2
"""Threads that read layers."""
VERIFY_BYTES = 256 << 20
"""Plain layers are small if they hold no more bytes than this together."""


def read_layers(
    blobs: Sequence[Blob],
    claims: Sequence[Collection[str]],
    limits: Limits,
    progress: Progress,
    *,
    hash_all: bool,
    cache: IndexCache | None,
    found: Callable[[int, LayerIndex], None],
) -> list[Indexed]:
    """Index all layers; a blob that is listed several times is read once.

    `claims` are the digests that the image claims each blob to have; `found` hears of each layer, in order.
    """
    progress.stage("Reading layers", sum(blob.size for blob in blobs))
    places: dict[object, int] = {}
    stoppable = Stoppable(progress)
    first = [places.setdefault(_place(blob), number) for number, blob in enumerate(blobs)]

    by_header = Lock()

    def index(blob: Blob, whole: bool) -> LayerIndex:
        if whole or layer_compression(blob) is not None:
            return index_layer(blob, limits, stoppable, hash_all=whole)
        # Going from header to header is work of the interpreter: two threads at it only get in each other's way.
        with by_header:
            check(stoppable)
            return index_layer(blob, limits, stoppable)

    def read(number: int) -> Indexed:
        blob = blobs[number]
        whole = hash_all or blob.spooled
        if cache is None:
            return Indexed(index(blob, whole), None)
        known = cache.find(blob, claims[number], stoppable, hash_all=whole)
        return known or cache.keep(blob, index(blob, whole))

    with ThreadPoolExecutor(WORKERS) as pool:
        futures = {number: pool.submit(read, number) for number in dict.fromkeys(first)}
        try:
            layers = []
            for number, origin in enumerate(first):
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


def are_small(blobs: Sequence[Blob]) -> bool:
    """Whether the plain layers in files are small together, see `VERIFY_BYTES`. Of others the bytes pass by anyway."""
    files = (blob for blob in blobs if not blob.spooled)
    return sum(blob.size for blob in files if layer_compression(blob) is None) <= VERIFY_BYTES


def _place(blob: Blob) -> object:
    """What is equal for two blobs that are the same bytes in the same place."""
    return (blob.name, blob.size)
