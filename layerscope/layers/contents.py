"""Reads the contents of single entries on demand."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.layers.batch import MAX_READ, read_batch
from layerscope.layers.blob import CHUNK, Blob
from layerscope.layers.compression import DamagedStreamError, DecompressedStream
from layerscope.layers.file_identity import FileChangedError
from layerscope.layers.index import LayerIndex
from layerscope.layers.indexing import layer_compression
from layerscope.limits import Limits
from layerscope.progress import NullProgress, Progress, check

SMALL = 1 << 15
"""Maximum size in bytes of contents that are read together with adjacent ones."""


class ContentCutError(Exception):
    """The content of an entry is truncated in its layer."""


class LayerContents(Struct, frozen=True):
    """A layer's blob together with its index."""

    blob: Blob
    index: LayerIndex
    limits: Limits

    @property
    def seekable(self) -> bool:
        """Whether contents can be read by offset, without decompressing everything before them."""
        return self.index.compressed_bytes is None

    def chunks(self, entry: int, progress: Progress | None = None) -> Iterator[bytes]:
        """The stored bytes of one entry. Raises `ContentCutError`, `DamagedStreamError`, `CancelledError`.

        `progress` counts the bytes of the tar, see `bytes_to_pass`.
        """
        missing = int(self.index.columns.stored[entry])
        for _, piece in self.pieces([entry], progress or NullProgress()):
            missing -= len(piece)
            yield piece
        if missing:
            raise ContentCutError

    def pieces(self, entries: Sequence[int], progress: Progress) -> Iterator[tuple[int, bytes]]:
        """The stored bytes of several entries in one pass, each piece with its entry.

        Entries must be in order of offset. A truncated one ends early.
        Raises `DamagedStreamError`, `CancelledError`, OSError, and `FileChangedError` if the bytes changed since indexing.
        """
        digests = self.index.digests
        pieces = self._pieces(entries, progress)
        return pieces if digests is None else self._checked(pieces, digests)

    def _checked(
        self, pieces: Iterator[tuple[int, bytes]], digests: NDArray[np.uint8]
    ) -> Iterator[tuple[int, bytes]]:
        """The same pieces; the last one of a content is withheld unless the content has its known digest."""
        for entry, entry_pieces in groupby(pieces, lambda piece: piece[0]):
            hasher, size, withheld = hashlib.sha256(), 0, b""
            try:
                for _, piece in entry_pieces:
                    hasher.update(piece)
                    size += len(piece)
                    if withheld:
                        yield entry, withheld
                    withheld = piece
            except (DamagedStreamError, OSError) as error:
                if withheld and not isinstance(error, FileChangedError):
                    yield entry, withheld
                raise
            expected = digests[entry].tobytes()
            complete = size == int(self.index.columns.stored[entry])
            if complete and any(expected) and self._digest(entry, hasher.digest()) != expected:
                raise FileChangedError(self.blob.name)
            if withheld:
                yield entry, withheld

    def _pieces(self, entries: Sequence[int], progress: Progress) -> Iterator[tuple[int, bytes]]:
        columns = self.index.columns
        compression = layer_compression(self.blob)
        if (compression is None) != self.seekable:
            self.blob.pread(1, 0)  # raises the reason if it cannot be read
            raise FileChangedError(self.blob.name)
        if compression is None:
            for entry in entries:
                start = int(columns.offsets[entry])
                for piece in self.blob.chunks(start, start + int(columns.stored[entry])):
                    check(progress)
                    yield entry, piece
                    progress.advance(len(piece))
            return
        spans = (
            (entry, int(columns.offsets[entry]), int(columns.stored[entry])) for entry in entries
        )
        nonempty = ((entry, start, start + stored) for entry, start, stored in spans if stored)
        span = next(nonempty, None)
        position = 0
        if span is None:
            return
        for piece in DecompressedStream(
            compression, self.blob.chunks(), self.blob.name, self.limits
        ):
            check(progress)
            end = position + len(piece)
            while span is not None and span[1] < end:
                entry, start, stop = span
                first, last = max(start - position, 0), min(stop - position, len(piece))
                for at in range(first, last, CHUNK):
                    yield entry, piece[at : min(at + CHUNK, last)]
                if stop > end:
                    break
                span = next(nonempty, None)
            position = end
            progress.advance(len(piece))
            if span is None:
                return

    def batches(
        self, entries: NDArray[np.int64], progress: Progress
    ) -> Iterator[tuple[list[int], list[bytes | memoryview]]]:
        """The stored bytes of these entries, in the order of their offsets, about a megabyte at a time.

        Contents that are no longer complete in the layer are truncated or left out. Raises as `pieces` does.
        """
        numbers: list[int] = []
        contents: list[bytes | memoryview] = []
        size = 0
        for entry, content in self._complete_contents(entries, progress):
            if content:
                numbers.append(entry)
                contents.append(content)
                size += len(content)
            if size >= MAX_READ:
                check(progress)
                yield numbers, contents
                numbers, contents, size = [], [], 0
        if numbers:
            yield numbers, contents

    def _complete_contents(
        self, entries: NDArray[np.int64], progress: Progress
    ) -> Iterator[tuple[int, bytes | memoryview]]:
        """The stored bytes of these entries, each in one piece."""
        if not self.seekable:
            for entry, pieces in groupby(
                self.pieces(entries.tolist(), progress), lambda piece: piece[0]
            ):
                yield entry, b"".join(piece for _, piece in pieces)
            return
        stored, digests = self.index.columns.stored, self.index.digests
        for entry, content in zip(
            entries.tolist(), self.heads(entries, int(stored.max(initial=0))), strict=True
        ):
            if content is None:
                raise OSError(errno.EIO, "cannot be read", self.blob.name)
            if digests is not None and len(content) == int(stored[entry]):
                digest = digests[entry].tobytes()
                if any(digest) and self._digest(entry, hashlib.sha256(content).digest()) != digest:
                    raise FileChangedError(self.blob.name)
            yield entry, content

    def fetch(self) -> None:
        """Fetch the layer's bytes if only their digest is known. Errors are raised by later reads."""
        if self.blob.digest is not None and not self.blob.ranged:
            with suppress(OSError):
                self.blob.pread(1, 0)

    def bytes_to_pass(self, entries: Sequence[int]) -> int:
        """Bytes of the tar that `pieces` reads: everything up to the last entry if the layer is compressed."""
        stored = self.index.columns.stored
        if not len(entries):
            return 0
        if self.seekable:
            return int(stored[list(entries)].sum())
        return int(self.index.columns.offsets[entries[-1]] + stored[entries[-1]])

    def heads(self, entries: NDArray[np.int64], length: int) -> Iterator[bytes | memoryview | None]:
        """The first `length` stored bytes of each entry, for a seekable layer; None if unreadable."""
        columns = self.index.columns
        starts = columns.offsets[entries].astype(np.int64)
        lengths = np.minimum(columns.stored[entries].astype(np.int64), length)
        return read_batch(self.blob, starts, lengths)

    def digests(self, entries: NDArray[np.int64]) -> Iterator[bytes | None]:
        """SHA-256 of the content of each entry; None if unreadable. Small contents are read together."""
        stored = self.index.columns.stored[entries]
        batched = (stored <= SMALL) & self.seekable
        if self.index.sparse:
            batched &= [entry not in self.index.sparse for entry in entries.tolist()]
        small = self.heads(entries[batched], SMALL)
        for entry, size, is_batched in zip(
            entries.tolist(), stored.tolist(), batched.tolist(), strict=True
        ):
            content = next(small) if is_batched else None
            if content is not None and len(content) == size:
                yield hashlib.sha256(content).digest()
                continue
            try:
                yield self.digest(entry)
            except (ContentCutError, DamagedStreamError, OSError):
                yield None

    def digest(self, entry: int) -> bytes:
        """SHA-256 of one entry's content. Raises as `chunks` does."""
        digest = hashlib.sha256()
        for piece in self.chunks(entry):
            digest.update(piece)
        return self._digest(entry, digest.digest())

    def _digest(self, entry: int, stored: bytes) -> bytes:
        """The digest of a content, given the SHA-256 of its stored bytes; they differ for sparse files."""
        sparse = self.index.sparse.get(entry)
        return stored if sparse is None else sparse.digest(stored)
