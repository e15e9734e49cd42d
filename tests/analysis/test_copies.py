"""Duplicates as columns, and the position of a path among the copies of its content."""

from __future__ import annotations

import random

import numpy as np
import pytest

from layerscope.analysis.duplicates import NO_DUPLICATES, CopyIndex, Duplicate, Duplicates

THREE = [(70, (4, 9)), (30, (1, 2, 7)), (5, (3, 8))]
"""Bytes and paths of three duplicates."""


def digest_of(number: int) -> str:
    """A digest."""
    return "sha256:" + f"{number:02x}" * 32


def records() -> list[Duplicate]:
    """The three duplicates."""
    return [Duplicate(size, digest_of(at), paths) for at, (size, paths) in enumerate(THREE)]


def test_every_row_and_every_slice_is_that_of_a_list() -> None:
    plain, columns = records(), Duplicates.of(records())
    assert list(columns) == plain
    assert columns[-1] == plain[-1]
    for start in range(-4, 5):
        for stop in range(-4, 5):
            assert list(columns[start:stop]) == plain[start:stop], (start, stop)
    with pytest.raises(IndexError):
        columns[3]
    assert columns.saving == sum(duplicate.saving for duplicate in plain) == 135
    assert columns.groups.tolist() == [0, 0, 1, 1, 1, 2, 2]
    assert (len(NO_DUPLICATES), NO_DUPLICATES.saving, bool(NO_DUPLICATES)) == (0, 0, False)


@pytest.mark.parametrize(
    ("left_out", "expected"),
    [
        ({}, THREE),
        ({9}, THREE[1:]),
        ({2}, [THREE[0], (30, (1, 7)), THREE[2]]),
        ({4, 9, 1, 7, 8}, []),
    ],
)
def test_only_contents_with_two_paths_are_kept(
    left_out: set[int], expected: list[tuple[int, tuple[int, ...]]]
) -> None:
    columns = Duplicates.of(records())
    kept = columns.only(~np.isin(columns.paths, list(left_out)))
    assert [(each.bytes, each.paths) for each in kept] == expected
    assert len(NO_DUPLICATES.only(np.zeros(0, bool))) == 0


def test_every_copy_is_found_at_its_place() -> None:
    """Copies are numbered in path order; other files have no number."""
    rng = random.Random(7)
    paths = rng.sample(range(10_000), 900)
    groups = [sorted(paths[start : start + size]) for start, size in ((0, 2), (2, 500), (502, 300))]
    duplicates = Duplicates.of([Duplicate(10, digest_of(0), tuple(group)) for group in groups])
    copies = CopyIndex(duplicates)
    for duplicate in duplicates:
        for place, path in enumerate(duplicate.paths):
            assert copies.of(path) == (place, duplicate)
    for path in paths[802:]:
        assert copies.of(path) is None
    assert copies.of(10_001) is None


def test_an_image_without_duplicates_has_no_copies() -> None:
    """An empty index finds nothing."""
    assert CopyIndex(NO_DUPLICATES).of(0) is None
