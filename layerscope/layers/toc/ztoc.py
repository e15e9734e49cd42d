"""Reads zTOCs: tables of contents that SOCI stores beside a layer, with the entries of its tar, but without digests of contents.

Source: soci-snapshotter, ztoc/fbs/ztoc.fbs and ztoc/toc_builder.go.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from flatbuffers import encode, number_types, packer
from flatbuffers.table import Table

from layerscope.layers.blob import Blob
from layerscope.layers.index import LayerIndex
from layerscope.layers.toc.document import TocError, too_long
from layerscope.layers.toc.entries import ENTRY_COST, MEMBER_COST, Entry, index_of_entries
from layerscope.layers.toc.spans import SpanPlaces, Spans
from layerscope.limits import Limits

# Slots of the fields in the tables of the schema.
_ZTOC_SIZE, _ZTOC_UNPACKED, _ZTOC_TOC, _ZTOC_COMPRESSION = 2, 3, 4, 5
_TOC_METADATA = 0
_ALGORITHM, _DIGESTS, _CHECKPOINTS = 0, 2, 3
_NAME, _TYPE, _OFFSET, _SIZE, _LINK, _MODE, _UID, _GID = 0, 1, 2, 3, 4, 5, 6, 7
_TIME, _MAJOR, _MINOR, _XATTRS = 10, 11, 12, 13
_KEY, _VALUE = 0, 1
_GZIP = 1
_PAX_XATTR = "SCHILY.xattr."
_PAX_SPARSE = "GNU.sparse."
_NUMBERS = number_types.Int64Flags
_BYTE = number_types.Int8Flags
_UNSIGNED = number_types.Uint32Flags
_LARGEST = (1 << 63) - 1


def index_of_ztoc(data: bytes, blob: Blob, limits: Limits) -> LayerIndex:
    """The index of a layer according to its zTOC. Raises `TocError`, `LimitExceededError`."""
    with _open_reader(data, limits) as reader:
        offsets: list[int] = []
        entries = list(reader.entries(blob.size, offsets))
        return index_of_entries(entries, blob, limits, offsets=offsets)


def places_of_ztoc(data: bytes, index: LayerIndex, blob: Blob, limits: Limits) -> SpanPlaces:
    """The places of the contents of entries with offsets in the tar. Raises `TocError`, `LimitExceededError`."""
    with _open_reader(data, limits) as reader:
        return SpanPlaces(reader.spans(blob.size), index.columns.offsets, index.columns.stored)


@contextmanager
def _open_reader(data: bytes, limits: Limits) -> Iterator[_Reader]:
    if len(data) > limits.toc_bytes:
        raise too_long(len(data), limits)
    try:
        yield _Reader(data, limits)
    except (struct.error, IndexError, ValueError, TypeError, OverflowError) as error:
        raise TocError(f"it cannot be read ({error})") from error


class _Reader:
    """Reads a zTOC. The library follows any offset, even repeatedly, so the bytes read are counted against a limit."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._data = data
        self._limits = limits
        self._cost = 0
        self._root = Table(data, encode.Get(packer.uoffset, data, 0))

    def entries(self, size: int, offsets: list[int]) -> Iterator[Entry]:
        """The entries of a layer of `size` bytes; the offsets of their contents in the tar are appended to `offsets`.

        Raises `TocError`, `LimitExceededError`, and the exceptions of reading beyond the end.
        """
        toc = self._table(self._root_for(size), _ZTOC_TOC)
        for entry in () if toc is None else self._tables(toc, _TOC_METADATA):
            self._spend(ENTRY_COST)
            kind = self._text(entry, _TYPE)
            offsets.append(min(max(self._number(entry, _OFFSET), 0), _LARGEST))
            yield Entry(
                type=kind,
                name=self._text(entry, _NAME),
                linkName=self._text(entry, _LINK),
                size=min(max(self._number(entry, _SIZE), 0), _LARGEST) if kind == "reg" else 0,
                mode=self._number(entry, _MODE),
                uid=self._number(entry, _UID, _UNSIGNED),
                gid=self._number(entry, _GID, _UNSIGNED),
                modtime=self._text(entry, _TIME),
                devMajor=self._number(entry, _MAJOR),
                devMinor=self._number(entry, _MINOR),
                xattrs=self._xattrs(entry),
            )

    def spans(self, size: int) -> Spans:
        """The spans of a layer of `size` bytes. Raises as `entries` does."""
        root = self._root_for(size)
        table = self._table(root, _ZTOC_COMPRESSION)
        if table is None or self._number(table, _ALGORITHM, _BYTE, _GZIP) != _GZIP:
            raise TocError("it has no checkpoints of gzip")
        start, count = self._vector(table, _CHECKPOINTS, 1)
        digests = [self._string(table, place) for place in self._elements(table, _DIGESTS)]
        return Spans.read(
            self._data[start : start + count], digests, size, self._number(root, _ZTOC_UNPACKED)
        )

    def _root_for(self, size: int) -> Table:
        """The root table. Raises `TocError` if it describes a layer of another size."""
        if self._number(self._root, _ZTOC_SIZE) != size:
            raise TocError("it belongs to another layer")
        return self._root

    def _xattrs(self, entry: Table) -> dict[str, str | None]:
        """Extended attributes among the PAX records, as in JSON tables. Raises `TocError` for a sparse file."""
        xattrs: dict[str, str | None] = {}
        for record in self._tables(entry, _XATTRS):
            self._spend(MEMBER_COST)
            key = self._text(record, _KEY)
            if key.startswith(_PAX_SPARSE):
                raise TocError("it does not say where the data of a sparse file are")
            if key.startswith(_PAX_XATTR):
                value = self._text(record, _VALUE).encode(errors="surrogateescape")
                xattrs[key.removeprefix(_PAX_XATTR)] = base64.b64encode(value).decode()
        return xattrs

    def _spend(self, count: int) -> None:
        self._cost += count
        if self._cost > self._limits.metadata_bytes:
            raise self._limits.exceeded("metadata_bytes", "the table of contents")

    @staticmethod
    def _offset(table: Table, slot: int) -> int:
        """The offset of a field from the start of its table; 0 if it is missing."""
        return int(table.Offset(4 + 2 * slot))

    def _number(self, table: Table, slot: int, flags: type = _NUMBERS, default: int = 0) -> int:
        offset = self._offset(table, slot)
        return int(table.Get(flags, table.Pos + offset)) if offset else default

    def _text(self, table: Table, slot: int) -> str:
        offset = self._offset(table, slot)
        return self._string(table, table.Pos + offset) if offset else ""

    def _string(self, table: Table, place: int) -> str:
        """The text at an offset."""
        data = bytes(table.String(place))
        self._spend(len(data))
        return data.decode(errors="surrogateescape")

    def _table(self, table: Table, slot: int) -> Table | None:
        offset = self._offset(table, slot)
        return Table(self._data, table.Indirect(table.Pos + offset)) if offset else None

    def _tables(self, table: Table, slot: int) -> Iterator[Table]:
        """The tables of a vector."""
        for place in self._elements(table, slot):
            yield Table(self._data, table.Indirect(place))

    def _elements(self, table: Table, slot: int) -> range:
        """The offsets of a vector's elements, which refer to texts or tables."""
        start, count = self._vector(table, slot, 4)
        return range(start, start + 4 * count, 4)

    def _vector(self, table: Table, slot: int, width: int) -> tuple[int, int]:
        """Offset of a vector's elements, and their number; `width` is the size of one in bytes."""
        offset = self._offset(table, slot)
        if not offset:
            return 0, 0
        start, count = table.Vector(offset), table.VectorLen(offset)
        if start + width * count > len(self._data):
            raise TocError("it is truncated")
        return start, count
