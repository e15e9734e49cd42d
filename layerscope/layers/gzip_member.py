"""One member of a gzip stream (RFC 1952): its header, deflated data, checksum and length.

isal could read the whole member, but loses track of header fields that arrive in pieces, and withholds decompressed data if
the checksum after them is wrong.
"""

from __future__ import annotations

from typing import cast

from isal import igzip_lib, isal_zlib

GzipError = cast("type[Exception]", igzip_lib.IsalError)

_MAX_HEADER = 1 << 20
"""Maximum size of a header in bytes: the format does not limit the names in it."""
_TRAILER = 8


class GzipMember:
    """Decompresses one member, with the interface of the standard library's decompressors."""

    def __init__(self) -> None:
        self.eof = False
        self.unused_data = b""
        self._header = b""
        self._in_header = True
        self._deflate = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_DEFLATE)
        self._trailer = b""
        self._checksum = 0
        self._size = 0

    @property
    def needs_input(self) -> bool:
        if self._in_header or self.eof:
            return not self.eof
        if self._has_all():
            return len(self._trailer) < _TRAILER
        return bool(self._deflate.needs_input)

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Up to `max_length` more bytes. Raises `GzipError`; for a wrong checksum, only after all bytes were returned."""
        if self._in_header:
            self._header += data
            end = _header_length(self._header)
            if end is None:
                if len(self._header) > _MAX_HEADER:
                    raise GzipError("the header has no end")
                return b""
            self._in_header = False
            data, self._header = self._header[end:], b""
        if not self._has_all():
            piece: bytes = self._deflate.decompress(data, max_length)
            self._checksum = isal_zlib.crc32(piece, self._checksum)
            self._size += len(piece)
            data = self._deflate.unused_data if self._has_all() else b""
            if piece or not self._has_all():
                self._trailer = data
                return piece
        self._trailer += data
        if len(self._trailer) >= _TRAILER:
            self._finish()
        return b""

    def _has_all(self) -> bool:
        """Whether all data were returned and the trailer follows."""
        return bool(self._deflate.eof)

    def _finish(self) -> None:
        """Compare checksum and length in the trailer with the data."""
        checksum = int.from_bytes(self._trailer[:4], "little")
        size = int.from_bytes(self._trailer[4:_TRAILER], "little")
        if checksum != self._checksum or size != self._size & 0xFFFFFFFF:
            raise GzipError("the checksum is wrong")
        self.unused_data = self._trailer[_TRAILER:]
        self.eof = True


def _header_length(data: bytes) -> int | None:
    """Length of the header at the start of `data`; None if it is incomplete (RFC 1952 §2.3)."""
    if len(data) < 10:
        return None
    flags, end = data[3], 10
    if flags & 4:  # FEXTRA
        end += 2 + int.from_bytes(data[10:12], "little")
    for flag in (8, 16):  # FNAME, FCOMMENT
        if flags & flag:
            end = data.find(b"\0", end) + 1
            if not end:
                return None
    if flags & 2:  # FHCRC
        end += 2
    return end if end <= len(data) else None
