"""Waste: every stored byte that the final image does not show."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.widget import Widget

from layerscope import text
from layerscope.tui.session import Session
from layerscope.tui.view import ShowPath, View
from layerscope.tui.widgets import waste_list
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.pane import ColumnTitles, Pane, PaneTitle
from layerscope.tui.widgets.waste_list import REASON_WORDS, WasteList


class WasteView(View):
    """All waste records, largest first."""

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(session, id=id)
        self.records = WasteList(session, id="waste-list")
        self._title = PaneTitle("Waste")
        self._columns = ColumnTitles()

    def compose(self) -> ComposeResult:
        yield Pane(self._title, self._columns, self.records, id="waste-pane")

    def on_resize(self) -> None:
        self._columns.show(waste_list.column_titles(self.size.width))

    def stacked(self) -> None:
        opened = self.session.opened
        if opened is None:
            return
        accounting = opened.accounting
        reasons = " · ".join(
            f"{text.size(size)} {REASON_WORDS[reason]}"
            for reason, size in accounting.waste.by_reason().items()
        )
        files = text.count_of(len(accounting.waste), "file")
        self._title.show(f"Waste · {text.size(accounting.wasted)} in {files}", reasons)
        self.records.rows_changed()

    @on(LineList.Opened, "#waste-list")
    def _show_file(self, event: LineList.Opened) -> None:
        event.stop()
        opened = self.session.opened
        if opened is not None:
            waste = opened.accounting.waste
            self.post_message(
                ShowPath(int(waste.paths[event.row]), int(waste.stored_in[event.row]))
            )

    def panes(self) -> list[Widget]:
        return [self.records]
