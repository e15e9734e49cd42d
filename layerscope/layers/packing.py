"""Arrays and small values as one run of bytes that is checked before it is believed: what cache entries hold.

Twelve bytes of magic number and checksum; then the length of a JSON document, the document (values, and name, types and shape
of each array), and the arrays, each at a multiple of 64. Nothing in it can be executed.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import msgspec
import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from layerscope.layers.small_types import narrowest
from layerscope.layers.strings import StringTable

_MAGIC = b"lyrscope"
_ALIGNMENT = 64
_START = struct.Struct("<8sII")
"""Magic number, checksum of all that follows it, length of the document."""
_CHECKED = 12
"""Where the bytes begin that the checksum covers."""
_TYPE = re.compile(r"[<|][iub][1248]")


class DamagedEntryError(Exception):
    """Bytes that are not what `pack` wrote."""


class _Part(msgspec.Struct, array_like=True):
    """One array: its name, type, the smaller type it is stored in, and its shape."""

    name: str
    dtype: str
    stored: str
    shape: tuple[int, ...]


class _Document(msgspec.Struct, array_like=True):
    values: dict[str, Any]
    parts: list[_Part]


@dataclass(frozen=True, slots=True)
class Packed:
    """Values that JSON can hold, and arrays, by name."""

    values: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]

    def table(self, name: str) -> StringTable:
        """The strings that `table_parts` took apart."""
        return StringTable(self.arrays[f"{name}.data"].tobytes(), self.arrays[f"{name}.offsets"])


def table_parts(name: str, table: StringTable) -> dict[str, NDArray[Any]]:
    """A table of strings as arrays."""
    return {f"{name}.data": np.frombuffer(table.data, np.uint8), f"{name}.offsets": table.offsets}


def pack(packed: Packed) -> list[bytes | memoryview]:
    """The bytes of `packed`, in pieces to be written one after another."""
    parts, buffers = [], []
    for name, array in packed.arrays.items():
        stored = np.ascontiguousarray(array.astype(narrowest(array), copy=False))
        parts.append(_Part(name, array.dtype.str, stored.dtype.str, array.shape))
        buffers.append(stored.reshape(-1).view(np.uint8).data)
    document = msgspec.json.encode(_Document(dict(packed.values), parts))
    pieces: list[bytes | memoryview] = [struct.pack("<I", len(document)), document]
    position = _START.size + len(document)
    for buffer in buffers:
        padding = -position % _ALIGNMENT
        pieces += (bytes(padding), buffer)
        position += padding + len(buffer)
    checksum = 0
    for piece in pieces:
        checksum = isal_zlib.crc32(piece, checksum)
    return [_MAGIC + struct.pack("<I", checksum), *pieces]


def unpack(data: NDArray[np.uint8]) -> Packed:
    """What `pack` was given. Arrays may lie in `data`. Raises `DamagedEntryError`."""
    view = data.data
    if len(view) < _START.size:
        raise DamagedEntryError
    magic, checksum, length = _START.unpack(view[: _START.size])
    if magic != _MAGIC or isal_zlib.crc32(view[_CHECKED:]) != checksum:
        raise DamagedEntryError
    try:
        document = msgspec.json.decode(
            view[_START.size : _START.size + length].tobytes(), type=_Document
        )
        arrays = dict(_arrays(data, document.parts, _START.size + length))
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise DamagedEntryError from error
    return Packed(document.values, arrays)


def _arrays(
    data: NDArray[np.uint8], parts: Sequence[_Part], position: int
) -> Iterator[tuple[str, NDArray[Any]]]:
    """The arrays that stand one after another in `data` from `position`."""
    for part in parts:
        if not (_TYPE.fullmatch(part.dtype) and _TYPE.fullmatch(part.stored)):
            raise DamagedEntryError
        position += -position % _ALIGNMENT
        count = prod(part.shape)
        stored = np.dtype(part.stored)
        end = position + count * stored.itemsize
        if min(part.shape, default=0) < 0 or end > len(data):
            raise DamagedEntryError
        array = data[position:end].view(stored).reshape(part.shape)
        yield part.name, array.astype(part.dtype, copy=False)
        position = end
