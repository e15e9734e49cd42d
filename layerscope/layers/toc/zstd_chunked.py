"""Reads tables of zstd:chunked: zstd frames, then the table of contents and a footer in skippable frames.

Source: containers/storage, pkg/chunked/internal/minimal/compression.go; stargz-snapshotter, estargz/zstdchunked.
"""

from __future__ import annotations

import struct

from layerscope.image.digest import sha256
from layerscope.layers.blob import Blob
from layerscope.layers.compression import (
    COMPRESSIONS,
    DamagedStreamError,
    DecompressedStream,
)
from layerscope.layers.toc.check import ZSTD_CHUNKED
from layerscope.layers.toc.document import (
    TocDocument,
    TocError,
    join_at_most,
    read_range,
    too_long,
)
from layerscope.limits import Limits

_ZSTD = next(kind for kind in COMPRESSIONS if kind.name == "zstd")
_SKIPPABLE = b"\x50\x2a\x4d\x18"
_FRAME = 8
"""Bytes before the payload of a skippable frame: magic number and length."""
_FOOTERS = (64, 40)
"""Sizes of the footer's payload in bytes: with the position of a tar-split, and without."""
_MAGICS = (b"GNUlInUx", b"GnUlInUx")
_PLACE = struct.Struct("<QQQQ")
"""Offset, compressed length, length (in bytes) and type of the table."""
_CRFS = 1


def read(blob: Blob, limits: Limits) -> TocDocument | None:
    """The table of contents of a zstd layer; None if it has none. Raises `TocError`, OSError."""
    footer = _footer(blob)
    return None if footer is None else read_at(blob, _PLACE.unpack_from(footer), limits)


def read_at(blob: Blob, place: tuple[int, ...], limits: Limits) -> TocDocument:
    """The table at `place`: offset, compressed length, length and type. Raises `TocError`, OSError."""
    offset, packed_length, length, kind = place
    if kind != _CRFS:
        raise TocError(f"it is of the unknown type {kind}")
    if max(packed_length, length) > limits.toc_bytes:
        raise too_long(max(packed_length, length), limits)
    packed = read_range(blob, offset, packed_length)
    if not _ZSTD.starts(packed):
        raise TocError("something else stands in its place")
    try:
        json = join_at_most(DecompressedStream(_ZSTD, iter([packed]), blob.name, limits), length)
    except DamagedStreamError as error:
        raise TocError(str(error)) from error
    return TocDocument(ZSTD_CHUNKED, json, offset, packed_digest=sha256(packed))


def has_footer(blob: Blob) -> bool:
    """Whether a zstd layer has the footer of a table. Raises OSError."""
    return _footer(blob) is not None


def _footer(blob: Blob) -> bytes | None:
    """The payload of the footer; None without one."""
    for length in _FOOTERS:
        if blob.size <= _FRAME + length:
            continue
        frame = read_range(blob, blob.size - _FRAME - length, _FRAME + length)
        magic, payload = frame[:4], frame[_FRAME:]
        stated = int.from_bytes(frame[4:_FRAME], "little")
        if magic == _SKIPPABLE and stated == length and payload.endswith(_MAGICS):
            return payload
    return None
