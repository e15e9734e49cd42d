"""Spans of SOCI: parts of a gzip stream that begin at checkpoints, for which the state of the decompressor is stored.

Source: soci-snapshotter, ztoc/compression/gzip_zinfo.h, gzip_zinfo.c (after zlib's examples/zran.c) and gzip_zinfo.go; RFC 1951.
A span begins with a block, usually inside a byte: that byte is the last of the span before, and both spans contain it.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.layers.compression import OUTPUT, DamagedStreamError
from layerscope.layers.small_types import Integers
from layerscope.layers.toc.document import TocError, stated_sha256
from layerscope.layers.toc.places import NotAsListedError, Part, Places
from layerscope.limits import MIB, Limits

LARGEST = 16 * MIB
"""Maximum compressed size of a span in bytes, as it is withheld until its digest is checked. SOCI's have 4 MiB, decompressed."""
_WINDOW = 1 << zlib.MAX_WBITS
"""Bytes before a checkpoint to which the stream after it may refer."""
_HEADER = 12
"""Bytes before the checkpoints: their number, and the intended size of spans."""
_CHECKPOINT = np.dtype([("offset", "<i8"), ("position", "<i8"), ("bits", "u1"), ("window", "u1", _WINDOW)])  # fmt: skip
"""Offset of its first complete byte in the layer, its offset in the tar, and how many bits at the end of the byte before belong to it."""
_GZIP_HEADER = 10
"""Size in bytes of a header without a name, which the first version assumes."""


class Spans(Struct, frozen=True):
    """The spans of a layer, one row per span."""

    offsets: NDArray[np.int64]
    """Their first bytes in the layer."""
    ends: NDArray[np.int64]
    positions: NDArray[np.int64]
    """Their offsets in the tar, then its length; shape (spans + 1,)."""
    bits: NDArray[np.uint8]
    """How many bits at the end of their first byte belong to them; 0 for all."""
    windows: NDArray[np.uint8]
    """Shape (spans, 32768)."""
    digests: NDArray[np.uint8]
    """SHA-256 of their bytes in the layer; shape (spans, 32)."""

    @classmethod
    def read(cls, checkpoints: bytes, digests: Sequence[str], size: int, unpacked: int) -> Spans:
        """The spans of a layer of `size` bytes, whose tar has `unpacked`. Raises `TocError`."""
        count = int.from_bytes(checkpoints[:4], "little")
        rows, remainder = divmod(len(checkpoints) - _HEADER, _CHECKPOINT.itemsize)
        if remainder or rows not in (count, count - 1) or not count == len(digests) > 0:
            raise TocError("its checkpoints are truncated")
        checkpoint_rows = np.frombuffer(checkpoints, _CHECKPOINT, rows, _HEADER)
        if rows < count:  # the first version
            first = np.zeros(1, _CHECKPOINT)
            first["offset"] = _GZIP_HEADER
            checkpoint_rows = np.concatenate([first, checkpoint_rows])
        offsets, bits = checkpoint_rows["offset"], checkpoint_rows["bits"]
        ends = np.append(offsets[1:], size)
        positions = np.append(checkpoint_rows["position"], unpacked)
        digest_bytes = [stated_sha256(digest) or b"" for digest in digests]
        if (
            not all(digest_bytes)
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
            checkpoint_rows["window"],
            np.frombuffer(b"".join(digest_bytes), np.uint8).reshape(-1, 32),
        )

    def parts(self, start: int, size: int) -> list[Part]:
        """The parts of `size` bytes of the tar from `start`; empty if they are not in the tar, or in a span above `LARGEST`."""
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
        """The decompressed bytes of the span at `offset`, after its digest was checked."""
        row = int(np.searchsorted(self.offsets, offset))
        data = b"".join(packed)
        if hashlib.sha256(data).digest() != self.digests[row].tobytes():
            raise NotAsListedError
        stream = zlib.decompressobj(-zlib.MAX_WBITS, self.windows[row].tobytes())
        data = _byte_aligned(data, int(self.bits[row]))
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
    """Offset of each content in the tar."""
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
# zlib can start inside a byte (`inflatePrime`), but Python's module cannot. The bits that belong to the span
# before are replaced by the end of empty blocks, so that all other bits keep their positions.

_FIXED = ((0, 1), (1, 2), (0, 7))
"""Values and widths in bits of the fields of an empty block with fixed codes: not the last block, its type, its end. 10 bits."""
_DYNAMIC = (
    *((0, 1), (2, 2)),
    *((0, 5), (0, 5), (15, 4)),  # 257 codes of literals, one of distances, 19 of lengths
    *((int(length in (1, 18)), 3) for length in (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)),
    *((1, 1), (138 - 11, 7), (1, 1), (118 - 11, 7)),  # 256 literals without a code
    *((0, 1), (0, 1)),  # the end of the block and the distance have one of one bit
    (0, 1),
)  # fmt: skip
"""The same for an empty block with dynamic codes: an odd number of bits, 93."""


def _padding_blocks(bits: int) -> bytes:
    """Empty blocks whose length in bits is `bits` more than a multiple of 8, filled up with zeros to complete bytes."""
    value = length = 0
    fields = _DYNAMIC if bits % 2 else ()
    while fields or length % 8 != bits:
        for field, width in fields or _FIXED:
            value |= field << length
            length += width
        fields = ()
    return value.to_bytes(-(-length // 8), "little")


def _byte_aligned(data: bytes, bits: int) -> bytes:
    """A deflate stream with the same result as `data` from the last `bits` bits of its first byte on."""
    if not bits:
        return data
    *padding, last = _padding_blocks(8 - bits)
    return bytes((*padding, last | data[0] >> 8 - bits << 8 - bits)) + data[1:]
