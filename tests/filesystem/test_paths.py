"""Paths of an image, one by one and many at once."""

from __future__ import annotations

import numpy as np

from tests.filesystem.stacking import stack
from tests.strategies import random_layers


def test_many_paths_are_put_together_as_one() -> None:
    """In any order, with the root among them, and none at all."""
    for seed in range(50):
        table = stack(random_layers(seed, wild=True)).filesystem.table
        paths = np.arange(len(table), dtype=np.int32)[::-1]
        assert list(table.fulls(paths)) == [table.full(path) for path in paths.tolist()]
        assert list(table.fulls(paths[:0])) == []
