"""The position of a path among the copies of its content."""

from __future__ import annotations

import random

from layerscope.analysis.duplicates import CopyIndex, Duplicate


def test_every_copy_is_found_at_its_place() -> None:
    """Copies are numbered in path order; other files have no number."""
    rng = random.Random(7)
    paths = rng.sample(range(10_000), 900)
    groups = [sorted(paths[start : start + size]) for start, size in ((0, 2), (2, 500), (502, 300))]
    duplicates = [Duplicate(10, "sha256:0", tuple(group)) for group in groups]
    copies = CopyIndex(duplicates)
    for duplicate in duplicates:
        for place, path in enumerate(duplicate.paths):
            assert copies.of(path) == (place, duplicate)
    for path in paths[802:]:
        assert copies.of(path) is None
    assert copies.of(10_001) is None


def test_an_image_without_duplicates_has_no_copies() -> None:
    """An empty index finds nothing."""
    assert CopyIndex([]).of(0) is None
