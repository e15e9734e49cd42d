"""Contents that distinct layers store several times."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterator, Sequence
from itertools import groupby, islice, pairwise

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.fleet.answers.model import DuplicateAnswer, DuplicatesAnswer
from layerscope.fleet.contents import DIGEST, StoredContents
from layerscope.fleet.messages import Failure, LayerResult, NameTask, Setup
from layerscope.fleet.pending import Workers, run_all
from layerscope.fleet.read_layers import ReadLayers
from layerscope.fleet.results import Results
from layerscope.fleet.tables import DuplicateRow, pack
from layerscope.fleet.tasks import name_entries
from layerscope.progress import Progress

_MAX_CONTENTS = 1_000_000
"""Approximate number of contents compared at a time."""
_LARGEST = 1000
"""Maximum number of contents that the answer lists."""
_MAX_ENTRIES = 10_000
"""Maximum number of entries per task."""


class _Duplicate(Struct, frozen=True):
    """A content that is stored several times."""

    digest: bytes
    size: int
    copies: int
    layers: tuple[int, ...]
    """Numbers of the layers, ascending."""
    entry: int
    """Its entry in the first of them."""


def duplicates(
    results: Results, read: ReadLayers, setup: Setup, workers: Workers, progress: Progress
) -> DuplicatesAnswer:
    """Add all duplicates to the table; returns the answer. Raises `CancelledError`."""
    places = _LayerImages(results, read)
    contents = sorted(_find(places.keys, read), key=lambda one: (one.layers[0], one.entry))
    count = saved = 0
    largest: list[DuplicateRow] = []
    for rows in _rows(contents, places, read, setup, workers, progress):
        results.add_rows("duplicates", pack(rows))
        count += len(rows)
        saved += sum(row.saved_bytes for row in rows)
        largest = heapq.nsmallest(
            _LARGEST, [*largest, *rows], key=lambda row: (-row.saved_bytes, row.digest)
        )
    return DuplicatesAnswer(
        count,
        saved,
        [
            DuplicateAnswer(
                row.digest, row.bytes, row.copies, row.layers, row.images, row.saved_bytes, row.path, row.key
            )
            for row in largest
        ],
    )  # fmt: skip


class _LayerImages:
    """The images of each layer."""

    def __init__(self, results: Results, read: ReadLayers) -> None:
        numbers: dict[str, int] = {}
        self._images: list[array[int]] = []
        for image in range(results.images):
            for key in results.keys(image):
                if read.layer(key) is not None:
                    number = numbers.setdefault(key, len(numbers))
                    if number == len(self._images):
                        self._images.append(array("l"))
                    self._images[number].append(image)
        self.keys = list(numbers)
        """Layers by number, in the order of the images."""
        self._counts: dict[tuple[int, ...], int] = {}

    def images(self, layers: tuple[int, ...]) -> int:
        """The number of images that have one of these layers."""
        if layers not in self._counts:
            every = np.concatenate([np.frombuffer(self._images[layer], "l") for layer in layers])
            self._counts[layers] = len(np.unique(every))
        return self._counts[layers]


def _find(keys: Sequence[str], read: ReadLayers) -> Iterator[_Duplicate]:
    """All contents that are stored several times, by ranges of digests, as all contents may not fit into memory."""
    total = sum(len(read.contents(key).sizes) for key in keys)
    parts = max(-(-total // _MAX_CONTENTS), 1)
    bounds = [(part << 64) // parts for part in range(parts + 1)]
    for low, high in pairwise(bounds):
        pieces = [_digest_range(read.contents(key), low, high) for key in keys]
        if pieces:
            layers = np.repeat(np.arange(len(keys)), [len(piece.sizes) for piece in pieces])
            yield from _groups(
                np.concatenate([piece.digests for piece in pieces]),
                np.concatenate([piece.sizes for piece in pieces]),
                np.concatenate([piece.entries for piece in pieces]),
                layers,
            )


def _digest_range(stored: StoredContents, low: int, high: int) -> StoredContents:
    """The contents whose digests, by their first 64 bits, are from `low` to below `high`."""
    heads = stored.digests.view(">u8")[:: DIGEST // 8]
    first, last = (
        len(heads) if bound >> 64 else int(np.searchsorted(heads, np.uint64(bound)))
        for bound in (low, high)
    )
    span = slice(first, last)
    return StoredContents(stored.digests[span], stored.sizes[span], stored.entries[span])


def _groups(
    digests: NDArray[np.void],
    sizes: NDArray[np.int64],
    entries: NDArray[np.int32],
    layers: NDArray[np.int64],
) -> Iterator[_Duplicate]:
    """The contents that occur several times."""
    if not len(digests):
        return
    words = digests.view(np.uint64).reshape(-1, DIGEST // 8)
    order = np.lexsort((entries, layers, *words.T))
    words = words[order]
    first = np.ones(len(order), bool)
    first[1:] = (words[1:] != words[:-1]).any(axis=1)
    starts = np.flatnonzero(first)
    ends = np.append(starts[1:], len(order))
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if end - start > 1:
            rows = order[start:end]
            yield _Duplicate(
                digests[rows[0]].tobytes(),
                int(sizes[rows[0]]),
                end - start,
                tuple(np.unique(layers[rows]).tolist()),
                int(entries[rows[0]]),
            )


def _rows(
    contents: Sequence[_Duplicate],
    places: _LayerImages,
    read: ReadLayers,
    setup: Setup,
    workers: Workers,
    progress: Progress,
) -> Iterator[list[DuplicateRow]]:
    """The rows of these contents, in their order, some at a time."""
    chunks = list(_chunks(contents))
    progress.stage("Naming duplicates", len(chunks))

    def tasks() -> Iterator[tuple[NameTask, list[LayerResult]]]:
        for chunk in chunks:
            layer = read.layer(places.keys[chunk[0].layers[0]])
            if layer is not None:
                entries = tuple(one.entry for one in chunk)
                yield NameTask(setup, layer, entries), read.carried([layer])

    named: dict[tuple[str, int], Sequence[str | None]] = {}
    remaining = iter(chunks)
    chunk = next(remaining, None)
    for task, result in run_all(workers, name_entries, tasks(), progress):
        progress.advance(1)
        unknown = [None] * len(task.entries)
        named[task.layer.key, task.entries[0]] = unknown if isinstance(result, Failure) else result
        while chunk is not None:
            paths = named.pop((places.keys[chunk[0].layers[0]], chunk[0].entry), None)
            if paths is None:
                break
            yield [_row(one, path, places) for one, path in zip(chunk, paths, strict=True)]
            chunk = next(remaining, None)


def _chunks(contents: Sequence[_Duplicate]) -> Iterator[list[_Duplicate]]:
    """Contents of one layer, at most `_MAX_ENTRIES` at a time."""
    for _, group in groupby(contents, key=lambda one: one.layers[0]):
        while chunk := list(islice(group, _MAX_ENTRIES)):
            yield chunk


def _row(one: _Duplicate, path: str | None, places: _LayerImages) -> DuplicateRow:
    return DuplicateRow(
        digest=one.digest.hex(),
        bytes=one.size,
        copies=one.copies,
        layers=len(one.layers),
        images=places.images(one.layers),
        saved_bytes=one.size * (one.copies - 1),
        path=path,
        key=places.keys[one.layers[0]],
    )
