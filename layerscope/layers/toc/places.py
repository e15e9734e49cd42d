"""Positions of contents in a compressed layer, according to its table of contents: each file has one or more parts.

Sources: stargz-snapshotter, docs/estargz.md and estargz/estargz.go (`initFields`); containers/storage,
pkg/chunked/compressor/compressor.go. Contradictory entries have no position.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.layers.compression import Compression, DecompressedStream
from layerscope.layers.toc.document import TocDocument, TocError, stated_sha256
from layerscope.limits import Limits

_INT64 = 1 << 63
_Size = Annotated[int, msgspec.Meta(ge=0, le=_INT64 - 1)]
_CHUNK, _FILE, _ZEROS = "chunk", "reg", "zeros"
_DIGEST = 32
_NO_DIGEST = bytes(_DIGEST)
_Row = tuple[int, int, int, int, bool]
"""Offset, end, skip, size and zeros of a part."""


class _Entry(msgspec.Struct, gc=False):
    """The fields of an entry with the position of its content."""

    type: str
    name: str
    size: _Size = 0
    offset: _Size = 0
    endOffset: _Size = 0  # noqa: N815  # as the format spells it
    innerOffset: _Size = 0  # noqa: N815
    chunkOffset: _Size = 0  # noqa: N815
    chunkSize: _Size = 0  # noqa: N815
    chunkDigest: str = ""  # noqa: N815
    chunkType: str = ""  # noqa: N815


class _Toc(msgspec.Struct):
    entries: list[_Entry] | None = None


class NotAsListedError(Exception):
    """A content is not where the table of contents says."""


class Part(Struct, frozen=True):
    """A part of a content: `size` bytes after the first `skip` decompressed bytes of a member, frame or span."""

    offset: int
    """Offset of the gzip member, zstd frame or span in the layer."""
    end: int
    """Offset of the next one with contents, or the end of this one."""
    skip: int
    size: int
    digest: bytes | None
    """SHA-256 of the part; None if not stated."""
    zeros: bool
    """Whether it consists of zeros, which need not be read."""


class Places(ABC):
    """The positions of all contents of a layer, by entry."""

    @abstractmethod
    def of(self, entry: int) -> list[Part]:
        """The parts of a content in order; empty if its position is unknown."""

    @abstractmethod
    def unpacked(
        self, part: Part, packed: Iterator[bytes], name: str, limits: Limits
    ) -> Iterator[bytes]:
        """The decompressed member, frame or span of a part; `packed` are the bytes of the layer from `offset` to `end`.

        `name` is the layer's name for errors. Raises `NotAsListedError`, `DamagedStreamError`, `LimitExceededError`.
        """


@dataclass(frozen=True, slots=True)
class MemberPlaces(Places):
    """Contents in gzip members or zstd frames: one row per part, in the order of the entries."""

    compression: Compression
    first: NDArray[np.int64]
    """First part of each entry, then the number of parts; shape (entries + 1,)."""
    offsets: NDArray[np.int64]
    ends: NDArray[np.int64]
    skips: NDArray[np.int64]
    sizes: NDArray[np.int64]
    digests: NDArray[np.uint8]
    """Shape (parts, 32); zeros where not stated."""
    zeros: NDArray[np.bool_]

    def of(self, entry: int) -> list[Part]:
        return [self._part(at) for at in range(int(self.first[entry]), int(self.first[entry + 1]))]

    def unpacked(
        self,
        part: Part,  # noqa: ARG002  # each member can be read alone
        packed: Iterator[bytes],
        name: str,
        limits: Limits,
    ) -> Iterator[bytes]:
        return iter(DecompressedStream(self.compression, packed, name, limits))

    def _part(self, at: int) -> Part:
        digest = self.digests[at].tobytes()
        return Part(
            int(self.offsets[at]),
            int(self.ends[at]),
            int(self.skips[at]),
            int(self.sizes[at]),
            digest if any(digest) else None,
            bool(self.zeros[at]),
        )


def places_of(document: TocDocument, compression: Compression) -> MemberPlaces:
    """The positions of the contents of the entries from `index_of`. Raises `TocError`."""
    try:
        entries = msgspec.json.decode(document.json, type=_Toc).entries or []
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise TocError(f"it cannot be read ({error})") from error
    offsets = np.array([entry.offset for entry in entries if _has_place(entry)], np.int64)
    bounds = [*np.unique(offsets[offsets < document.place]).tolist(), document.place]
    counts: list[int] = []
    rows: list[_Row] = []
    digests: list[bytes] = []
    for parts in _files(entries):
        parts_of_file = _parts(parts, bounds, document.place)
        counts.append(len(parts_of_file))
        for row, digest in parts_of_file:
            rows.append(row)
            digests.append(digest)
    if document.own_header is not None:
        counts.append(0)  # the table itself
    columns = np.array(rows, np.int64).reshape(-1, 5)
    return MemberPlaces(
        compression,
        np.concatenate([[0], np.cumsum(np.array(counts, np.int64))]).astype(np.int64),
        columns[:, 0],
        columns[:, 1],
        columns[:, 2],
        columns[:, 3],
        np.frombuffer(b"".join(digests), np.uint8).reshape(-1, _DIGEST),
        columns[:, 4].astype(bool),
    )


def _has_place(entry: _Entry) -> bool:
    return entry.type in (_FILE, _CHUNK) and entry.offset > 0


def _files(entries: Sequence[_Entry]) -> Iterator[list[_Entry]]:
    """Each entry followed by its chunks."""
    current: list[_Entry] = []
    for entry in entries:
        if entry.type != _CHUNK:
            if current:
                yield current
            current = [entry]
        elif current:
            current.append(entry)
    if current:
        yield current


def _parts(parts: list[_Entry], bounds: Sequence[int], limit: int) -> list[tuple[_Row, bytes]]:
    """The parts of one file with their digests; empty without parts, or if they contradict each other."""
    entry = parts[0]
    if entry.type != _FILE or not entry.size:
        return []
    rows: list[tuple[_Row, bytes]] = []
    position, last = 0, (0, -1)
    for number, part in enumerate(parts):
        following = parts[number + 1] if number + 1 < len(parts) else None
        stop = entry.size if following is None else following.chunkOffset
        size = stop - position
        if part.chunkOffset != position or size <= 0 or part.chunkSize not in (0, size):
            return []
        if part is not entry and part.name != entry.name:
            return []
        zeros = part.chunkType == _ZEROS
        end = 0
        if not zeros:
            # Only zstd:chunked states an end: that of the last part.
            stated = entry.endOffset if following is None else 0
            if stated > part.offset:
                end = min(stated, limit)
            else:
                end = bounds[min(bisect_right(bounds, part.offset), len(bounds) - 1)]
            start = (part.offset, part.innerOffset)
            if not 0 < part.offset < end or start <= last or part.innerOffset + size >= _INT64:
                return []
            last = start
        row = (part.offset, end, part.innerOffset, size, zeros)
        rows.append((row, stated_sha256(part.chunkDigest) or _NO_DIGEST))
        position = stop
    return rows
