"""Rows of groups and their items."""

from __future__ import annotations

from layerscope.tui.widgets.outline_list import Outline


def test_closed_groups_are_one_row_each() -> None:
    """A new outline shows groups alone."""
    outline = Outline([3, 0, 2])
    assert len(outline) == 3
    assert [outline.at(row) for row in range(3)] == [(0, None), (1, None), (2, None)]


def test_open_groups_are_followed_by_their_items() -> None:
    """Rows and places translate into each other; an empty group has no items to show."""
    outline = Outline([3, 0, 2])
    outline.open(0)
    outline.open(1)
    rows = [outline.at(row) for row in range(len(outline))]
    assert rows == [(0, None), (0, 0), (0, 1), (0, 2), (1, None), (2, None)]
    assert [outline.row_of(*place) for place in rows] == list(range(6))
    outline.open_all()
    assert len(outline) == 8
    outline.open_all(False)
    assert len(outline) == 3


def test_no_groups_are_no_rows() -> None:
    """Nothing is nothing."""
    assert len(Outline()) == 0
