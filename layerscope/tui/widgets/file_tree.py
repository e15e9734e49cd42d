"""The file tree: paints the visible rows, expands and collapses directories."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual.binding import BindingType
from textual.message import Message

from layerscope import text
from layerscope.browse.choices import Sort
from layerscope.tui.commands import bindings
from layerscope.tui.paint import RowPainter
from layerscope.tui.pointing import Pointed, ShowFile
from layerscope.tui.tree_words import duplicate_note, note
from layerscope.tui.widgets import tree_columns
from layerscope.tui.widgets.tree_columns import SIZE, size_of
from layerscope.tui.widgets.tree_work import ComputedTree
from layerscope.words import Change

if TYPE_CHECKING:
    from layerscope.analysis.duplicates import CopyIndex
    from layerscope.browse.rows import TreeRow

MIN_NAME_WIDTH = 8
"""Minimum width of a name, however deep it is."""


class FileTree(ComputedTree):
    """A tree of files with columns, or a list of the largest ones."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("files")

    class Hidden(Message):
        """Request to hide paths with these changes, or to show them again."""

        def __init__(self, changes: str) -> None:
            super().__init__()
            self.changes = changes

    points = True

    def __init__(self, chosen: tuple[str, ...], *, id: str | None = None) -> None:
        """`chosen` are names of columns, see `tree_columns.COLUMNS`."""
        super().__init__(id=id)
        self.chosen = chosen
        self.waiting_message = "Available once all layers are read."
        self.copies: CopyIndex | None = None
        self.empty_message = ""
        """The text shown when there are no rows."""
        self.placeholder = ""
        """A text shown instead of the rows; empty to show them."""

    @property
    def columns(self) -> tuple[tree_columns.Column, ...]:
        """The columns that fit."""
        return tree_columns.layout(self.scrollable_content_region.width, self.chosen)

    def fitting_columns(self) -> set[str]:
        """Names of the chosen columns that fit."""
        return {column.name for column in self.columns}

    def column_titles(self) -> str:
        """Titles over the columns."""
        sort = Sort.SIZE if self.view is None else self.view.sort
        if self.view is not None and self.view.flat:
            sort = Sort.SIZE
        return tree_columns.titles(self.columns, sort)

    def choose(self, chosen: tuple[str, ...]) -> None:
        """Show other columns."""
        self.chosen = chosen
        self.rows_changed()

    def row_count(self) -> int:
        return 0 if self.view is None or self.placeholder else len(self.view.rows)

    def empty_text(self) -> str:
        return self.waiting_message if self.view is None else self.placeholder or self.empty_message

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        if self.view is None:
            return
        entry = self.view.row(row)
        columns = self.columns
        for column in columns:
            if column.left:
                painter.add(column.cell(column.words(entry)), self.style_of(column.style))
        painter.add(
            f"{text.size(size_of(entry)):>{SIZE + 1}}",
            self.style_of("removed") if entry.removed else None,
        )
        for column in columns:
            if not column.left:
                painter.add(column.cell(column.words(entry)), self.style_of(column.style))
        self._paint_name(entry, width - tree_columns.name_column(columns), painter)
        self._paint_note(entry, width, painter)

    def _paint_name(self, entry: TreeRow, room: int, painter: RowPainter) -> None:
        """Paint glyph, arrow and name in `room` cells after the glyph; a path is cut at its front."""
        style = None
        if entry.change is None or entry.change is Change.UNCHANGED:
            painter.add("   ")
        else:
            style = self.style_of(entry.change.json_name)
            painter.add(f" {entry.change.glyph} ", style)
        painter.add("  " * entry.depth)
        arrow = ("▾ " if entry.expanded else "▸ ") if entry.has_children else "  "
        painter.add(arrow, self.style_of("quiet"))
        name = text.safe_name(entry.name)
        flat = self.view is not None and self.view.flat
        room = max(room - 2 * entry.depth - 2, MIN_NAME_WIDTH)
        name = text.clip_start(name, room) if flat else text.clip_middle(name, room)
        painter.add(name, style or (self.style_of("directory") if entry.is_directory else None))
        if entry.target:
            painter.add(f" → {text.safe_name(entry.target)}", self.style_of("quiet"))

    def _paint_note(self, entry: TreeRow, width: int, painter: RowPainter) -> None:
        """Paint the note of a row at the right edge, if there is room."""
        if self.view is None:
            return
        room = width - sum(cell_len(segment.text) for segment in painter.segments) - 3
        words = ""
        if room > 8:
            words = note(self.view, entry) or duplicate_note(self.view, entry, self.copies)
        if words and cell_len(words) <= room:
            painter.add(f"  {words:>{room}} ", self.style_of("quiet"))

    # opening and closing

    def _entry(self) -> TreeRow | None:
        """The row under the cursor."""
        return self.view.row(self.cursor) if self.view is not None and self.row_count() else None

    def pointed(self) -> Pointed | None:
        entry = self._entry()
        if self.view is None or not self.confirmed or entry is None or entry.version < 0:
            return None
        # A deleted file is shown as it was before.
        died = int(self.view.filesystem.died[entry.version])
        layer = died - 1 if died <= self.view.layer else self.view.layer
        return Pointed(entry.path, entry.version, layer)

    def action_open(self) -> None:
        entry, pointed = self._entry(), self.pointed()
        if entry is not None and not self.confirmed:
            self._open_expected(entry)
        elif pointed is None or entry is None:
            super().action_open()
        elif entry.has_children:
            self.action_toggle_directory()
        else:
            self.post_message(ShowFile(pointed.version))

    def _open_expected(self, entry: TreeRow) -> None:
        """Expand a directory before the layers are read; notify that a file cannot be opened yet."""
        if entry.has_children:
            self.action_toggle_directory()
        else:
            self.notify("Its content can be read once all layers are.", markup=False)

    def action_toggle_directory(self) -> None:
        if self.view is not None and self.row_count():
            self.view.toggle(self.cursor)
            self.opened()

    def action_expand(self) -> None:
        entry = self._entry()
        if entry is not None and entry.has_children and not entry.expanded:
            self.action_toggle_directory()
        elif entry is not None and entry.has_children:
            self.go_to(self.cursor + 1)

    def action_collapse(self) -> None:
        entry = self._entry()
        if self.view is None or entry is None:
            return
        if entry.has_children and entry.expanded:
            self.action_toggle_directory()
            return
        parent = self.view.index_of(int(self.view.filesystem.table.parents[entry.path]))
        if parent is not None:
            self.go_to(parent)

    def action_hide(self, changes: str) -> None:
        self.post_message(self.Hidden(changes))

    def action_expand_all(self) -> None:
        self._for_all(expand=True)

    def action_collapse_all(self) -> None:
        self._for_all(expand=False)

    def _for_all(self, *, expand: bool) -> None:
        if self.view is None:
            return
        path = self.path
        if expand:
            self.view.expand_all()
        else:
            self.view.collapse_all()
        self.opened()
        row = self.view.nearest(path) if path else None
        self.go_to(self.cursor if row is None else row)

    def clicked(self, x: int, chain: int) -> None:
        if self._on_arrow(x):
            self.action_toggle_directory()
        elif chain == 2:
            self.action_open()

    def _on_arrow(self, x: int) -> bool:
        """Whether column `x` is the arrow of the directory under the cursor."""
        entry = self._entry()
        if entry is None or not entry.has_children:
            return False
        before = tree_columns.name_column(self.columns) + 2 * entry.depth
        return before <= x < before + 2
