"""Spans of SOCI: the parts of a gzip stream that begin at its checkpoints, where its decompressor is known.

Source: soci-snapshotter, ztoc/compression/gzip_zinfo.h, gzip_zinfo.c (after zlib's examples/zran.c) and gzip_zinfo.go; RFC 1951.
A span begins with a block, and mostly within a byte, which the span before it ends with: both have this byte.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerscope.layers.compression import OUTPUT, DamagedStreamError
from layerscope.layers.small_types import Integers
from layerscope.layers.toc.document import TocError, stated_sha256
from layerscope.layers.toc.places import NotAsListedError, Part, Places
from layerscope.limits import MIB, Limits

LARGEST = 16 * MIB
"""Maximum size of a span in bytes, as stored: it is held until its digest is checked. SOCI's have 4 MiB, unpacked."""
_WINDOW = 1 << zlib.MAX_WBITS
"""Bytes before a checkpoint, which what follows refers to."""
_HEAD = 12
"""Bytes before the checkpoints: their number, and the size that spans shall have."""
_CHECKPOINT = np.dtype([("offset", "<i8"), ("position", "<i8"), ("bits", "u1"), ("window", "u1", _WINDOW)])  # fmt: skip
"""Its first whole byte in the layer, its place in the tar, how many of the last bits of the byte before it belong to it."""
_GZIP_HEADER = 10
"""Size in bytes of a header without a name, which the first version takes for granted."""


@dataclass(frozen=True, slots=True)
class Spans:
    """The spans of a layer, one row per span."""

    offsets: NDArray[np.int64]
    """Their first bytes in the layer."""
    ends: NDArray[np.int64]
    positions: NDArray[np.int64]
    """Where they begin in the tar, then its length; shape (spans + 1,)."""
    bits: NDArray[np.uint8]
    """How many of the last bits of their first byte belong to them; 0 for all."""
    windows: NDArray[np.uint8]
    """Shape (spans, 32768)."""
    digests: NDArray[np.uint8]
    """SHA-256 of their bytes in the layer; shape (spans, 32)."""

    @classmethod
    def read(cls, checkpoints: bytes, digests: Sequence[str], size: int, unpacked: int) -> Spans:
        """The spans of a layer of `size` bytes, whose tar has `unpacked`. Raises `TocError`."""
        count = int.from_bytes(checkpoints[:4], "little")
        rows, rest = divmod(len(checkpoints) - _HEAD, _CHECKPOINT.itemsize)
        if rest or rows not in (count, count - 1) or not count == len(digests) > 0:
            raise TocError("its checkpoints are truncated")
        found = np.frombuffer(checkpoints, _CHECKPOINT, rows, _HEAD)
        if rows < count:  # the first version
            first = np.zeros(1, _CHECKPOINT)
            first["offset"] = _GZIP_HEADER
            found = np.concatenate([first, found])
        offsets, bits = found["offset"], found["bits"]
        ends = np.append(offsets[1:], size)
        positions = np.append(found["position"], unpacked)
        known = [stated_sha256(digest) or b"" for digest in digests]
        if (
            not all(known)
            or not 0 < offsets[0] <= size
            or positions[0] != 0
            or (ends <= offsets).any()
            or (positions[1:] < positions[:-1]).any()  # blocks may be empty
            or bits.max() > 7
        ):
            raise TocError("its checkpoints contradict each other")
        return cls(
            offsets - (bits > 0),
            ends,
            positions,
            bits,
            found["window"],
            np.frombuffer(b"".join(known), np.uint8).reshape(-1, 32),
        )

    def parts(self, start: int, size: int) -> list[Part]:
        """The parts of `size` bytes of the tar from `start`; empty if they are not all in spans that can be held."""
        end = start + size
        if not 0 <= start < end <= self.positions[-1]:
            return []
        first, last = np.searchsorted(self.positions, (start, end - 1), "right") - 1
        rows = np.arange(first, last + 1)
        rows = rows[self.positions[rows] < self.positions[rows + 1]]
        if (self.ends[rows] - self.offsets[rows]).max() > LARGEST:
            return []
        return [self._part(row, start, end) for row in rows.tolist()]

    def _part(self, row: int, start: int, end: int) -> Part:
        begin, stop = int(self.positions[row]), int(self.positions[row + 1])
        skip = max(start - begin, 0)
        size = min(end, stop) - begin - skip
        return Part(int(self.offsets[row]), int(self.ends[row]), skip, size, None, zeros=False)

    def unpacked(self, offset: int, packed: Iterator[bytes]) -> Iterator[bytes]:
        """What the span that begins at `offset` unpacks to, once its bytes are checked."""
        row = int(np.searchsorted(self.offsets, offset))
        data = b"".join(packed)
        if hashlib.sha256(data).digest() != self.digests[row].tobytes():
            raise NotAsListedError
        stream = zlib.decompressobj(-zlib.MAX_WBITS, self.windows[row].tobytes())
        data = _aligned(data, int(self.bits[row]))
        try:
            while piece := stream.decompress(data, OUTPUT):
                yield piece
                data = stream.unconsumed_tail
        except zlib.error as error:
            raise DamagedStreamError(str(error)) from error


@dataclass(frozen=True, slots=True)
class SpanPlaces(Places):
    """Contents in spans."""

    spans: Spans
    offsets: Integers
    """Where each content begins in the tar."""
    sizes: NDArray[np.int64]

    def of(self, entry: int) -> list[Part]:
        return self.spans.parts(int(self.offsets[entry]), int(self.sizes[entry]))

    def unpacked(
        self,
        part: Part,
        packed: Iterator[bytes],
        name: str,  # noqa: ARG002  # no more is unpacked than is listed
        limits: Limits,  # noqa: ARG002
    ) -> Iterator[bytes]:
        return self.spans.unpacked(part.offset, packed)


# --- Beginning within a byte ----------------------------------------------------------------------
#
# zlib can be given bits (`inflatePrime`), Python's cannot. The bits that belong to the span before are
# replaced by the end of empty blocks, so that all others keep their places.

_FIXED = ((0, 1), (1, 2), (0, 7))
"""Fields of an empty block with the fixed codes, each with its bits: not the last one, its type, its end. 10 bits."""
_DYNAMIC = (
    *((0, 1), (2, 2)),
    *((0, 5), (0, 5), (15, 4)),  # 257 codes of literals, one of distances, 19 of lengths
    *((int(length in (1, 18)), 3) for length in (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)),
    *((1, 1), (138 - 11, 7), (1, 1), (118 - 11, 7)),  # 256 literals without a code
    *((0, 1), (0, 1)),  # the end of the block and the distance have one of one bit
    (0, 1),
)  # fmt: skip
"""The same of an empty block with codes of its own: an odd number of bits, 93."""


def _filling(bits: int) -> bytes:
    """Empty blocks that take `bits` bits more than whole bytes; the last byte is completed by zeros."""
    value = length = 0
    fields = _DYNAMIC if bits % 2 else ()
    while fields or length % 8 != bits:
        for field, width in fields or _FIXED:
            value |= field << length
            length += width
        fields = ()
    return value.to_bytes(-(-length // 8), "little")


def _aligned(data: bytes, bits: int) -> bytes:
    """A deflate stream that unpacks to the same as `data` does from the last `bits` bits of its first byte on."""
    if not bits:
        return data
    *filling, last = _filling(8 - bits)
    return bytes((*filling, last | data[0] >> 8 - bits << 8 - bits)) + data[1:]
