"""rpm's Berkeley DB, `Packages` (RHEL and CentOS up to 8, Amazon Linux 2): a hash of numbers to headers.

Layout: Berkeley DB's dbinc/db_page.h, and rpm's lib/backend/bdb_ro.c. Numbers have the byte order of the machine that wrote
them. All pages of the hash are read in the order of the file: which bucket a package is in does not matter here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from layerscope.analysis.packages.rpm_database import (
    MAX_HEADER_BYTES,
    UnreadableDatabaseError,
    limit_headers,
)
from layerscope.progress import Progress, check

_MAGIC = 0x061561
_VERSIONS = range(8, 11)
_SMALLEST, _LARGEST = 512, 65536
"""Bytes of a page, a power of two."""
_PAGE_HEADER = 26
_OVERFLOW, _META, _HASHES = 7, 8, (2, 13)
"""Types of pages."""
_INLINE, _OFF_PAGE = 1, 3
"""Types of items on a hash page: the data itself, or the first of its overflow pages."""
_COUNTER = bytes(4)
"""The key of the highest number that a package has; all others are packages."""


def headers(data: bytes, progress: Progress) -> Iterator[bytes | None]:
    """The header of each package, None for a damaged one; those before other damage come before the error.

    Raises `UnreadableDatabaseError` and `CancelledError`.
    """
    return limit_headers(len(data), _Hash(data).values(progress), progress)


class _Hash:
    """A database of the type hash. Raises `UnreadableDatabaseError` for another one."""

    def __init__(self, data: bytes) -> None:
        magic = data[12:16]
        if len(data) < _SMALLEST or _MAGIC not in (
            int.from_bytes(magic, "little"), int.from_bytes(magic, "big")
        ):  # fmt: skip
            raise UnreadableDatabaseError("it is not a hash of Berkeley DB")
        self._data = data
        self._order = "<" if int.from_bytes(magic, "little") == _MAGIC else ">"
        version, self._size = self._ints(16, 2)
        (last,) = self._ints(32, 1)
        if version not in _VERSIONS:
            raise UnreadableDatabaseError(f"version {version} of a Berkeley DB hash is unknown")
        if data[24] or data[25] != _META:
            raise UnreadableDatabaseError("it is encrypted, or not a hash of Berkeley DB")
        if not _SMALLEST <= self._size <= _LARGEST or self._size & (self._size - 1):
            raise UnreadableDatabaseError(f"it has pages of {self._size:,} bytes")
        complete_pages = len(data) // self._size
        self._pages, self._cut = min(last + 1, complete_pages), last >= complete_pages
        self._room = self._pages
        """Overflow pages that may still be read: each belongs to one item."""

    def values(self, progress: Progress) -> Iterator[bytes | None]:
        """The value of each package; None for an unreadable one, and once for a page that is not a list of pairs."""
        for number in range(1, self._pages):
            page = number * self._size
            if self._data[page + 25] not in _HASHES:
                continue
            check(progress)
            (count,) = self._shorts(page + 20, 1)
            if count % 2 or _PAGE_HEADER + 2 * count > self._size:
                yield None
                continue
            offsets = (self._size, *self._shorts(page + _PAGE_HEADER, count))
            for pair in range(0, count, 2):
                end, key, value = offsets[pair : pair + 3]
                if not _PAGE_HEADER + 2 * count <= value < key < end <= self._size:
                    yield None
                elif self._data[page + key : page + end] != bytes([_INLINE]) + _COUNTER:
                    yield self._value(page + value, key - value)
        if self._cut:
            raise UnreadableDatabaseError("it is cut short")

    def _value(self, start: int, length: int) -> bytes | None:
        """The value of an item; None if it is unreadable."""
        kind = self._data[start]
        if kind == _INLINE:
            return self._data[start + 1 : start + length]
        if kind == _OFF_PAGE and length == 12:
            return self._overflow(*self._ints(start + 4, 2))
        return None

    def _overflow(self, number: int, length: int) -> bytes | None:
        """`length` bytes from a chain of pages; None if it is broken."""
        if length > MAX_HEADER_BYTES:
            return None
        parts = []
        while length:
            if not 0 < number < self._pages or self._data[number * self._size + 25] != _OVERFLOW:
                return None
            self._room -= 1
            if self._room < 0:
                raise UnreadableDatabaseError("its packages are larger than the file")
            page = number * self._size
            (size,) = self._shorts(page + 22, 1)
            if not 0 < size <= min(self._size - _PAGE_HEADER, length):
                return None
            parts.append(self._data[page + _PAGE_HEADER : page + _PAGE_HEADER + size])
            length -= size
            (number,) = self._ints(page + 16, 1)
        return b"".join(parts)

    def _ints(self, at: int, count: int) -> tuple[int, ...]:
        return struct.unpack_from(f"{self._order}{count}I", self._data, at)

    def _shorts(self, at: int, count: int) -> tuple[int, ...]:
        return struct.unpack_from(f"{self._order}{count}H", self._data, at)
