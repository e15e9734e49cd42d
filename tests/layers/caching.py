"""Files that are old enough to be cached, and comparison of indexes."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from layerscope.layers.file_identity import file_identity
from layerscope.layers.index import Columns, LayerIndex
from layerscope.layers.names import PathTree
from layerscope.layers.strings import StringTable
from tests.images import write


def settled(path: Path, data: bytes | None = None) -> Path:
    """Write `data` to a file, if given, and wait until a later change will be visible in its times."""
    if data is not None:
        write(path, data)
    while file_identity(path.stat()) is None:
        time.sleep(0.005)
    return path


def assert_same_index(one: LayerIndex, other: LayerIndex) -> None:
    """Assert that every field, array and table is equal and of the same type."""
    for name in LayerIndex.__struct_fields__:
        assert_same(getattr(one, name), getattr(other, name), name)


def assert_same(one: object, other: object, where: str) -> None:
    """Assert that both are equal, including types of arrays."""
    assert type(one) is type(other), where
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape), where
        np.testing.assert_array_equal(one, other, where)
    elif isinstance(one, StringTable) and isinstance(other, StringTable):
        assert list(one) == list(other), where
    elif isinstance(one, (Columns, PathTree)):
        for name in one.__struct_fields__:
            assert_same(getattr(one, name), getattr(other, name), f"{where}.{name}")
    else:
        assert one == other, where
