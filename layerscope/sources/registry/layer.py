"""A layer in a registry: streamed once to be indexed, read in parts where it has a table of contents."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Iterator

from layerscope.errors import CorruptImageError, LimitExceededError
from layerscope.layers.blob import Blob
from layerscope.sources.registry.client import Client, NoRangesError
from layerscope.sources.registry.failures import DAMAGED, PassingError
from layerscope.sources.registry.soci import SociTables
from layerscope.sources.spool import TemporaryCopy
from layerscope.text import size as size_text

EDGE = 1 << 16
"""Bytes kept from both ends of a layer: the start shows its compression, the end has footers of tables."""
_STEADY = 1 << 16
"""Bytes that must arrive after an interruption to reset the count of failures."""


class Budget:
    """The limit on downloaded bytes of layers."""

    def __init__(self, maximum: int | None) -> None:
        self.maximum = maximum
        self._remaining = maximum
        self._lock = threading.Lock()

    def check(self, wanted: int, where: str) -> None:
        """Raise `LimitExceededError` if `wanted` more bytes exceed the limit."""
        if self.maximum is None or self._remaining is None or wanted <= self._remaining:
            return
        shown, allowed = size_text(wanted), size_text(self.maximum)
        if shown == allowed:
            shown, allowed = f"{wanted:,} B", f"{self.maximum:,} B"
        already = f", {size_text(self.maximum - self._remaining)} are fetched already" if self._remaining < self.maximum else ""  # fmt: skip
        raise LimitExceededError(
            f"{where}: {shown} would be fetched{already}; --max-download allows {allowed}",
            hint="raise --max-download",
        )

    def reserve(self, count: int, where: str) -> None:
        """Count bytes before they are fetched. Raises like `check`."""
        with self._lock:
            self.check(count, where)
            if self._remaining is not None:
                self._remaining -= count


class RegistryLayer(Blob):
    """A layer of `size` bytes with the digest `digest`, both as the manifest claims.

    The first complete read is streamed without a copy; later ones, and reads of single bytes, use a temporary file. A complete
    read raises `CorruptImageError` at the end if the bytes do not match the digest. Reading also raises `UnreachableError`.
    """

    def __init__(self, client: Client, digest: str, size: int, budget: Budget) -> None:
        super().__init__(f"{client.reference.repository}@{digest}", size)
        self._client = client
        self._digest = digest
        self._budget = budget
        self._lock = threading.RLock()
        self._head = b""
        self._stream: Iterator[bytes] | None = None
        """The bytes after `_head`, from a stream that is not read further yet."""
        self._streamed = False
        """Whether the next complete read is kept in a file."""
        self._tail = b""
        """The last bytes, if known."""
        self._spool: _Spool | None = None
        self._in_parts_only = False
        self.soci: SociTables | None = None
        """Tables of contents that are stored beside the image."""

    def has_ztoc(self, *, vouched_for: bool = False) -> bool:
        return self.soci is not None and self.soci.has(self._digest, vouched_for=vouched_for)

    def ztoc(self, max_bytes: int) -> bytes | None:
        return None if self.soci is None else self.soci.read(self._digest, max_bytes)

    @property
    def ranged(self) -> bool:
        return True

    def keep(self) -> None:
        self._streamed = True

    def abandon(self) -> None:
        self._client.stop()

    def forbid_full_fetch(self) -> None:
        self._in_parts_only = True

    @property
    def spooled(self) -> bool:
        return True

    @property
    def digest(self) -> str | None:
        return self._digest

    def pread(self, length: int, offset: int) -> bytes:
        length = min(length, self.size - offset)
        if length <= 0:
            return b""
        with self._lock:
            stop = offset + length
            if self._spool is None and stop <= EDGE and len(self._head) < stop:
                self._begin(stop)
            if stop <= len(self._head):
                return self._head[offset:stop]
            spool = self._spool or _Spool(self._whole(), self.name, self.size)
            self._spool = None  # restored if the read succeeds
            data = spool.pread(length, offset)
            self._spool = spool
            return data

    def chunks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        stop = self.size if end is None else min(end, self.size)
        if start or stop < self.size:
            yield from self._part(start, stop)
        elif self._streamed or self._spool is not None:
            yield from super().chunks()
        else:
            self._streamed = True
            yield from self._whole()

    def _cached_end(self, start: int, stop: int) -> bytes | None:
        """Bytes at the start or the end, if they were fetched before."""
        if stop <= len(self._head):
            return self._head[start:stop]
        first = start - (self.size - len(self._tail))
        return self._tail[first : first + stop - start] if first >= 0 else None

    def _part(self, start: int, stop: int) -> Iterator[bytes]:
        """A part of the layer; one at the end is fetched together with the last `EDGE` bytes."""
        spool = self._spool
        try:
            if (cached := self._cached_end(start, stop)) is not None:
                yield cached
            elif spool is not None and stop <= spool.reached:
                yield from super().chunks(start, stop)
            elif stop == self.size and stop - start <= EDGE:
                self._tail = b"".join(self._pieces(max(self.size - EDGE, 0), self.size))
                yield self._tail[-(stop - start) :]
            else:
                yield from self._pieces(start, stop)
        except NoRangesError:
            yield from super().chunks(start, stop)

    def _begin(self, length: int) -> Iterator[bytes]:
        """Fetch at least the first `length` bytes; returns the stream of the bytes after those fetched."""
        if self._in_parts_only:
            raise OSError(errno.EPERM, "the layer would have to be fetched", self.name)
        stream = self._stream
        if stream is None:
            self._head, stream = b"", self._pieces(0, self.size)
        self._stream = None  # restored if the read succeeds
        while len(self._head) < length and (piece := next(stream, b"")):
            self._head += piece
        self._stream = stream
        return stream

    def _whole(self) -> Iterator[bytes]:
        """All bytes, continuing a stream whose first bytes were read; checked against the digest at the end."""
        with self._lock:
            stream = self._begin(1)
            self._stream = None
            piece = self._head
        algorithm = self._digest.partition(":")[0]
        hashed = hashlib.new(algorithm if algorithm in hashlib.algorithms_available else "sha256")
        tail = b""
        while piece:
            hashed.update(piece)
            tail = piece[-EDGE:] if len(piece) >= EDGE else (tail + piece)[-EDGE:]
            yield piece
            piece = next(stream, b"")
        if hashed.name == algorithm and f"{algorithm}:{hashed.hexdigest()}" != self._digest:
            raise CorruptImageError(
                f"{self.name[:-45]}…: the registry sent other bytes than those of this digest",
                hint=f"{DAMAGED}; try again, or ask who runs it",
            )
        self._tail = tail

    def _pieces(self, start: int, stop: int) -> Iterator[bytes]:
        """Bytes of the layer as they arrive; interrupted requests are resumed."""
        self._budget.reserve(stop - start, f"{self.name[:-45]}…")
        position, failures, steady = start, 0, start
        while position < stop:
            try:
                for piece in self._client.stream(self._digest, position, stop, self.size):
                    position += len(piece)
                    if position - steady >= _STEADY:
                        failures, steady = 0, position
                    yield piece
                if position < stop:
                    raise CorruptImageError(
                        f"{self.name[:-45]}…: the registry sends {position:,} bytes of it, the manifest says {self.size:,}",
                        hint=DAMAGED,
                    )
            except PassingError as error:
                self._client.pause(error, failures)
                failures += 1


class _Spool:
    """A temporary copy, which is fetched as far as it is read."""

    def __init__(self, pieces: Iterator[bytes], name: str, size: int) -> None:
        self._pieces = pieces
        self._size = size
        self._copy = TemporaryCopy(name)
        self._ended = False

    @property
    def reached(self) -> int:
        """Number of bytes that were fetched."""
        return self._copy.written

    def pread(self, length: int, offset: int) -> bytes:
        """Bytes of the copy, fetched if needed."""
        while self.reached < offset + length and not self._ended:
            piece = next(self._pieces, b"")
            self._ended = not piece
            self._copy.write(piece)
        if self.reached >= self._size and not self._ended:
            self._ended = not next(self._pieces, b"")  # this checks the digest
        return os.pread(self._copy.fd, length, offset)
