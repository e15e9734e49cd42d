"""`Outline`: rows of groups and their items."""

from __future__ import annotations

from layerscope.tui.widgets.outline_list import Outline


def test_closed_groups_are_one_row_each() -> None:
    """A new outline shows only groups."""
    outline = Outline([3, 0, 2])
    assert len(outline) == 3
    assert [outline.at(row) for row in range(3)] == [(0, None), (1, None), (2, None)]


def test_open_groups_are_followed_by_their_items() -> None:
    """`at` and `row_of` are inverses; an empty group has no items to show."""
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


def test_without_groups_there_are_no_rows() -> None:
    """An outline without groups has length 0."""
    assert len(Outline()) == 0
