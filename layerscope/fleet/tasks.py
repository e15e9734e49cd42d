"""Functions that run in other processes or on other machines: each takes a message and returns one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, partial

import numpy as np
from msgspec.structs import replace

from layerscope.analysis.cache import LAYER_SCAN
from layerscope.analysis.findings.layer_scan import LayerScan
from layerscope.errors import ExitCode, LayerscopeError
from layerscope.fleet.contents import pack_contents, signature_of
from layerscope.fleet.difference import OneLayer, compare
from layerscope.fleet.indexed_blob import IndexedBlob
from layerscope.fleet.messages import (
    CompareResult,
    CompareTask,
    Described,
    DescribeTask,
    Failure,
    ImageAt,
    ImageResult,
    ImageTask,
    LayerAt,
    LayerClaim,
    LayerResult,
    LayerTask,
    NameTask,
    Setup,
)
from layerscope.fleet.rows import check_rows, failed_row, rows_of
from layerscope.fleet.tables import pack, text_of
from layerscope.image.model import Layer
from layerscope.layers.blob import Blob
from layerscope.layers.cache import INDEX, IndexCache, Indexed
from layerscope.layers.index import LayerIndex
from layerscope.layers.indexing import index_layer, layer_compression
from layerscope.layers.packing import DamagedEntryError, pack_fields, unpack
from layerscope.layers.packing import pack as pack_entry
from layerscope.layers.store import Store
from layerscope.layers.toc.tables_of_contents import TablesOfContents
from layerscope.opening.digests import claims_of, verified
from layerscope.opening.open import Opened, Options, analyse, open_image
from layerscope.progress import NullProgress
from layerscope.sources.base import SourceImage
from layerscope.sources.search import open_source, open_sources

_CHANGED = Failure(
    "the image changed while others were read", "run again; name it by its digest to pin it"
)

_LOST = Failure("the cache lost a layer after it was read", "use --no-cache, or a larger cache")


def describe_images(task: DescribeTask) -> tuple[Described, ...]:
    """The images of a reference, without reading a layer; a single one with a failure on error."""
    at = ImageAt(task.reference)
    try:
        sources = open_sources(task.setup.request(at))
    except Exception as error:
        return (Described(at, failure=Failure.of(error)),)
    indexes = IndexCache(task.setup.store.open(), task.setup.limits)
    return tuple(
        _described_image(ImageAt(task.reference, image), source, indexes)
        for image, source in sources
    )


def _described_image(
    at: ImageAt, source: SourceImage | LayerscopeError, indexes: IndexCache
) -> Described:
    if isinstance(source, LayerscopeError):
        return Described(at, at.image, failure=Failure.of(source))
    image, blobs = source.image, source.blobs
    return Described(
        at,
        None if at.image is None else next(iter(image.tags), at.image),
        tuple(
            LayerClaim(_claim(at, layer), blob.size if blob.ranged and not indexes.has(blob) else 0)
            for layer, blob in zip(image.layers, blobs, strict=True)
        ),
        source.awaits_export or any(blob.spooled and not blob.ranged for blob in blobs),
    )


def _claim(at: ImageAt, layer: Layer) -> str:
    """The key of a layer's `LayerClaim`."""
    return layer.diff_id or layer.digest or f"{at.reference}#{at.image or ''}#{layer.index}"


def read_layers(task: LayerTask) -> tuple[LayerResult, ...]:
    """Read layers of an image into the store, or find them there."""
    setup, store = task.setup, task.setup.store.open()
    indexes = IndexCache(store, setup.limits)
    try:
        source = _with_layers(setup, task.at, indexes)
        annotations = [layer.annotations for layer in source.image.layers]
        tables = TablesOfContents(source.blobs, annotations, setup.limits)
    except Exception as error:
        failure = Failure.of(error)
        return tuple(LayerResult(number, failure=failure) for number in task.layers)
    results = []
    for number in task.layers:
        try:
            if number >= len(source.blobs):
                results.append(LayerResult(number, failure=_CHANGED))
                continue
            complete = partial(tables.with_check, number)
            results.append(_read_layer(task, store, source, number, complete))
        except Exception as error:
            results.append(LayerResult(number, failure=Failure.of(error)))
    return tuple(results)


def _with_layers(setup: Setup, at: ImageAt, indexes: IndexCache) -> SourceImage:
    """An image whose layers can be read."""
    request = setup.request(at)
    return open_source(request).complete(request, indexes)


def _read_layer(
    task: LayerTask,
    store: Store,
    source: SourceImage,
    number: int,
    complete: Callable[[LayerIndex], LayerIndex],
) -> LayerResult:
    """Read one layer. Raises `LayerscopeError`."""
    blob, layer = source.blobs[number], source.image.layers[number]
    limits, progress = task.setup.limits, NullProgress()
    indexes = IndexCache(store, limits)
    indexes.set_cached_length(blob)
    known = indexes.find(blob, claims_of(layer), progress, hash_all=True)
    scan: LayerScan | None = None
    if known is None or known.key is None or not store.has(LAYER_SCAN, known.key):
        scan = LayerScan()
        index = index_layer(blob, limits, progress, hash_all=True, collector=scan)
        known = indexes.add(blob, complete(index))
    index, entry = known.index, known.key
    failure = _failure(number, layer, index, entry)
    if failure is not None or entry is None:
        return LayerResult(number, read=scan is not None, failure=failure)
    if scan is not None:
        with suppress(OverflowError, UnicodeError):  # a hostile layer: each image scans it again
            store.write(LAYER_SCAN, entry, scan.pack())
    if not indexes.holds(entry):
        raise LayerscopeError(
            store.problem or f"{store.folder}: an entry that was written there is missing",
            hint="--no-cache uses a temporary folder instead; TMPDIR names another place for that",
        )
    claim = _claim(task.at, layer)
    key = text_of(layer.diff_id or layer.digest or index.diff_id or index.blob_digest or claim)
    return LayerResult(
        number,
        LayerAt(task.at, number, claim, key, entry, index.blob_digest, blob.size),
        scan is not None,
        signature=signature_of(index),
        contents=pack_contents(index),
        carried=_carried(store, entry, index) if task.setup.carry else (),
    )


def _failure(number: int, layer: Layer, index: LayerIndex, entry: str | None) -> Failure | None:
    """Why a layer cannot be used for all images with its digest; None if it can."""
    if index.broken is not None:
        return Failure(f"layer {number} is damaged: {index.broken.message}")
    if verified(layer, index) is False:
        return Failure(f"layer {number} does not match its digest")
    return Failure(f"layer {number} cannot be kept in the cache") if entry is None else None


def _carried(store: Store, entry: str, index: LayerIndex) -> tuple[tuple[str, bytes], ...]:
    """The entries of a layer, for a task that does not see this store."""
    entries = [(INDEX, pack_fields(index))]
    scan = store.read(LAYER_SCAN, entry)
    if scan is not None:
        entries.append((LAYER_SCAN, scan))
    return tuple((kind, b"".join(pack_entry(packed))) for kind, packed in entries)


def read_image(task: ImageTask, layers: Sequence[LayerResult] = ()) -> ImageResult:
    """Analyse an image of layers that were read before. `layers` are their results if those carry entries."""
    setup, at = task.setup, task.at
    store = setup.store.open()
    indexes = IndexCache(store, setup.limits)
    try:
        for result in layers:
            _add_carried_entries(store, result)
        if task.layers is None:
            return _analyse_alone(task, store)
        known = {layer.entry: indexes.read(layer.entry) for layer in task.layers}
        missing = tuple(entry for entry, index in known.items() if index is None)
        if missing:
            return ImageResult(task.image, missing=missing)
        indexes_found = [
            Indexed(index, layer.entry)
            for layer in task.layers
            if (index := known[layer.entry]) is not None
        ]
        return _analyse_from_layers(task, store, task.layers, indexes_found)
    except Exception as error:
        failure = Failure.of(error)
        row = failed_row(task.image, at.reference, task.name, failure.message, failure.exit_code)
        return ImageResult(task.image, {"images": pack([row])}, failure)


def _add_carried_entries(store: Store, result: LayerResult) -> None:
    """Write the entries that a result carries into the store."""
    for kind, data in result.carried:
        if result.found is not None and not store.has(kind, result.found.entry):
            with suppress(DamagedEntryError):
                store.write(kind, result.found.entry, unpack(np.frombuffer(data, np.uint8)))


def _options(setup: Setup, store: Store) -> Options:
    return Options(duplicates=setup.duplicates, rules=setup.rules, cache=store)


def _analyse_from_layers(
    task: ImageTask, store: Store, layers: Sequence[LayerAt], indexes_found: Sequence[Indexed]
) -> ImageResult:
    """The result for an image whose layers are in the store. Raises `LayerscopeError`."""
    setup, at = task.setup, task.at
    indexes = IndexCache(store, setup.limits)
    request = setup.request(at)
    source = open_source(request)
    if source.saved is not None:  # the file has everything but the layers
        return _analyse_alone(task, store)
    described = source.image.layers
    if [_claim(at, layer) for layer in described] != [layer.claim for layer in layers]:
        raise _CHANGED.error()

    open_blobs = _opener(setup, indexes)
    read = [
        _blob(layer, blob.name, open_blobs)
        for blob, layer in zip(source.blobs, layers, strict=True)
    ]
    compressed = [
        indexed.index.compressed_bytes
        if source.awaits_export
        else _compressed_bytes(layer, blob, indexed.index)
        for layer, blob, indexed in zip(described, source.blobs, indexes_found, strict=True)
    ]
    if source.awaits_export:  # the description is enough
        source = SourceImage(source.image, read, source.damage)
    else:
        source = dataclasses.replace(source, blobs=read)
    opened = analyse(request, source, _options(setup, store), layers=indexes_found)
    return _result(task, opened, [layer.key for layer in layers], compressed)


def _opener(setup: Setup, indexes: IndexCache) -> Callable[[ImageAt], Sequence[Blob]]:
    """A function that opens the layers of an image, each image once."""

    @cache
    def blobs_of(at: ImageAt) -> Sequence[Blob]:
        return _with_layers(setup, at, indexes).blobs

    return blobs_of


def _blob(
    layer: LayerAt, name: str, open_blobs: Callable[[ImageAt], Sequence[Blob]]
) -> IndexedBlob:
    """A layer that was read, under a name for errors."""
    return IndexedBlob(name, layer.size, layer.digest, lambda: open_blobs(layer.at)[layer.number])


def _compressed_bytes(layer: Layer, blob: Blob, index: LayerIndex) -> int | None:
    """Bytes of a layer's blob in this image, where it may be compressed in another way than where it was read."""
    if layer.digest is not None and layer.digest == index.blob_digest:
        return index.compressed_bytes
    if blob.ranged and layer.media_type is not None:
        return blob.size if layer.media_type.endswith(("gzip", "zstd")) else None
    return None if layer_compression(blob) is None else blob.size


def _analyse_alone(task: ImageTask, store: Store) -> ImageResult:
    """The result for an image read on its own, as for a report, because a layer has no intact copy."""
    opened = open_image(task.setup.request(task.at), _options(task.setup, store))
    keys = []
    for layer, index in zip(opened.image.layers, opened.indexes, strict=True):
        claimed = layer.diff_id or layer.digest
        computed = index.diff_id or index.blob_digest
        matches = index.broken is not None or verified(layer, index) is not False
        keys.append(
            text_of((claimed if matches else computed) or computed or _claim(task.at, layer))
        )
    return _result(task, opened, keys, [index.compressed_bytes for index in opened.indexes])


def _result(
    task: ImageTask, opened: Opened, keys: Sequence[str], compressed: Sequence[int | None]
) -> ImageResult:
    damages = opened.damages()
    failure = None
    if damages:
        others = f" (and {len(damages) - 1} more)" if len(damages) > 1 else ""
        failure = Failure(f"{task.at.reference}: {damages[0]}{others}")
    indexes = [
        replace(index, compressed_bytes=size)
        for index, size in zip(opened.indexes, compressed, strict=True)
    ]
    rows = rows_of(
        task.image,
        task.at.reference,
        task.name,
        replace(opened, indexes=indexes),
        keys,
        compressed,
        None if failure is None else (failure.message, int(ExitCode.UNREADABLE)),
    )
    if task.setup.gate is not None:
        checked = check_rows(task.image, opened, task.setup.gate, task.setup.rules)
        rows["checks"] = list(checked)
    return ImageResult(
        task.image, {name: pack(found) for name, found in rows.items() if found}, failure
    )


def compare_layers(
    task: CompareTask, layers: Sequence[LayerResult] = ()
) -> CompareResult | Failure:
    """The difference between two layers; `layers` are their results if those carry entries."""
    setup, store = task.setup, task.setup.store.open()
    try:
        for result in layers:
            _add_carried_entries(store, result)
        old, new = (_one_layer(setup, store, layer) for layer in (task.old, task.new))
        return compare(old, new, setup.limits)
    except Exception as error:
        return Failure.of(error)


def _one_layer(setup: Setup, store: Store, layer: LayerAt) -> OneLayer:
    """A layer by itself. Raises `LayerscopeError` if the store no longer has it."""
    indexes = IndexCache(store, setup.limits)
    index = indexes.read(layer.entry)
    if index is None:
        raise _LOST.error()
    return OneLayer.of(index, _blob(layer, layer.key, _opener(setup, indexes)), setup.limits)


def name_entries(task: NameTask, layers: Sequence[LayerResult] = ()) -> tuple[str, ...] | Failure:
    """The paths of entries of a layer, in their order; `layers` is its result if that carries entries."""
    store = task.setup.store.open()
    try:
        for result in layers:
            _add_carried_entries(store, result)
        index = IndexCache(store, task.setup.limits).read(task.layer.entry)
        if index is None:
            raise _LOST.error()
        return tuple(text_of(index.tree.path(int(index.nodes[entry]))) for entry in task.entries)
    except Exception as error:
        return Failure.of(error)
