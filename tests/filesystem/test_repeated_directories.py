"""A directory listed twice in a layer: the first entry takes effect before the entries in between."""

from __future__ import annotations

import random

import pytest

from tests import naive
from tests.filesystem.stacking import assert_equals_naive, stack
from tests.images import Member, directory, file, hardlink, symlink

CASES = {
    "parent replaced before a link": [
        [file("b", b"y")],
        [directory("b/a"), hardlink("c", "b"), directory("b/a")],
    ],
    "file replaced before a link": [
        [file("b", b"y")],
        [directory("b"), hardlink("c", "b"), directory("b")],
    ],
    "between two files of one name": [
        [file("a", b"zz", mtime=7), directory("a/a.b"), file("a", b"zz"), directory("a/a.b")]
    ],
    "metadata of the last": [
        [directory("d", mode=0o700), file("d/f", b"1"), directory("d", mode=0o755)]
    ],
}


@pytest.mark.parametrize("one_by_one", [False, True], ids=["vector", "one-by-one"])
@pytest.mark.parametrize("layers", CASES.values(), ids=CASES)
def test_repeated_directories(layers: list[list[Member]], one_by_one: bool) -> None:
    """Accounting and trees equal those of the naive model."""
    assert_equals_naive(layers, stack(layers, one_by_one=one_by_one), naive.measure(layers))


def test_many_images_with_repeated_directories() -> None:
    """Random images with few names list directories repeatedly, between links and files."""
    names = ["a", "a/b", "b"]
    for seed in range(600):
        rng = random.Random(seed)

        def entry(rng: random.Random = rng) -> Member:
            name = rng.choice(names)
            kind = rng.randrange(6)
            if kind < 3:
                return directory(name, mode=rng.choice([0o755, 0o700]))
            if kind == 3:
                return hardlink(name, rng.choice(names))
            return file(name, rng.choice([b"x", b"yy"])) if kind == 4 else symlink(name, "a")

        layers = [[entry() for _ in range(rng.randrange(1, 7))] for _ in range(rng.randrange(1, 4))]
        for one_by_one in (False, True):
            try:
                assert_equals_naive(
                    layers, stack(layers, one_by_one=one_by_one), naive.measure(layers)
                )
            except AssertionError as error:
                raise AssertionError(f"seed {seed}, one_by_one={one_by_one}: {error}") from error
