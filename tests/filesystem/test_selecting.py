"""Patterns that mean places: the same paths as the filter finds, only faster."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from layerscope.filesystem.matching import PathTexts
from layerscope.filesystem.selecting import Selector
from layerscope.filesystem.siblings import Siblings
from tests.filesystem.stacking import stack
from tests.images import file
from tests.strategies import Layers, wild_layers

PATTERNS = (
    "a",
    "a/b",
    "/a",
    "/a/*",
    "**/a",
    "a/**",
    "a/**/a",
    "*",
    "[ab]",
    "/*/b",
    "b/?",
    "nobody",
)


@given(layers=wild_layers())
def test_every_pattern_means_what_it_means_to_the_filter(layers: Layers) -> None:
    """On random trees, both roads find the same paths."""
    table = stack(layers).filesystem.table
    texts = PathTexts(table, Siblings(table))
    selector = Selector(table)
    for pattern in PATTERNS:
        expected = np.flatnonzero(texts.glob(pattern)).tolist()
        assert selector.matches(pattern).tolist() == expected, pattern
        below = texts.below(texts.glob(pattern))
        assert np.array_equal(selector.select([pattern]), below), pattern


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/root/.cache/pip", ["root/.cache/pip"]),
        ("/root/.cache/pip/**", ["root/.cache/pip/http", "root/.cache/pip/http/1"]),
        (".cache", ["root/.cache", "srv/root/.cache"]),
        ("/*/.cache", ["root/.cache"]),
        ("*.pyc", ["srv/x.pyc"]),
        ("/srv/**/.cache", ["srv/root/.cache"]),
    ],
)
def test_patterns_read_as_in_gitignore(pattern: str, expected: list[str]) -> None:
    """A name anywhere, a path from the root, stars within a component, two stars across."""
    table = stack(
        [[file("root/.cache/pip/http/1"), file("srv/root/.cache/x"), file("srv/x.pyc")]]
    ).filesystem.table
    found = [table.full(path).decode() for path in Selector(table).matches(pattern).tolist()]
    assert found == expected
