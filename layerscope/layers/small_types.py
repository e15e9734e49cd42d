"""Stores integers in the smallest type that holds them: most columns of a million entries are mostly zeros."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.integer[Any]]
"""Integers of any width: for comparing and indexing. Widen them before arithmetic."""


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
