"""Decompresses layers and archives in bounded memory; formats are detected by their first bytes.

Media types and file names are not trusted: both are often wrong.
"""

from __future__ import annotations

import bz2
import lzma
import sys
from collections.abc import Callable, Iterator
from typing import Protocol

from msgspec import Struct

from layerscope.errors import LimitExceededError
from layerscope.faults import is_out_of_memory
from layerscope.layers.gzip_member import GzipError, GzipMember
from layerscope.limits import Limits

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

OUTPUT = 1 << 20
"""Maximum decompressed bytes at a time, which bounds memory under a decompression bomb."""
_ZSTD_HEADER = 18
"""Size in bytes of the longest zstd frame header (RFC 8878 §3.1.1.1)."""
_ZSTD_WINDOW_LOG = zstd.DecompressionParameter.window_log_max.bounds()[1]
"""Base-2 logarithm of the largest window that the zstd library supports: 31 on 64-bit systems."""


class DamagedStreamError(Exception):
    """Compressed bytes that are truncated, malformed or have a wrong checksum."""


class Decompressor(Protocol):
    """The interface that the bz2, lzma, zstd and isal modules share."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def _zstd_starts(data: bytes) -> bool:
    """Whether `data` starts with a zstd frame or a skippable frame (RFC 8878 §3.1)."""
    return data.startswith(b"\x28\xb5\x2f\xfd") or (
        len(data) >= 4 and 0x50 <= data[0] <= 0x5F and data[1:4] == b"\x2a\x4d\x18"
    )


def zstd_window(head: bytes) -> int:
    """Window size in bytes of a zstd frame with this header, 0 for anything else (RFC 8878 §3.1.1.1.2).

    A single-segment frame has no window field: its window is as large as its content.
    """
    if not head.startswith(b"\x28\xb5\x2f\xfd") or len(head) < 6:
        return 0
    descriptor = head[4]
    if not descriptor & 0x20:
        base = 1 << (10 + (head[5] >> 3))
        return base + (base >> 3) * (head[5] & 7)
    start = 5 + (0, 1, 2, 4)[descriptor & 3]
    length = 1 << (descriptor >> 6)
    size = int.from_bytes(head[start : start + length], "little")
    return size + 256 if length == 2 else size


def _bzip2_starts(data: bytes) -> bool:
    """Whether `data` starts with a bzip2 stream: level, then the magic of a block or of the end."""
    return (
        data[:3] == b"BZh"
        and data[3:4] in b"123456789"
        and data[4:10] in (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90")
    )


class Compression(Struct, frozen=True):
    """A compression format: how to detect it, its decompressor, and the errors that raises."""

    name: str
    starts: Callable[[bytes], bool]
    open: Callable[[Limits], Decompressor]
    error: type[Exception]
    padded: bool = False
    """Whether zeros may be between two streams."""


COMPRESSIONS: tuple[Compression, ...] = (
    Compression(
        "gzip", lambda data: data.startswith(b"\x1f\x8b\x08"), lambda _: GzipMember(), GzipError
    ),
    Compression(
        "zstd",
        _zstd_starts,
        # The window was checked before. Unused parts of a large window are never touched.
        lambda _: zstd.ZstdDecompressor(
            options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
        ),
        zstd.ZstdError,
    ),
    Compression("bzip2", _bzip2_starts, lambda _: bz2.BZ2Decompressor(), OSError),
    Compression(
        "xz",
        lambda data: data.startswith(b"\xfd7zXZ\x00"),
        lambda limits: lzma.LZMADecompressor(memlimit=limits.xz_memory_bytes),
        lzma.LZMAError,
        padded=True,
    ),
)
MAGIC_BYTES = 10
"""Number of first bytes needed to detect any compression."""


def sniff(head: bytes) -> Compression | None:
    """The compression of a stream that starts with `head`; None for anything else."""
    return next((kind for kind in COMPRESSIONS if kind.starts(head)), None)


def first_bytes(
    kind: Compression, source: Iterator[bytes], name: str, limits: Limits, length: int
) -> tuple[bytes, bool]:
    """The first `length` decompressed bytes of a stream, or fewer, and whether damage or truncation was found before them.

    Only as much of `source` is read as needed.
    """
    data = b""
    try:
        for piece in DecompressedStream(kind, source, name, limits):
            data += piece
            if len(data) >= length:
                break
    except DamagedStreamError:
        return data[:length], True
    return data[:length], False


class DecompressedStream:
    """Iterates over the decompressed bytes of `source`, a stream of compressed pieces.

    There may be several members or frames (pigz, eStargz and zstd:chunked write many).
    Zeros after the last are padding; anything else there is counted in `trailing`.
    Raises `DamagedStreamError`, and `LimitExceededError` beyond `limits.layer_bytes` or the memory limit of its format.
    """

    def __init__(
        self, kind: Compression, source: Iterator[bytes], name: str, limits: Limits
    ) -> None:
        self.kind = kind
        self.trailing = 0
        """Bytes after the end that are not padding."""
        self.consumed = 0
        """Compressed bytes read so far."""
        self.produced = 0
        """Decompressed bytes returned so far."""
        self._source = source
        self._name = name
        self._limits = limits

    def __iter__(self) -> Iterator[bytes]:
        pending = self._next_piece()
        while pending:
            pending = self._within_window(pending)
            decoder = self.kind.open(self._limits)
            while not decoder.eof:
                if decoder.needs_input and not pending:
                    pending = self._next_piece()
                    if not pending:
                        raise DamagedStreamError(
                            f"the {self.kind.name} stream is truncated after {self.consumed:,} bytes"
                        )
                try:
                    data = decoder.decompress(pending, OUTPUT)
                except (self.kind.error, EOFError, MemoryError) as error:
                    self._check_memory(error)
                    if is_out_of_memory(error):
                        raise MemoryError from error
                    raise DamagedStreamError(
                        f"the {self.kind.name} stream is damaged near byte {self.consumed:,} ({error})"
                    ) from error
                pending = b""
                if data:
                    self.produced += len(data)
                    if self.produced > self._limits.layer_bytes:
                        raise self._limits.exceeded("layer_bytes", self._name)
                    yield data
            pending = self._next_member(decoder.unused_data)

    def _within_window(self, pending: bytes) -> bytes:
        """The start of a stream; raises `LimitExceededError` if its window exceeds the limit."""
        if self.kind.name != "zstd":
            return pending
        while len(pending) < _ZSTD_HEADER and (piece := self._next_piece()):
            pending += piece
        window = zstd_window(pending[:_ZSTD_HEADER])
        if window > self._limits.zstd_window_bytes or window > 1 << _ZSTD_WINDOW_LOG:
            error = self._limits.exceeded("zstd_window_bytes", self._name, window)
            if window > 1 << _ZSTD_WINDOW_LOG:
                error.hint = f"the zstd library supports no more, whatever zstd_window_bytes allows: compress it again with a smaller window (zstd --long={_ZSTD_WINDOW_LOG})"
            raise error
        return pending

    def _check_memory(self, error: Exception) -> None:
        """Raise `LimitExceededError` if a decompressor failed for lack of memory rather than damage."""
        words = str(error).lower()
        if "memory usage limit" in words:  # liblzma's LZMA_MEMLIMIT_ERROR
            raise self._limits.exceeded("xz_memory_bytes", self._name) from error
        if isinstance(error, MemoryError) or "not enough memory" in words:
            raise LimitExceededError(
                f"{self._name}: not enough memory to decompress its {self.kind.name} stream",
                hint="read it on a machine, or in a container, with more memory",
            ) from error

    def _next_piece(self) -> bytes:
        piece = next(self._source, b"")
        self.consumed += len(piece)
        return piece

    def _next_member(self, rest: bytes) -> bytes:
        """The start of the next member; empty after padding and trailing bytes."""
        if self.kind.padded:
            while not (rest := rest.lstrip(b"\0")) and (piece := self._next_piece()):
                rest = piece
        while len(rest) < MAGIC_BYTES and (piece := self._next_piece()):
            rest += piece
        if self.kind.starts(rest):
            return rest
        while rest:
            self.trailing += len(rest) - rest.count(0)
            rest = self._next_piece()
        return b""
