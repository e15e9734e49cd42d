"""Lists of two levels: groups that expand, and their items."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from textual.binding import BindingType

from layerscope.tui.commands import bindings
from layerscope.tui.widgets.line_list import LineList


class Outline:
    """Groups that can be expanded; an expanded one is followed by its items."""

    def __init__(self, counts: Iterable[int] | NDArray[np.int64] = ()) -> None:
        """`counts` are the numbers of items of each group."""
        self.counts = np.asarray(
            counts if isinstance(counts, np.ndarray) else list(counts), np.int64
        )
        self.opened = np.zeros(len(self.counts), bool)
        self._place()

    def __len__(self) -> int:
        return int(self._starts[-1])

    def at(self, row: int) -> tuple[int, int | None]:
        """The group of a row, and the index of the item; None for the group itself."""
        group = int(np.searchsorted(self._starts, row, "right")) - 1
        item = row - int(self._starts[group]) - 1
        return group, None if item < 0 else item

    def row_of(self, group: int, item: int | None = None) -> int:
        """The row of a group, or of an item of an open one."""
        return int(self._starts[group]) + (0 if item is None else 1 + item)

    def is_open(self, group: int) -> bool:
        """Whether a group's items are shown."""
        return bool(self.opened[group])

    def open(self, group: int, opened: bool = True) -> None:
        """Open or close a group."""
        self.opened[group] = opened
        self._place()

    def open_all(self, opened: bool = True) -> None:
        """Open or close all groups."""
        self.opened[:] = opened
        self._place()

    def _place(self) -> None:
        """Compute the row of each group; the last value is the number of all rows."""
        heights = 1 + np.where(self.opened, self.counts, 0)
        self._starts = np.concatenate([[0], np.cumsum(heights)]).astype(np.int64)


ARROW_ROOM = 2
"""Cells of a group's arrow, and of the indentation of its items."""


class OutlineList(LineList):
    """Rows of an `Outline`. Opening a group expands or collapses it; opened items are left to the view."""

    DEFAULT_CSS = """
    OutlineList { scrollbar-gutter: stable; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("outline")

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.outline = Outline()

    def show_outline(self, outline: Outline) -> None:
        """Show other groups, from the top."""
        self.outline = outline
        self.rows_changed()
        self.go_to(0)

    def row_count(self) -> int:
        return len(self.outline)

    def current(self) -> tuple[int, int | None] | None:
        """The group and item under the cursor; None if there are no rows."""
        return self.outline.at(self.cursor) if self.row_count() else None

    def arrow(self, group: int) -> str:
        """The arrow of a group."""
        return "▾ " if self.outline.is_open(group) else "▸ "

    def action_open(self) -> None:
        current = self.current()
        if current is not None and current[1] is None:
            self.action_toggle_group()
        else:
            super().action_open()

    def action_toggle_group(self) -> None:
        current = self.current()
        if current is not None:
            self._open(current[0], not self.outline.is_open(current[0]))

    def action_open_group(self) -> None:
        """Expand the group, or move into it."""
        current = self.current()
        if current is None or current[1] is not None:
            return
        if self.outline.is_open(current[0]):
            self.go_to(self.cursor + 1)
        else:
            self._open(current[0], True)

    def action_close_group(self) -> None:
        """Collapse the group; on an item, move to the group."""
        current = self.current()
        if current is None:
            return
        if current[1] is not None:
            self.go_to(self.outline.row_of(current[0]))
        else:
            self._open(current[0], False)

    def action_open_all_groups(self) -> None:
        self._open_all(True)

    def action_close_all_groups(self) -> None:
        self._open_all(False)

    def _open(self, group: int, opened: bool) -> None:
        self.outline.open(group, opened)
        self.rows_changed()
        if not opened:
            self.go_to(self.outline.row_of(group))

    def _open_all(self, opened: bool) -> None:
        current = self.current()
        self.outline.open_all(opened)
        self.rows_changed()
        if current is not None:
            self.go_to(self.outline.row_of(current[0], current[1] if opened else None))

    def clicked(self, x: int, chain: int) -> None:
        current = self.current()
        if current is not None and current[1] is None:
            if chain == 1:
                self.action_toggle_group()
        elif chain == 2:
            self.action_open()
