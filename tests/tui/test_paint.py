"""Painting of rows: words keep their letters, and lines their width."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from layerscope.text import cells
from layerscope.tui.paint import fit, fit_left, wrap


@given(st.text("ab/:漢 ", max_size=120), st.integers(10, 40))
def test_wrapped_words_lose_spaces_alone(words: str, width: int) -> None:
    """No line is wider than it may be, and no letter is lost; long words are cut where a line ends."""
    lines = wrap(words, width, "  ")
    assert all(cells(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == words.replace(" ", "")
    assert all(line.strip() for line in lines[1:])


def test_a_long_word_fills_its_lines() -> None:
    """A word that is longer than a line is cut at the end of the line, not before its last letter."""
    assert wrap("ENV " + "x" * 25, 14, "    ") == [
        "ENV",
        "    " + "x" * 10,
        "    " + "x" * 10,
        "    " + "x" * 5,
    ]


@given(st.text("ab…漢", max_size=30), st.integers(1, 30))
def test_a_text_that_is_cut_gets_no_second_ellipsis(words: str, width: int) -> None:
    """It fills its width also if an ellipsis in the text stands where it is cut."""
    words = "…".join(filter(None, words.split("…")))
    for fitted in (fit(words, width), fit_left(words, width)):
        assert cells(fitted) == width
        assert "……" not in fitted
