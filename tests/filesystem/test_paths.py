"""Paths of an image, one by one and many at once."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence

import numpy as np
import pytest

from layerscope.errors import LimitExceededError
from layerscope.filesystem.paths import PathTable
from layerscope.layers.strings import StringTable
from layerscope.limits import Limits
from tests import naive
from tests.filesystem.stacking import stack
from tests.images import file
from tests.strategies import random_layers


def test_many_paths_equal_single_ones() -> None:
    """Paths may be in any order and include the root; an empty list works, too."""
    for seed in range(50):
        table = stack(random_layers(seed, wild=True)).filesystem.table
        paths = np.arange(len(table), dtype=np.int32)[::-1]
        assert list(table.full_paths(paths)) == [table.full(path) for path in paths.tolist()]
        assert list(table.full_paths(paths[:0])) == []
        assert table.lengths()[paths].tolist() == [len(full) for full in table.full_paths(paths)]


DEPTH = 1000


def _chain(*names: bytes) -> PathTable:
    """The paths of these files and their implicit directories."""
    return stack([[file(name) for name in names]]).filesystem.table


def test_nested_directories_take_linear_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Twice the depth needs twice as many lookups of names, not four times."""
    looked_up: list[int] = []
    get = StringTable.__getitem__

    def counting(table: StringTable, index: int) -> bytes:
        looked_up.append(index)
        return get(table, index)

    monkeypatch.setattr(StringTable, "__getitem__", counting)
    for depth in (DEPTH, 2 * DEPTH):
        table = _chain(b"/".join([b"directory"] * depth))
        looked_up.clear()
        for full in table.full_paths(np.arange(len(table), dtype=np.int32)):
            assert len(full) < 10 * depth
        assert len(looked_up) <= 2 * depth


def test_cached_directory_paths_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with their total length."""
    monkeypatch.setattr("layerscope.filesystem.paths.CACHED_PREFIX_BYTES", 1 << 17)
    table = _chain(b"/".join([b"directory"] * DEPTH))
    tracemalloc.start()
    try:
        total = sum(map(len, table.full_paths(np.arange(len(table), dtype=np.int32))))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert total == int(table.lengths().sum()) > 4 << 20


def test_a_long_list_exceeds_the_limit() -> None:
    """A few deep names are enough for that."""
    table = _chain(b"a/b/c", b"x")
    paths = np.arange(len(table), dtype=np.int32)
    table.check_listing(paths, Limits(listing_bytes=10), "the image")
    with pytest.raises(
        LimitExceededError, match=r"the image: limit listing_bytes exceeded: 10 found, 9 allowed"
    ) as caught:
        table.check_listing(paths, Limits(listing_bytes=9), "the image")
    assert "--limit listing_bytes=" in str(caught.value.hint)


@pytest.mark.parametrize("depths", [(5, 3, 4), (1, 1, 1), (30, 30, 2)])
def test_directories_that_end_at_different_depths_are_in_pre_order(depths: Sequence[int]) -> None:
    """Each subtree is a slice of paths."""
    names = [b"%d/" % number + b"d/" * depth + b"f" for number, depth in enumerate(depths)]
    table = _chain(*names)
    full_paths = list(table.full_paths(np.arange(len(table), dtype=np.int32)))
    assert full_paths[1:] == naive.in_path_order(full_paths[1:])
    for path, full in enumerate(full_paths):
        below = [each for each in full_paths if each.startswith(full + b"/" if full else b"")]
        assert int(table.ends[path]) - path == len(below) + bool(full)
