"""Packed values and arrays are restored exactly, or refused."""

from __future__ import annotations

import pickle
from enum import Enum
from typing import Any, TypeVar

import numpy as np
import pytest
from msgspec import Struct
from numpy.typing import NDArray
from typing_extensions import TypeAliasType

from layerscope.layers.packing import (
    DamagedEntryError,
    Packed,
    pack,
    pack_fields,
    table_parts,
    unpack,
    unpack_fields,
)
from layerscope.layers.strings import StringTable

TABLE = StringTable.of([b"", b"a", b"\xff\x00b", b"x" * 300])
ARRAYS: dict[str, NDArray[Any]] = {
    "empty": np.zeros(0, np.int64),
    "rows": np.arange(64, dtype=np.uint8).reshape(2, 32),
    "no-rows": np.zeros((0, 32), np.uint8),
    "flags": np.array([True, False, True]),
    "small": np.array([0, 1, 255], np.int64),
    "negative": np.array([-1, 0, 127], np.int32),
    "wide": np.array([-(2**63), 2**63 - 1, 0], np.int64),
    "above": np.array([-1, 2**31, 2**40], np.int64),
    "modes": np.array([0o7777, 0], np.uint16),
    "slices": np.arange(100, dtype=np.int64)[::-7],
    **table_parts("table", TABLE),
}
VALUES = {"number": 1 << 60, "text": "é\ud7ff", "none": None, "counts": [{"a": 1}, {}]}


def packed() -> NDArray[np.uint8]:
    """An entry with one array of each type."""
    return joined(Packed(VALUES, ARRAYS))


def joined(packed: Packed) -> NDArray[np.uint8]:
    """An entry as it is read from a file."""
    return np.frombuffer(b"".join(pack(packed)), np.uint8).copy()


def test_values_and_arrays_can_be_restored() -> None:
    """Arrays have the same type, shape and items."""
    restored = unpack(packed())
    assert restored.values == VALUES
    assert list(restored.arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert restored.arrays[name].dtype == array.dtype, name
        np.testing.assert_array_equal(restored.arrays[name], array, name)
    assert list(restored.table("table")) == list(TABLE)
    assert isinstance(restored.table("table").data, bytes)


def test_small_numbers_take_little_memory() -> None:
    """Columns of 64-bit numbers hardly ever need 64 bits."""
    assert len(joined(Packed({}, {"column": np.arange(10_000, dtype=np.int64) % 250}))) < 11_000


def test_any_damage_is_detected() -> None:
    """A bit is flipped, or the entry is truncated, at any position."""
    intact = packed()
    for position in range(len(intact)):
        damaged = intact.copy()
        damaged[position] ^= 1 << position % 8
        with pytest.raises(DamagedEntryError):
            unpack(damaged)
        with pytest.raises(DamagedEntryError):
            unpack(intact[:position])


@pytest.mark.parametrize(
    "foreign", [b"", b"\0" * 100, b"PK\x03\x04" * 40, pickle.dumps({"a": 1}), b"lyrscope" * 9]
)
def test_other_bytes_are_not_an_entry(foreign: bytes) -> None:
    """This includes files of other programs and empty ones."""
    with pytest.raises(DamagedEntryError):
        unpack(np.frombuffer(foreign, np.uint8))


class Colour(Enum):
    """An enum in a row."""

    RED = "red"


class Row(Struct, frozen=True):
    """A row."""

    name: str
    colour: Colour
    layer: int | None
    places: NDArray[np.int32]


_Scalar = TypeVar("_Scalar", bound=np.generic)
Numbers = TypeAliasType(
    "Numbers", np.ndarray[tuple[int], np.dtype[_Scalar]], type_params=(_Scalar,)
)
"""NDArray as defined where numpy can use a `type` statement."""


class Inner(Struct, frozen=True):
    """A struct in another one."""

    numbers: NDArray[np.int64]
    aliased: Numbers[np.int64]
    names: StringTable


class Outer(Struct, frozen=True):
    """A field of each form."""

    count: int
    digest: str | None
    maps: dict[int, tuple[int, ...]]
    inner: Inner
    rows: tuple[Row, ...]
    some: NDArray[np.uint8] | None = None
    given: NDArray[np.int64] | None = None


def outer(rows: tuple[Row, ...], some: NDArray[np.uint8] | None = None) -> Outer:
    """A value with these rows."""
    return Outer(
        3, None, {7: (1, 2)}, Inner(np.arange(3), np.arange(4), TABLE), rows, some, np.arange(2)
    )


@pytest.mark.parametrize("some", [None, np.arange(3, dtype=np.uint8)])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_dataclass_can_be_restored(count: int, some: NDArray[np.uint8] | None) -> None:
    """Fields that were left out are passed again."""
    rows = tuple(
        Row(f"row {number}", Colour.RED, number or None, np.arange(number, dtype=np.int32))
        for number in range(count)
    )
    value = outer(rows, some)
    packed_again = unpack(joined(pack_fields(value, omit=["given"])))
    restored = unpack_fields(Outer, packed_again, given=value.given)
    assert (restored.count, restored.digest, restored.maps) == (3, None, {7: (1, 2)})
    np.testing.assert_array_equal(restored.inner.numbers, value.inner.numbers)
    np.testing.assert_array_equal(restored.inner.aliased, value.inner.aliased)
    assert list(restored.inner.names) == list(TABLE)
    assert (restored.some is None) == (some is None)
    assert len(restored.rows) == count
    for one, other in zip(restored.rows, rows, strict=True):
        assert (one.name, one.colour, one.layer) == (other.name, other.colour, other.layer)
        np.testing.assert_array_equal(one.places, other.places)


@pytest.mark.parametrize("broken", ["count", "inner.numbers", "rows.name", "rows.places#"])
def test_a_missing_value_is_an_error(broken: str) -> None:
    """An entry that lacks a value raises KeyError."""
    packed = pack_fields(outer((Row("a", Colour.RED, 1, np.zeros(2, np.int32)),)))
    values = {name: value for name, value in packed.values.items() if name != broken}
    arrays = {name: value for name, value in packed.arrays.items() if name != broken}
    with pytest.raises(KeyError):
        unpack_fields(Outer, Packed(values, arrays))


@pytest.mark.parametrize("wrong", ["three", None, [], {"a": 1}])
def test_a_value_of_another_type_is_an_error(wrong: object) -> None:
    """Types are checked when restoring."""
    packed = pack_fields(outer(()))
    with pytest.raises(ValueError, match="int"):
        unpack_fields(Outer, Packed({**packed.values, "count": wrong}, packed.arrays))
