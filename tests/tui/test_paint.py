"""Fitting and wrapping of texts: no letters are lost, and lines keep their width."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from layerscope.text import cells
from layerscope.tui.paint import fit, fit_left, wrap


@given(st.text("ab/:漢 ", max_size=120), st.integers(10, 40))
def test_wrapping_drops_only_spaces(words: str, width: int) -> None:
    """No line is wider than allowed, and only spaces are dropped."""
    lines = wrap(words, width, "  ")
    assert all(cells(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == words.replace(" ", "")
    assert all(line.strip() for line in lines[1:])


def test_a_long_word_fills_its_lines() -> None:
    """A word that is longer than a line is cut at the end of each line."""
    assert wrap("ENV " + "x" * 25, 14, "    ") == [
        "ENV",
        "    " + "x" * 10,
        "    " + "x" * 10,
        "    " + "x" * 5,
    ]


@given(st.text("ab…漢", max_size=30), st.integers(1, 30))
def test_a_text_that_is_cut_gets_no_second_ellipsis(words: str, width: int) -> None:
    """A text that is cut at an ellipsis fills its width, and has no second ellipsis."""
    words = "…".join(filter(None, words.split("…")))
    for fitted in (fit(words, width), fit_left(words, width)):
        assert cells(fitted) == width
        assert "……" not in fitted
