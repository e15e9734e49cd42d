"""rpm's ndb database, `Packages.db` (openSUSE, SLE; rpm's lib/backend/ndb/rpmpkg.c). All numbers are little-endian."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from layerscope.analysis.packages.rpm_database import UnreadableDatabaseError, limit_headers
from layerscope.progress import Progress

_FILE = struct.Struct("<4sIII")
"""Magic, version, generation, and the number of pages with slots, including the first one."""
_SLOT = struct.Struct("<4sIII")
"""Magic, number of the package, first block (0 for a free slot), number of blocks."""
_HEAD, _TAIL = struct.Struct("<4sIII"), struct.Struct("<III")
"""Before a header: magic, number of the package, time, length. After it, at the end of the blocks: checksum, length, magic."""
_END = int.from_bytes(b"BlbE", "little")
_BLOCK, _PAGE = 16, 4096
_FIRST_SLOT = 2
"""The first slots hold the header of the file."""


def headers(data: bytes, progress: Progress) -> Iterator[bytes | None]:
    """The header of each package, None for a damaged one; those before other damage come before the error.

    Raises `UnreadableDatabaseError` and `CancelledError`.
    """
    return limit_headers(len(data), _headers(data), progress)


def _headers(data: bytes) -> Iterator[bytes | None]:
    if len(data) < _PAGE or not data.startswith(b"RpmP"):
        raise UnreadableDatabaseError("it is not an ndb database")
    _, version, _, pages = _FILE.unpack_from(data)
    if version:
        raise UnreadableDatabaseError(f"version {version} of ndb is unknown")
    slots = pages * (_PAGE // _SLOT.size)
    for number in range(_FIRST_SLOT, min(slots, len(data) // _SLOT.size)):
        magic, package, block, count = _SLOT.unpack_from(data, number * _SLOT.size)
        if magic != b"Slot":
            raise UnreadableDatabaseError(f"slot {number:,} of {slots:,} is damaged")
        if block:
            yield _blob(data, package, block, count) if block >= slots else None
    if pages * _PAGE > len(data):
        raise UnreadableDatabaseError("it is cut short")


def _blob(data: bytes, package: int, block: int, count: int) -> bytes | None:
    """The header in `count` blocks; None if the blocks do not match the slot."""
    start, end = block * _BLOCK, (block + count) * _BLOCK
    if end > len(data) or end - start < _HEAD.size + _TAIL.size:
        return None
    magic, number, _, length = _HEAD.unpack_from(data, start)
    used = _HEAD.size + length + _TAIL.size
    if (magic, number) != (b"BlbS", package) or count != (used + _BLOCK - 1) // _BLOCK:
        return None
    if _TAIL.unpack_from(data, end - _TAIL.size)[1:] != (length, _END):
        return None
    return data[start + _HEAD.size : start + _HEAD.size + length]
