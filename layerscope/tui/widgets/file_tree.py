"""The file tree: a million rows as quick as ten, because only rows on screen are ever painted."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message

from layerscope import text
from layerscope.filesystem.changes import Change
from layerscope.filesystem.rows import TreeRow
from layerscope.filesystem.tree import TreeView
from layerscope.layers.index import Kind
from layerscope.tui.commands import bindings
from layerscope.tui.paint import RowPainter, bar, fit
from layerscope.tui.pointing import Pointed, ShowFile
from layerscope.tui.view import ShowLife
from layerscope.tui.widgets.line_list import LineList

MODE, OWNER, SIZE, BAR = 10, 10, 9, 8
WIDE, MEDIUM = 80, 58
"""Columns from which mode and owner, and the bar, are shown."""

GLYPHS = {Change.ADDED: "+", Change.MODIFIED: "~", Change.METADATA: "±", Change.REMOVED: "-"}
KIND_LETTERS = {
    Kind.FILE: "-",
    Kind.DIRECTORY: "d",
    Kind.SYMLINK: "l",
    Kind.CHARACTER: "c",
    Kind.BLOCK: "b",
    Kind.FIFO: "p",
    Kind.UNKNOWN: "?",
    Kind.BROKEN_LINK: "h",
}


def column_titles(width: int) -> str:
    """Titles over the columns, for a tree of this width."""
    owner = f" {'mode':<{MODE}}  {'owner':<{OWNER}}" if width >= WIDE else ""
    share = f"  {'share':<{BAR}}" if width >= MEDIUM else " "
    return f"{owner}{'size':>{SIZE + 1}}{share}   name"


class FileTree(LineList):
    """Rows of a `TreeView`."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("files")

    class RowsChanged(Message):
        """Other rows are shown than before."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.view: TreeView | None = None
        self.waiting = "Files are shown once all layers are read."
        self.nothing = ""

    @property
    def path(self) -> int | None:
        """The path under the cursor."""
        if self.view is None or not 0 <= self.cursor < len(self.view.rows):
            return None
        return int(self.view.rows[self.cursor])

    def view_changed(self, keep: int | None = None) -> None:
        """The view shows other rows: repaint, with the cursor on path `keep` if it is still there."""
        if self.view is not None and keep is not None:
            self.rows_changed()
            found = self.view.index_of(keep)
            if found is not None:
                self.go_to(found)
                return
        self.rows_changed()
        self.go_to(min(self.cursor, self.row_count() - 1))

    def rows_changed(self) -> None:
        super().rows_changed()
        self.post_message(self.RowsChanged())

    def row_count(self) -> int:
        return 0 if self.view is None else len(self.view.rows)

    def empty_text(self) -> str:
        return self.waiting if self.view is None else self.nothing

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        if self.view is None:
            return
        entry = self.view.row(row)
        quiet = self.style_of("quiet")
        if width >= WIDE:
            painter.add(f" {self._mode(entry):<{MODE}}  {fit(self._owner(entry), OWNER)}", quiet)
        removed = entry.removed
        size = (
            entry.removed_bytes
            if removed
            else entry.total_bytes
            if entry.is_directory
            else entry.own_bytes
        )
        painter.add(f"{text.size(size):>{SIZE + 1}}", self.style_of("removed") if removed else None)
        if width >= MEDIUM:
            painter.add("  ")
            painter.add(bar(0.0 if removed else entry.share, BAR), self.style_of("bar"))
        self._paint_name(entry, painter)

    def _paint_name(self, entry: TreeRow, painter: RowPainter) -> None:
        change = (
            self.style_of(entry.change.name.lower())
            if entry.change in GLYPHS and entry.change is not None
            else None
        )
        glyph = GLYPHS.get(entry.change, " ") if entry.change is not None else " "
        painter.add(f" {glyph} ", change)
        painter.add("  " * entry.depth)
        arrow = ("▾ " if entry.expanded else "▸ ") if entry.has_children else "  "
        painter.add(arrow, self.style_of("quiet"))
        name = text.safe_name(entry.name)
        painter.add(name, change or (self.style_of("directory") if entry.is_directory else None))
        if entry.target:
            painter.add(f" → {text.safe_name(entry.target)}", self.style_of("quiet"))

    @staticmethod
    def _mode(entry: TreeRow) -> str:
        letter = KIND_LETTERS.get(entry.kind, "?")
        return text.mode_text(entry.mode, letter) if entry.known else f"{letter}{'?' * 9}"

    @staticmethod
    def _owner(entry: TreeRow) -> str:
        return f"{entry.uid}:{entry.gid}" if entry.known else "?"

    def action_show_life(self) -> None:
        if self.path is not None:
            self.post_message(ShowLife(self.path))

    # opening and closing

    def pointed(self) -> Pointed | None:
        if self.view is None or not self.row_count():
            return None
        entry = self.view.row(self.cursor)
        if entry.version < 0:
            return None
        # What was removed is looked at as it was before.
        died = int(self.view.filesystem.died[entry.version])
        layer = died - 1 if died <= self.view.layer else self.view.layer
        return Pointed(entry.path, entry.version, layer)

    def action_open(self) -> None:
        pointed = self.pointed()
        if self.view is None or pointed is None:
            super().action_open()
        elif self.view.row(self.cursor).has_children:
            self.action_toggle_directory()
        else:
            self.post_message(ShowFile(pointed.version))

    def action_toggle_directory(self) -> None:
        if self.view is not None and self.row_count():
            self.view.toggle(self.cursor)
            self.rows_changed()

    def action_expand(self) -> None:
        if self.view is None or not self.row_count():
            return
        entry = self.view.row(self.cursor)
        if entry.has_children and not entry.expanded:
            self.action_toggle_directory()
        elif entry.has_children:
            self.go_to(self.cursor + 1)

    def action_collapse(self) -> None:
        if self.view is None or not self.row_count():
            return
        entry = self.view.row(self.cursor)
        if entry.has_children and entry.expanded:
            self.action_toggle_directory()
            return
        parent = self.view.index_of(int(self.view.filesystem.table.parents[entry.path]))
        if parent is not None:
            self.go_to(parent)

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
        while path and self.view.index_of(path) is None:
            path = int(self.view.filesystem.table.parents[path])
        self.view_changed(path or None)

    def clicked(self, x: int, chain: int) -> None:
        if self.view is None:
            return
        if chain == 2 or (chain == 1 and self._on_arrow(x)):
            self.action_open()

    def _on_arrow(self, x: int) -> bool:
        """Whether column `x` is the arrow of the row under the cursor."""
        if self.view is None:
            return False
        width = self.scrollable_content_region.width
        depth = self.view.row(self.cursor).depth
        before = (
            (1 + MODE + 2 + OWNER if width >= WIDE else 0)
            + SIZE
            + 1
            + (2 + BAR if width >= MEDIUM else 0)
            + 3
        )
        return before + 2 * depth <= x < before + 2 * depth + 2
