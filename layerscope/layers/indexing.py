"""Builds the index of a layer from its blob, in one pass and bounded memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress

from layerscope.errors import LimitExceededError
from layerscope.layers.blob import Blob
from layerscope.layers.compression import (
    MAGIC_BYTES,
    Compression,
    DamagedStreamError,
    DecompressedStream,
    sniff,
)
from layerscope.layers.cursor import Cursor, OffsetCursor, StreamCursor
from layerscope.layers.index import LayerIndex
from layerscope.layers.index_builder import IndexBuilder
from layerscope.layers.tarheader import BLOCK, looks_like_header
from layerscope.layers.tarsplit import TarSplitBlob
from layerscope.layers.walk import Batch, Collector, Damage, TarWalk, WalkResult
from layerscope.limits import Limits
from layerscope.progress import Progress, check


def layer_compression(blob: Blob) -> Compression | None:
    """The compression of a layer's blob; None for a plain tar.

    A tar header is checked first, because the name in it may look like any magic number.
    """
    if blob.is_tar:
        return None
    try:
        head = blob.head
    except OSError:
        return None  # reading it reports the error
    return None if looks_like_header(head) else sniff(head[:MAGIC_BYTES])


def index_layer(
    blob: Blob,
    limits: Limits,
    progress: Progress,
    *,
    hash_all: bool = False,
    collector: Collector | None = None,
) -> LayerIndex:
    """Index one layer. Damage is part of the result and never raised.

    Compressed layers, and plain ones with `hash_all`, are read completely, which also hashes blob, tar and contents. Of
    other plain layers, only the headers are read. `collector` takes contents of layers that are read completely. Raises
    `LimitExceededError` and `CancelledError`.
    """
    compression = layer_compression(blob)
    builder = IndexBuilder(limits, blob.name)
    if compression is None and not hash_all:
        reached = _ByteProgress(progress)
        try:
            cursor: Cursor = (
                blob.header_cursor() if isinstance(blob, TarSplitBlob) else OffsetCursor(blob)
            )
        except OSError as error:
            return builder.finish(WalkResult(_unreadable(0, error), 0), tar_bytes=0)

        def take(batch: Batch) -> None:
            builder.add(batch)
            reached.reach(cursor.position)

        walk = TarWalk(cursor, take, blob.name, limits, progress)
        try:
            result = walk.run()
        except OSError as error:
            result = WalkResult(walk.damage or _unreadable(cursor.position, error), 0)
        reached.reach(blob.size)
        return builder.finish(result, tar_bytes=blob.size)
    reading = _HashedReading(blob, compression, limits, progress)
    cursor = StreamCursor(reading.tar())
    sink = builder.add if collector is None else _Sink(builder, collector).add
    walk = TarWalk(cursor, sink, blob.name, limits, progress, collector)
    try:
        result = walk.run()
        reading.drain()
    except DamagedStreamError as error:
        result = WalkResult(walk.damage or Damage(reading.tar_bytes, str(error)), 0)
    except PermissionError as error:
        if isinstance(blob, TarSplitBlob):  # only contents are unreadable, not the entries
            return index_layer(blob, limits, progress)
        result = WalkResult(walk.damage or _unreadable(reading.tar_bytes, error), 0)
    except OSError as error:
        result = WalkResult(walk.damage or _unreadable(reading.tar_bytes, error), 0)
    if result.broken is None:
        result.trailing += reading.trailing
    elif blob.ranged:
        with suppress(OSError):
            reading.finish()
    return builder.finish(
        result,
        tar_bytes=reading.tar_bytes,
        diff_id=reading.diff_id,
        blob_digest=reading.blob_digest,
        compressed_bytes=None if compression is None else blob.size,
    )


class _Sink:
    """Passes entries to a builder, and their contents to a collector."""

    def __init__(self, builder: IndexBuilder, collector: Collector) -> None:
        self._builder = builder
        self._collector = collector

    def add(self, batch: Batch) -> None:
        first = self._builder.count
        self._builder.add(batch)
        names, contents = batch.columns.names, batch.contents
        if contents:
            entries = [first + index for index in contents]
            self._collector.take(
                entries, [names[index] for index in contents], list(contents.values())
            )


def _unreadable(offset: int, error: OSError) -> Damage:
    """The damage for a read error."""
    return Damage(offset, f"it cannot be read: {error.strerror or error}")


class _ByteProgress:
    """Turns a position into steps of progress."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._reached = 0

    def reach(self, position: int) -> None:
        self._progress.advance(position - self._reached)
        self._reached = position


class _HashedReading:
    """Reads a blob once, hashing the stored bytes and the tar, with progress and cancellation."""

    def __init__(
        self, blob: Blob, compression: Compression | None, limits: Limits, progress: Progress
    ) -> None:
        self.tar_bytes = 0
        self._blob = blob
        self._progress = progress
        self._blob_hash = hashlib.sha256()
        self._tar_hash = hashlib.sha256() if compression is not None else self._blob_hash
        self._stored_pieces = self._stored()
        self._stream = (
            None
            if compression is None
            else DecompressedStream(compression, self._stored_pieces, blob.name, limits)
        )
        self._pieces = self._stored_pieces if self._stream is None else iter(self._stream)
        self._complete = False

    def tar(self) -> Iterator[bytes]:
        """The pieces of the uncompressed tar."""
        hashing = self._stream is not None
        for piece in self._pieces:
            if hashing:
                self._tar_hash.update(piece)
            self.tar_bytes += len(piece)
            yield piece
        self._complete = True

    def drain(self) -> None:
        """Read the rest after the walk, so that the hashes cover everything."""
        for _ in self.tar():
            pass

    def finish(self) -> None:
        """Read the rest of the stored bytes, so that a blob can check its digest at the end."""
        for _ in self._stored_pieces:
            pass

    @property
    def trailing(self) -> int:
        return self._stream.trailing if self._stream is not None else 0

    @property
    def diff_id(self) -> str | None:
        return "sha256:" + self._tar_hash.hexdigest() if self._complete else None

    @property
    def blob_digest(self) -> str | None:
        return "sha256:" + self._blob_hash.hexdigest() if self._complete else None

    def _stored(self) -> Iterator[bytes]:
        for piece in self._blob.chunks():
            check(self._progress)
            self._blob_hash.update(piece)
            yield piece
            self._progress.advance(len(piece))


def looks_like_tar(blob: Blob) -> bool:
    """Whether the first block of a blob is that of a tar, compressed or not; an empty layer counts, too."""
    head = blob.head
    compression = layer_compression(blob)
    if compression is not None:
        head = b""
        try:
            for piece in DecompressedStream(compression, blob.chunks(), blob.name, Limits()):
                head += piece[:BLOCK]
                if len(head) >= BLOCK:
                    break
        except DamagedStreamError:
            return False
        except LimitExceededError:
            return True  # reading it with the user's limits reports the error
    return looks_like_header(head[:BLOCK]) or not head.strip(b"\0")
