"""Patterns have the same meaning for single paths as for all paths of an image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscope.analysis.path_patterns import PathPatterns, PatternTable
from layerscope.filesystem.selector import Selector
from tests.filesystem.stacking import stack
from tests.images import file

COMPONENTS = ["a", "b", "a.b", "b.a", ".env", ".env.b", "ab", "etc", "x\n.b"]
PATHS = st.lists(st.sampled_from(COMPONENTS), min_size=1, max_size=4).map("/".join)
PATTERNS = [
    *("a", "*.b", ".env.*", "a*", "/etc/a", "/etc/*", "**/a/b", "**/a/*/b", "**/etc/*.b", "a*b"),
    *("*.a.b", "*nv", "**/a/*", "**/a/b/*", "**/*/b", ".e*.b"),
]


@given(st.sets(PATHS, min_size=1, max_size=8), st.sets(st.sampled_from(PATTERNS), min_size=1))
def test_a_path_matches_as_it_does_among_all_paths(paths: set[str], patterns: set[str]) -> None:
    """A path matches itself, or through a directory above it."""
    alone = PathPatterns(sorted(patterns))
    ordered = sorted(paths)
    table = stack([[file(path) for path in ordered]]).filesystem.table
    selector = Selector(table)
    found = np.zeros(len(table), bool)
    for pattern in patterns:
        found[selector.matches(pattern)] = True
    below = selector.select(patterns)
    for number in range(1, len(table)):
        path = table.full(number)
        assert alone.match(path) == found[number]
        assert alone.cover(path) == below[number]
        if found[number]:
            assert alone.may_match(path)
            assert alone.may_match(b"./" + path)
            assert alone.may_match(path.replace(b"/", b"//"))
        first = PatternTable(([pattern], pattern) for pattern in sorted(patterns)).first(path)
        fits = [each for each in sorted(patterns) if PathPatterns([each]).match(path)]
        assert first == (fits[0] if fits else None)


@pytest.mark.parametrize("pattern", ["*a*", "**/*/*", "*"])
def test_a_pattern_without_a_quick_test_is_rejected(pattern: str) -> None:
    """It would be missed otherwise."""
    with pytest.raises(ValueError, match="wildcard"):
        PathPatterns([pattern]).may_match(b"a")
