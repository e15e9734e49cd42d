"""The search for many expressions in many contents."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscope.analysis import marks
from layerscope.analysis.marks import Marks

EXPRESSIONS = ["ab", "b[0-9]{2}", "(?i)key"]
CONTENTS = st.lists(
    st.binary(max_size=3) | st.sampled_from([b"ab", b"xb12", b"KeY", b"b1", b"2 ab"])
)
SEARCH = Marks(EXPRESSIONS)


@given(CONTENTS)
def test_holders_are_the_contents_with_a_match(contents: list[bytes]) -> None:
    """A match never spans two contents."""
    expected = [
        number
        for number, content in enumerate(contents)
        if any(re.search(expression.encode(), content) for expression in EXPRESSIONS)
    ]
    assert SEARCH.holders(contents) == expected
    assert SEARCH.holders([memoryview(content) for content in contents]) == expected


@given(CONTENTS)
def test_places_are_the_ends_of_matches(contents: list[bytes]) -> None:
    """Each has the number of its expression."""
    content = b" ".join(contents)
    expected = {
        (start + found.end(), number)
        for number, expression in enumerate(EXPRESSIONS)
        for start in range(len(content))
        if (found := re.match(expression.encode(), content[start:]))
    }
    assert set(SEARCH.places(content)) == expected


def test_contents_after_too_many_matches_may_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search ends early, and contents that were not searched count as possible matches."""
    monkeypatch.setattr(marks, "_MAX_PLACES", 3)
    assert SEARCH.holders([b"-", b"ab", b"ab ab", b"-", b"ab"]) == [1, 2, 3, 4]
    assert len(SEARCH.places(b"ab" * 9)) == 3


@pytest.mark.parametrize("expression", ["ab", "b[0-9]{2}", "abcdefgh", "[a-z]{20}12"])
@pytest.mark.parametrize("more", [[], ["(?i)key"], ["b[0-9]{2}", "(?i)key"]], ids=len)
def test_a_match_is_found_at_every_offset(expression: str, more: list[str]) -> None:
    """Vector instructions process 16 to 64 bytes at once, and may fail at the edges."""
    search = Marks([expression, *more])
    mark = {"ab": b"ab", "b[0-9]{2}": b"b12", "abcdefgh": b"abcdefgh"}.get(
        expression, b"z" * 20 + b"12"
    )
    for before in range(140):
        for after in (0, 1, 15, 16, 17, 31, 33, 63, 65):
            content = b"." * before + mark + b"." * after
            assert (before + len(mark), 0) in search.places(content), (before, after)
