"""zTOC: the table of contents that SOCI keeps beside a layer, with the entries of its tar, but without digests of contents.

Source: soci-snapshotter, ztoc/fbs/ztoc.fbs and ztoc/toc_builder.go. Its checkpoints, from which a gzip stream can be read on,
begin within a byte, which Python's zlib cannot (`inflatePrime`): contents are read from the layer.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator

from flatbuffers import encode, number_types, packer
from flatbuffers.table import Table

from layerscope.layers.blob import Blob
from layerscope.layers.index import LayerIndex
from layerscope.layers.toc.document import TocError, too_long
from layerscope.layers.toc.entries import ENTRY_COST, MEMBER_COST, Entry, index_of_entries
from layerscope.limits import Limits

# Slots of the fields in the tables of the schema.
_ZTOC_SIZE, _ZTOC_TOC = 2, 4
_TOC_METADATA = 0
_NAME, _TYPE, _SIZE, _LINK, _MODE, _UID, _GID = 0, 1, 3, 4, 5, 6, 7
_TIME, _MAJOR, _MINOR, _XATTRS = 10, 11, 12, 13
_KEY, _VALUE = 0, 1
_PAX_XATTR = "SCHILY.xattr."
_NUMBERS = number_types.Int64Flags
_UNSIGNED = number_types.Uint32Flags
_LARGEST = (1 << 63) - 1


def index_of_ztoc(data: bytes, blob: Blob, limits: Limits) -> LayerIndex:
    """The index of a layer according to its zTOC. Raises `TocError`, `LimitExceededError`."""
    if len(data) > limits.toc_bytes:
        raise too_long(len(data), limits)
    try:
        return index_of_entries(list(_Reader(data, limits).entries(blob.size)), blob, limits)
    except (struct.error, IndexError, ValueError, TypeError, OverflowError) as error:
        raise TocError(f"it cannot be read ({error})") from error


class _Reader:
    """Reads the entries of a zTOC. The library follows any offset, so that all bytes taken are counted."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._data = data
        self._limits = limits
        self._cost = 0

    def entries(self, size: int) -> Iterator[Entry]:
        """The entries. Raises what reading beyond the end raises, `TocError` and `LimitExceededError`."""
        root = Table(self._data, encode.Get(packer.uoffset, self._data, 0))
        if self._number(root, _ZTOC_SIZE) != size:
            raise TocError("it is that of another layer")
        toc = self._table(root, _ZTOC_TOC)
        for entry in () if toc is None else self._tables(toc, _TOC_METADATA):
            self._spend(ENTRY_COST)
            kind = self._text(entry, _TYPE)
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

    def _xattrs(self, entry: Table) -> dict[str, str | None]:
        """Extended attributes among the PAX records, as tables in JSON have them."""
        found: dict[str, str | None] = {}
        for record in self._tables(entry, _XATTRS):
            self._spend(MEMBER_COST)
            key = self._text(record, _KEY)
            if key.startswith(_PAX_XATTR):
                value = self._text(record, _VALUE).encode(errors="surrogateescape")
                found[key.removeprefix(_PAX_XATTR)] = base64.b64encode(value).decode()
        return found

    def _spend(self, count: int) -> None:
        self._cost += count
        if self._cost > self._limits.metadata_bytes:
            raise self._limits.exceeded("metadata_bytes", "the table of contents")

    @staticmethod
    def _offset(table: Table, slot: int) -> int:
        """Where a field is, from the start of its table; 0 if it is missing."""
        return int(table.Offset(4 + 2 * slot))

    def _number(self, table: Table, slot: int, flags: type = _NUMBERS) -> int:
        offset = self._offset(table, slot)
        return int(table.Get(flags, table.Pos + offset)) if offset else 0

    def _text(self, table: Table, slot: int) -> str:
        offset = self._offset(table, slot)
        if not offset:
            return ""
        data = bytes(table.String(table.Pos + offset))
        self._spend(len(data))
        return data.decode(errors="surrogateescape")

    def _table(self, table: Table, slot: int) -> Table | None:
        offset = self._offset(table, slot)
        return Table(self._data, table.Indirect(table.Pos + offset)) if offset else None

    def _tables(self, table: Table, slot: int) -> Iterator[Table]:
        """The tables of a vector."""
        offset = self._offset(table, slot)
        if not offset:
            return
        start, count = table.Vector(offset), table.VectorLen(offset)
        if start + 4 * count > len(self._data):
            raise TocError("it is truncated")
        for number in range(count):
            yield Table(self._data, table.Indirect(start + 4 * number))
