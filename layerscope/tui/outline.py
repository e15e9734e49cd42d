"""Rows of a list of two levels, groups and their items: which row is what, however many there are."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


class Outline:
    """Groups that can be opened; an open one is followed by its items."""

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
        """The group of a row, and which of its items it is; None for the group itself."""
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
        """Find the row of each group; the last item is the number of rows."""
        heights = 1 + np.where(self.opened, self.counts, 0)
        self._starts = np.concatenate([[0], np.cumsum(heights)]).astype(np.int64)
