"""A tree of two images: the size of every path in the old and in the new one."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.browse.matching import PathTexts
from layerscope.browse.modes import NO_CHANGE
from layerscope.browse.ordering import Display
from layerscope.filesystem.paths import PathTable, subtree_counts, subtree_sums, with_ancestors
from layerscope.filesystem.siblings import Siblings
from layerscope.words import Change


class ComparedRow(Struct, frozen=True):
    """One row. Sizes are content bytes at and below the path."""

    path: int
    name: bytes
    depth: int
    change: Change | None
    """None if the path itself does not differ."""
    old: int
    new: int
    differing: int
    """Paths at and below it that differ."""
    expanded: bool
    has_children: bool


class ComparedTree:
    """Visible rows, in order: siblings by how much they grow or shrink the image."""

    def __init__(
        self,
        table: PathTable,
        paths: NDArray[np.int32],
        kinds: NDArray[np.uint8],
        before: NDArray[np.int64],
        growth: NDArray[np.int64],
    ) -> None:
        """`paths` differ, in the ways of `kinds` (`Change` values). `before` and `growth` are content bytes at each path of the
        table: those in the old image, and how many more the new one has.
        """
        self.table = table
        self._siblings = Siblings(table)
        self._texts = PathTexts(table, self._siblings)
        self._differs = np.zeros(len(table), bool)
        self._differs[paths] = True
        self._changes = np.full(len(table), NO_CHANGE, np.uint8)
        self._changes[paths] = kinds
        self._old, self._growth = (
            subtree_sums(table, values, np.int64) for values in (before, growth)
        )
        self._differing = subtree_counts(table, self._differs)
        self._expanded = np.zeros(len(table), bool)
        self.by_name = False
        """Whether siblings are in byte order instead."""
        self.text = ""
        """The text that paths must contain."""
        self._update()

    def _update(self) -> None:
        """Compute which paths have rows, and their order."""
        included = self._differs
        if self.text:
            included = included & self._texts.containing(self.text)
        present = with_ancestors(self.table, included)
        keys = None if self.by_name else self._keys
        self._display = Display(self.table, self._siblings, present, keys)
        self._update_rows()

    def _update_rows(self) -> None:
        opened = np.ones(len(self.table), bool) if self.text else self._expanded
        self.rows = self._display.rows(opened)
        """The paths shown, from top to bottom."""

    def _keys(self, paths: NDArray[np.int32]) -> list[NDArray[np.int64]]:
        """The largest growth or shrinkage first."""
        weight = np.abs(self._growth[paths])
        return [int(weight.max(initial=0)) - weight]

    def sort_by_name(self, by_name: bool) -> None:
        """Change the order of siblings."""
        self.by_name = by_name
        self._update()

    def search(self, text: str) -> None:
        """Show only paths that contain a text, ignoring case, with all directories open; "" shows all again."""
        self.text = text
        self._update()

    def open(self, path: int, opened: bool) -> None:
        """Open or close a directory."""
        self._expanded[path] = opened
        self._update_rows()

    def open_all(self, opened: bool) -> None:
        """Open or close all directories."""
        self._expanded[:] = opened
        self._update_rows()

    def is_open(self, path: int) -> bool:
        """Whether a directory is open."""
        return bool(self.text) or bool(self._expanded[path])

    def __len__(self) -> int:
        return len(self.rows)

    def row(self, row: int) -> ComparedRow:
        """The contents of one row."""
        path = int(self.rows[row])
        change = int(self._changes[path])
        old = int(self._old[path])
        return ComparedRow(
            path=path,
            name=self.table.name(path),
            depth=int(self.table.depths[path]) - 1,
            change=None if change == NO_CHANGE else Change(change),
            old=old,
            new=old + int(self._growth[path]),
            differing=int(self._differing[path]),
            expanded=self.is_open(path),
            has_children=self._display.has_children(path),
        )

    def row_of(self, path: int) -> int | None:
        """The row of a path; None if it has none."""
        rows = np.flatnonzero(self.rows == path)
        return int(rows[0]) if len(rows) else None
