"""Disk usage after a layer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscope.filesystem.model import Filesystem
from layerscope.filesystem.usage import Usage, largest
from tests.filesystem.stacking import stack
from tests.images import directory, file, hardlink, whiteout

LAYERS = [
    [
        file("usr/lib/a", b"1" * 700),
        file("usr/lib/b", b"2" * 100),
        file("etc/c", b"3" * 50),
        directory("empty"),
    ],
    [file("usr/lib/d", b"4" * 900), hardlink("usr/z", "usr/lib/d"), file("usr/x/y", b"5" * 10)],
    [whiteout("usr/lib/a"), file("etc/c", b"6" * 60)],
]


@pytest.fixture
def filesystem() -> Filesystem:
    return stack(LAYERS).filesystem


def _path(filesystem: Filesystem, name: bytes) -> int:
    path = filesystem.table.find(name)
    assert path is not None
    return path


def test_sizes_are_as_of_the_layer(filesystem: Filesystem) -> None:
    """What a later layer removes or adds does not count; a hard link counts once."""
    sizes = [
        [int(Usage.of(filesystem, layer).bytes[_path(filesystem, name)]) for layer in (-1, 0, 1, 2)]
        for name in (b"", b"usr/lib", b"usr", b"etc")
    ]
    assert sizes == [
        [0, 850, 1760, 1070],
        [0, 800, 1700, 1000],
        [0, 800, 1710, 1010],
        [0, 50, 50, 60],
    ]


def test_a_directory_belongs_to_the_layer_with_most_of_its_bytes(filesystem: Filesystem) -> None:
    """A directory without bytes belongs to the layer that created it."""
    usage = Usage.of(filesystem, 2)
    assert usage.by_layer(0).tolist() == [100, 910, 60]
    holders = {
        name: usage.main_layer(_path(filesystem, name))
        for name in (b"usr", b"usr/lib", b"usr/lib/b", b"etc", b"empty")
    }
    assert holders == {b"usr": 1, b"usr/lib": 1, b"usr/lib/b": 0, b"etc": 2, b"empty": 0}


def test_children_are_visible_paths(filesystem: Filesystem) -> None:
    """Removed files and files of later layers are left out."""
    usage = Usage.of(filesystem, 2)
    lib = _path(filesystem, b"usr/lib")
    names = [filesystem.table.name(int(path)) for path in usage.children(lib)]
    assert names == [b"b", b"d"]
    before = Usage.of(filesystem, 0)
    assert [filesystem.table.name(int(path)) for path in before.children(lib)] == [b"a", b"b"]


@given(st.lists(st.integers(0, 5), max_size=40), st.integers(0, 45))
def test_the_largest_match_a_full_sort(sizes: list[int], count: int) -> None:
    """Equal sizes keep their order."""
    expected = sorted(range(len(sizes)), key=lambda place: -sizes[place])[:count]
    assert largest(np.array(sizes, np.int64), count).tolist() == expected
