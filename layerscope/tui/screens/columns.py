"""The dialog for the columns of the file tree; changes apply immediately."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.message import Message

from layerscope.tui.commands import Keys, binding_of, bindings, first_key
from layerscope.tui.guard import Guarded
from layerscope.tui.paint import RowPainter
from layerscope.tui.screens.dialog import Dialog
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.pane import PaneTitle
from layerscope.tui.widgets.tree_columns import COLUMNS

LAYOUT_DELAY = 0.2
"""Seconds after a resize until the tree behind the dialog has its new size."""
NO_ROOM = "no room at this width"
_FRAME = 4
"""Rows of the dialog besides the columns: borders, title, and an empty one."""


class ColumnList(LineList):
    """One row per column, with a check mark if it is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [binding_of("files.toggle", "open")]

    class Changed(Message):
        """The chosen columns changed."""

        def __init__(self, chosen: tuple[str, ...]) -> None:
            super().__init__()
            self.chosen = chosen

    def __init__(self, chosen: Iterable[str], fitting: Callable[[], Collection[str]]) -> None:
        """`fitting` returns the chosen columns that fit."""
        super().__init__()
        self.chosen = set(chosen)
        self._fitting = fitting

    def row_count(self) -> int:
        return len(COLUMNS)

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        column = COLUMNS[row]
        shown = column.name in self.chosen
        painter.add(" ✓ " if shown else "   ", self.style_of("added"))
        painter.add(f"{column.title:<10}", self.style_of("strong") if shown else None)
        if shown and column.name not in self._fitting():
            painter.add(NO_ROOM, self.style_of("waste"))
        else:
            painter.add(column.help, self.style_of("quiet"))

    def action_open(self) -> None:
        self.chosen ^= {COLUMNS[self.cursor].name}
        self.post_message(
            self.Changed(tuple(column.name for column in COLUMNS if column.name in self.chosen))
        )

    def clicked(self, x: int, chain: int) -> None:
        self.action_open()


class ColumnsScreen(Guarded, Dialog):
    """Shows or hides columns; `on_change` is called after each change."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("dialog", but=["dialog.copy", "dialog.search"]),
        binding_of("explore.columns", "dismiss"),
    ]
    DEFAULT_CSS = """
    ColumnsScreen { align: center middle; background: transparent; }
    ColumnsScreen > Vertical {
        width: 58; max-width: 96%; background: $surface; border: round $rule;
    }
    """

    def __init__(
        self,
        chosen: Iterable[str],
        on_change: Callable[[tuple[str, ...]], None],
        fitting: Callable[[], Collection[str]],
    ) -> None:
        """`fitting` returns the chosen columns that fit."""
        super().__init__()
        self.columns = ColumnList(chosen, fitting)
        self._on_change = on_change

    def compose(self) -> ComposeResult:
        with Vertical():
            keys: Keys = getattr(self.app, "keys", {})
            toggle, close = first_key("files.toggle", keys), first_key("dialog.close", keys)
            hints = ("files.toggle", "dialog.close")
            yield PaneTitle("Columns", f"{toggle} shows or hides · {close} closes", hints=hints)
            yield self.columns

    def on_mount(self) -> None:
        self.query_one(Vertical).styles.height = len(COLUMNS) + _FRAME
        self.columns.focus()

    def on_resize(self) -> None:
        self.set_timer(LAYOUT_DELAY, self.columns.rows_changed)

    def on_column_list_changed(self, event: ColumnList.Changed) -> None:
        event.stop()
        self._on_change(event.chosen)
        self.columns.rows_changed()
