"""Orders of whole columns: sorting packed integers is far quicker than finding an order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.int32] | NDArray[np.int64]

WORD = 63
"""Bits of the integers that values and places are packed into."""


def stable_order(values: Column) -> NDArray[np.int64]:
    """The order of values of which none is negative, equal ones as they come."""
    width = len(values).bit_length()
    if bits(values) + width > WORD:
        return np.argsort(values, kind="stable")
    packed = values.astype(np.int64) << width | np.arange(len(values))
    packed.sort()
    return packed & ((1 << width) - 1)


def order_by(*columns: Column) -> NDArray[np.int64]:
    """The order by several columns without negative values, of which the first counts most; equal ones as they come."""
    order = np.arange(len(columns[0]))
    for column in reversed(columns):
        order = order[stable_order(column[order])]
    return order


def edges(values: Column) -> NDArray[np.bool_]:
    """Where a value differs from the one before it; the first always does."""
    out = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=out[1:])
    return out


def bits(values: Column) -> int:
    """How many bits the largest of these values needs."""
    return int(values.max(initial=0)).bit_length()
