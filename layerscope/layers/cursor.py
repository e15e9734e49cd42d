"""Cursors for reading a tar: by offset in a file, skipping payloads without reading them, and along a stream."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Protocol

from layerscope.layers.blob import CHUNK, Blob
from layerscope.progress import Progress, check

WINDOW, MAX_WINDOW = 1 << 13, 1 << 17
"""Minimum and maximum bytes of read-ahead."""


class Cursor(Protocol):
    """A position in a tar that only moves forward."""

    position: int
    """Offset in the tar in bytes."""
    hashes: bool
    """Whether `skip` returns digests."""

    def take(self, length: int) -> bytes:
        """The next `length` bytes; fewer only at the end."""

    def buffered(self) -> memoryview:
        """The next bytes that are in memory already; may be empty."""

    def skip(self, length: int) -> bytes | None:
        """Skip a payload; returns its SHA-256 if `hashes`, otherwise None. Raises `EOFError` if the tar ends before."""

    def skip_padded(self, length: int) -> bytes | None:
        """Like `skip`, including the padding of the last block."""

    def pad(self, length: int) -> None:
        """Skip padding, which may be missing at the end."""

    def drain(self, progress: Progress) -> int:
        """Read the rest; returns the number of its non-zero bytes."""


class OffsetCursor:
    """Moves through an uncompressed blob by offset. Payloads are read only if they fall into the read-ahead."""

    hashes = False

    def __init__(self, blob: Blob) -> None:
        self.position = 0
        self._blob = blob
        self._size = blob.size
        self._window = b""
        """Bytes read ahead, from `_start`."""
        self._start = 0
        self._ahead = WINDOW

    def take(self, length: int) -> bytes:
        at = self.position - self._start
        data = self._window[at : at + length]
        if len(data) < length:
            data = self._read(length)
        self.position += len(data)
        return data

    def buffered(self) -> memoryview:
        return memoryview(self._window)[max(self.position - self._start, 0) :]

    def _read(self, length: int) -> bytes:
        """Read ahead from here: increasingly more while entries are small, little after skipping a large one."""
        skipped = self.position - self._start - len(self._window)
        self._ahead = min(2 * self._ahead, MAX_WINDOW) if skipped < self._ahead else WINDOW
        self._start = self.position
        self._window = self._blob.pread(max(length, self._ahead), self.position)
        while 0 < len(self._window) < length:
            piece = self._blob.pread(length - len(self._window), self.position + len(self._window))
            if not piece:
                break
            self._window += piece
        return self._window[:length]

    def skip(self, length: int) -> None:
        self.position += length
        if self.position > self._size:
            self.position = self._size
            raise EOFError

    def skip_padded(self, length: int) -> None:
        end = self.position + length
        if end > self._size:
            self.position = self._size
            raise EOFError
        self.position = end + (-length & 511)

    def pad(self, length: int) -> None:
        self.position = min(self.position + length, self._size)

    def drain(self, progress: Progress) -> int:
        dirty = 0
        for piece in self._blob.chunks(self.position):
            check(progress)
            dirty += len(piece) - piece.count(0)
        self.position = self._size
        return dirty


class StreamCursor:
    """Moves along an iterator of pieces, hashing each payload."""

    hashes = True

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.position = 0
        self._pieces = pieces
        self._piece = memoryview(b"")
        self._at = 0

    def take(self, length: int) -> bytes:
        at = self._at
        end = at + length
        if end <= len(self._piece):
            self._at = end
            self.position += length
            return bytes(self._piece[at:end])
        data = b"".join(bytes(part) for part in self._parts(length))
        self.position += len(data)
        return data

    def buffered(self) -> memoryview:
        return self._piece[self._at :]

    def skip(self, length: int) -> bytes:
        at = self._at
        end = at + length
        if end <= len(self._piece):
            self._at = end
            self.position += length
            return hashlib.sha256(self._piece[at:end]).digest()
        digest = hashlib.sha256()
        missing = length
        for part in self._parts(length):
            digest.update(part)
            missing -= len(part)
        self.position += length - missing
        if missing:
            raise EOFError
        return digest.digest()

    def skip_padded(self, length: int) -> bytes:
        digest = self.skip(length)
        self.take(-length & 511)
        return digest

    def pad(self, length: int) -> None:
        self.take(length)

    def drain(self, progress: Progress) -> int:
        dirty = 0
        while piece := self.take(CHUNK):
            check(progress)
            dirty += len(piece) - piece.count(0)
        return dirty

    def _parts(self, length: int) -> Iterator[memoryview]:
        """The next `length` bytes, or fewer at the end, without joining them."""
        while length:
            if self._at == len(self._piece):
                piece = next(self._pieces, None)
                if piece is None:
                    return
                self._piece, self._at = memoryview(piece), 0
                continue
            part = self._piece[self._at : self._at + length]
            self._at += len(part)
            length -= len(part)
            yield part
