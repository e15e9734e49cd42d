"""The values of columns: integers in the smallest type that holds them, and enums.

Most columns of a million entries are mostly zeros.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.integer[Any]]
"""Integers of any width: for comparing and indexing. Widen them before arithmetic."""


class Code(IntEnum):
    """A base of enums whose members are compared with columns.

    numpy looks these attributes up for each operand, and in Python 3.11 an enum takes longer to miss one than a small layer's
    column takes to compare.
    """

    __array_ufunc__ = np.ndarray.__array_ufunc__
    __array_function__ = np.ndarray.__array_function__


def narrow(array: Integers) -> Integers:
    """The same values in the smallest type that holds all of them."""
    return array.astype(narrowest(array), copy=False)


def narrowest(array: NDArray[Any]) -> np.dtype[Any]:
    """The smallest type that holds all items of an array."""
    if array.dtype.kind not in "iu" or array.dtype.itemsize == 1 or not array.size:
        return array.dtype
    smallest = np.result_type(
        np.min_scalar_type(int(array.min())), np.min_scalar_type(int(array.max()))
    )
    return smallest if smallest.itemsize < array.dtype.itemsize else array.dtype
