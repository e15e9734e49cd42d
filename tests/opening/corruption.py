"""Corrupts files of `layerscope save`: arrays and values that no image has, with a valid checksum."""

from __future__ import annotations

import io
import random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layerscope.layers.packing import Packed
from layerscope.layers.saved_file import write_saved

NUMBERS = (-(2**63), -(2**31), -2, -1, 0, 1, 2, 3, 7, 255, 256, 2**31 - 1, 2**31, 2**62, 2**63 - 1)
"""Numbers that are likely to be out of range."""
TEXTS = ("", "\x1b]0;owned\x07", "\ud800", "../../etc/passwd", "x" * 5000, "<script>", "sha256:")
TYPES = ("|b1", "|i1", "|u1", "<i2", "<u4", "<i4", "<i8", "<u8")


def saved_bytes(packed: Packed) -> bytes:
    """The bytes of a saved file."""
    stream = io.BytesIO()
    write_saved(stream, packed)
    return stream.getvalue()


def corrupt(packed: Packed, rng: random.Random) -> tuple[str, Packed]:
    """The name of a value or array, and the file with a change in it."""
    values, arrays = dict(packed.values), dict(packed.arrays)
    name = rng.choice([*values, *arrays, *arrays])
    if name in arrays:
        changed = _changed_array(arrays.pop(name), rng)
        if changed is not None:
            arrays[name] = changed
    elif rng.random() < 0.1:
        del values[name]
    else:
        values[name] = _changed(values[name], rng)
    return name, Packed(values, arrays)


def _changed_array(array: NDArray[Any], rng: random.Random) -> NDArray[Any] | None:
    array = array.copy()
    kind = rng.randrange(8)
    if kind == 0:
        return None
    if kind == 1:
        return array[: rng.randrange(len(array) + 1)]
    if kind == 2:
        return np.concatenate([array, array])
    if kind == 3:
        return array.astype(rng.choice(TYPES))
    if kind == 4:
        return array.reshape(1, *array.shape)
    if kind == 5:
        return array[::-1].copy()
    if array.size:
        info = None if array.dtype.kind == "b" else np.iinfo(array.dtype)
        for _ in range(rng.choice((1, 1, 3))):
            number = rng.choice((*NUMBERS, len(array), len(array) - 1, rng.randrange(len(array))))
            number = number if info is None else max(int(info.min), min(int(info.max), number))
            array.reshape(-1)[rng.randrange(array.size)] = number
    return array


def _changed(value: Any, rng: random.Random) -> Any:
    """A document with one change."""
    if isinstance(value, list) and value and rng.random() < 0.8:
        at = rng.randrange(len(value))
        if rng.random() < 0.2:
            return [*value[:at], *value[at + 1 :]]
        return [*value[:at], _changed(value[at], rng), *value[at + 1 :]]
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = rng.choice(list(value))
        return {**value, key: _changed(value[key], rng)}
    others: list[Any] = [None, True, [], {}, [[]], rng.choice(TEXTS), rng.choice(NUMBERS), 1.5]
    same_type = [one for one in others if type(one) is type(value)]
    return rng.choice(same_type) if same_type and rng.random() < 0.7 else rng.choice(others)
