"""The format of cache entries: small values and arrays as bytes with a checksum.

`pack_fields` turns a struct into values and arrays by the types of its fields; `unpack_fields` restores it.

The format: 8 bytes of magic number and 4 of checksum; the length of a JSON document; the document, with the values and the
name, types and shape of each array; the arrays, each at a multiple of 64 bytes. None of it is executable.
"""

from __future__ import annotations

import json
import os
import re
import struct
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import Enum, auto
from io import FileIO
from itertools import pairwise
from math import prod
from mmap import ACCESS_COPY, MADV_DONTNEED, mmap
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin

import msgspec
import numpy as np
from isal import isal_zlib
from msgspec import Struct, structs
from numpy.typing import NDArray

from layerscope.layers.small_types import narrowest
from layerscope.layers.strings import StringTable

_T = TypeVar("_T")

_MAGIC = b"lyrscope"
_ALIGNMENT = 64
_START = struct.Struct("<8sII")
"""Magic number, checksum of everything after it, length of the document in bytes."""
_CHECKSUM_START = 12
"""Offset of the bytes covered by the checksum."""
_TYPE = re.compile(r"[<|][iub][1248]")
_REQUIRED = object()
"""The default of fields that every entry must have."""
_ANY = b" "
"""Prefix of a document with values that msgspec cannot write."""


SAVED = b"layerscope saved\n"
"""The first bytes of files that `saved_file.py` writes; here so that other files need not import it."""
MAPPED = 1 << 20
"""Size in bytes from which an entry is mapped instead of read."""


def is_saved(head: bytes) -> bool:
    """Whether a file that starts with these bytes was written by `saved_file.py`, in any format."""
    return head.startswith(SAVED)


class DamagedEntryError(Exception):
    """The bytes are not a valid result of `pack`."""


class TooLargeError(DamagedEntryError):
    """The arrays would take more memory than allowed."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size
        """Their size in bytes."""


class _Part(msgspec.Struct, array_like=True):
    """An array: name, type, the smaller type used for storage, and shape."""

    name: str
    dtype: str
    stored: str
    shape: tuple[int, ...]


class _Document(msgspec.Struct, array_like=True):
    values: dict[str, Any]
    parts: list[_Part]


class Packed(Struct, frozen=True):
    """JSON values and arrays, by name."""

    values: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]

    def table(self, name: str) -> StringTable:
        """The string table packed by `table_parts`."""
        return StringTable(self.arrays[f"{name}.data"].tobytes(), self.arrays[f"{name}.offsets"])


class _Form(Enum):
    """How a field of a struct is packed."""

    VALUE = auto()
    """As JSON."""
    ARRAY = auto()
    STRINGS = auto()
    """A `StringTable`, as two arrays."""
    FIELDS = auto()
    """Another struct, field by field."""
    ROWS = auto()
    """A sequence of structs, column by column; arrays of all rows are joined."""


class _Field(Struct, frozen=True):
    name: str
    form: _Form
    type: Any
    """The struct for FIELDS and ROWS; otherwise the type itself."""
    optional: bool
    default: Any = _REQUIRED
    """Its value in entries that were written before it was added."""

    def mark(self, name: str) -> str:
        """The name of a value that every entry with this field has."""
        if self.optional:
            return f"{name}?"
        return f"{name}.#" if self.form is _Form.ROWS else name


_field_cache: dict[type, tuple[_Field, ...]] = {}


def _fields(kind: type[Any]) -> tuple[_Field, ...]:
    """The fields of a struct, with their forms."""
    if kind not in _field_cache:
        _field_cache[kind] = tuple(
            _with_default(_field(field.name, field.type), field) for field in structs.fields(kind)
        )
    return _field_cache[kind]


def _with_default(described: _Field, field: structs.FieldInfo) -> _Field:
    if described.form not in (_Form.VALUE, _Form.ROWS) and not described.optional:
        return described
    made = field.default_factory
    default = field.default if made is msgspec.NODEFAULT else made()
    return (
        described if default is msgspec.NODEFAULT else structs.replace(described, default=default)
    )


def _is_struct(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Struct)


def _field(name: str, hint: Any) -> _Field:
    alternatives = [part for part in get_args(hint) if part is not NoneType]
    optional = isinstance(hint, UnionType) and len(alternatives) == 1
    inner = alternatives[0] if optional else hint
    inner = getattr(inner, "__value__", inner)  # NDArray is a `type` alias since numpy 2.5
    origin, parts = get_origin(inner), get_args(inner)
    if origin is np.ndarray:
        return _Field(name, _Form.ARRAY, inner, optional)
    if inner is StringTable:
        return _Field(name, _Form.STRINGS, inner, optional)
    if _is_struct(inner):
        return _Field(name, _Form.FIELDS, inner, optional)
    if origin in (tuple, list) and parts and _is_struct(parts[0]):
        return _Field(name, _Form.ROWS, parts[0], optional)
    return _Field(name, _Form.VALUE, inner, optional)


def pack_fields(value: Any, prefix: str = "", *, omit: Collection[str] = ()) -> Packed:
    """Pack a struct as values and arrays, named `prefix` plus the field; fields in `omit` are left out.

    Packing the result raises OverflowError for numbers beyond 64 bits.
    """
    values: dict[str, Any] = {}
    arrays: dict[str, NDArray[Any]] = {}
    for field in _fields(type(value)):
        if field.name in omit:
            continue
        name, content = prefix + field.name, getattr(value, field.name)
        if field.optional:
            values[f"{name}?"] = content is not None
            if content is None:
                continue
        if field.form is _Form.VALUE:
            values[name] = msgspec.to_builtins(content, str_keys=True)
        elif field.form is _Form.ARRAY:
            arrays[name] = content
        elif field.form is _Form.STRINGS:
            arrays |= table_parts(name, content)
        else:
            pack = pack_fields if field.form is _Form.FIELDS else _pack_rows
            inner = pack(content, f"{name}.")
            values |= inner.values
            arrays |= inner.arrays
    return Packed(values, arrays)


def unpack_fields(kind: type[_T], packed: Packed, prefix: str = "", **given: Any) -> _T:
    """Restore a struct packed by `pack_fields`; `given` has the omitted fields. Fields that were added since have their
    defaults.

    Raises KeyError, TypeError or ValueError if the data does not fit.
    """
    values = dict(given)
    for field in _fields(kind):
        name = prefix + field.name
        if field.name in given:
            continue
        if field.default is not _REQUIRED and field.mark(name) not in packed.values:
            values[field.name] = field.default
        elif field.optional and not packed.values[f"{name}?"]:
            values[field.name] = None
        elif field.form is _Form.VALUE:
            values[field.name] = msgspec.convert(packed.values[name], field.type, str_keys=True)
        elif field.form is _Form.ARRAY:
            values[field.name] = packed.arrays[name]
        elif field.form is _Form.STRINGS:
            values[field.name] = packed.table(name)
        elif field.form is _Form.FIELDS:
            values[field.name] = unpack_fields(field.type, packed, f"{name}.")
        else:
            values[field.name] = tuple(_unpack_rows(field.type, packed, f"{name}."))
    return kind(**values)


def _pack_rows(rows: Sequence[Any], prefix: str) -> Packed:
    """Pack structs of one type column by column; their fields are values, arrays, or rows of values."""
    values: dict[str, Any] = {f"{prefix}#": len(rows)}
    arrays: dict[str, NDArray[Any]] = {}
    for field in _fields(type(rows[0])) if rows else ():
        name, column = prefix + field.name, [getattr(row, field.name) for row in rows]
        if field.form is _Form.ARRAY:
            arrays[name] = np.concatenate(column)
            arrays[f"{name}#"] = np.cumsum([0, *map(len, column)])
        else:
            values[name] = msgspec.to_builtins(column)
    return Packed(values, arrays)


def _unpack_rows(kind: type[_T], packed: Packed, prefix: str) -> Iterator[_T]:
    """Restore structs packed by `_pack_rows`."""
    count, columns = int(packed.values[f"{prefix}#"]), []
    for field in _fields(kind) if count else ():
        name = prefix + field.name
        if field.form is _Form.ARRAY:
            bounds = packed.arrays[f"{name}#"].tolist()
            columns.append([packed.arrays[name][start:end] for start, end in pairwise(bounds)])
        elif name not in packed.values and field.default is not _REQUIRED:
            columns.append([field.default] * count)
        else:
            hint = tuple[field.type, ...] if field.form is _Form.ROWS else field.type  # type: ignore[name-defined]
            hint = hint | None if field.optional else hint
            columns.append(msgspec.convert(packed.values[name], list[hint]))  # type: ignore[valid-type]
    if any(len(column) != count for column in columns):
        raise ValueError("columns differ in length")
    return (kind(*row) for row in zip(*columns, strict=True))


def table_parts(name: str, table: StringTable) -> dict[str, NDArray[Any]]:
    """A table of strings as arrays."""
    return {f"{name}.data": np.frombuffer(table.data, np.uint8), f"{name}.offsets": table.offsets}


def pack(packed: Packed, *, any_values: bool = False) -> list[bytes | memoryview]:
    """The bytes of `packed`, in pieces to be written one after another.

    Raises OverflowError for numbers beyond 64 bits and UnicodeError for lone surrogates, unless `any_values` are allowed.
    """
    parts, buffers = [], []
    for name, array in packed.arrays.items():
        stored = np.ascontiguousarray(array.astype(narrowest(array), copy=False))
        parts.append(_Part(name, array.dtype.str, stored.dtype.str, array.shape))
        buffers.append(stored.reshape(-1).view(np.uint8).data)
    document = _encode(_Document(dict(packed.values), parts), any_values)
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


def unpack(
    data: NDArray[np.uint8],
    *,
    at_most: int | None = None,
    check: Callable[[bytes], None] = lambda _: None,
) -> Packed:
    """Restore the argument of `pack`. Arrays may share the memory of `data`; `check` sees the document before it is decoded.

    Raises `DamagedEntryError`, and `TooLargeError` if all arrays together take more than `at_most` bytes.
    """
    view = data.data
    if len(view) < _START.size:
        raise DamagedEntryError
    magic, checksum, length = _START.unpack(view[: _START.size])
    if magic != _MAGIC or isal_zlib.crc32(view[_CHECKSUM_START:]) != checksum:
        raise DamagedEntryError
    encoded = view[_START.size : _START.size + length].tobytes()
    check(encoded)
    try:
        document = _decode(encoded)
        if at_most is not None and (size := _memory(document.parts)) > at_most:
            raise TooLargeError(size)
        arrays = dict(_arrays(data, document.parts, _START.size + length))
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError) as error:
        raise DamagedEntryError from error
    return Packed(document.values, arrays)


def read_packed(stream: FileIO) -> Packed:
    """The content of an entry. The arrays of a large one stay in the file, shared by all processes that read it, unless they
    are modified.

    Raises `DamagedEntryError` and OSError.
    """
    if os.fstat(stream.fileno()).st_size >= MAPPED:
        with suppress(
            OSError, ValueError
        ):  # for example, too many open files: each map keeps a descriptor
            mapped = mmap(stream.fileno(), 0, access=ACCESS_COPY)
            packed = unpack(np.frombuffer(mapped, np.uint8))
            if hasattr(mmap, "madvise"):
                mapped.madvise(MADV_DONTNEED)  # checking the checksum read all of it
            return packed
    return unpack(np.fromfile(stream, np.uint8))


def _encode(document: _Document, any_values: bool) -> bytes:
    try:
        return msgspec.json.encode(document)
    except (OverflowError, UnicodeError):
        if not any_values:
            raise
        return _ANY + json.dumps(msgspec.to_builtins(document)).encode()


def _decode(data: bytes) -> _Document:
    if data.startswith(_ANY):
        return msgspec.convert(json.loads(data), _Document)
    return msgspec.json.decode(data, type=_Document)


def _memory(parts: Sequence[_Part]) -> int:
    """Bytes that arrays take, which may be stored in smaller types."""
    return sum(max(prod(part.shape), 0) * int(part.dtype[2:] or 0) for part in parts)


def _arrays(
    data: NDArray[np.uint8], parts: Sequence[_Part], position: int
) -> Iterator[tuple[str, NDArray[Any]]]:
    """The consecutive arrays in `data` from `position`."""
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
