"""The pane with the details of a row, which a thread looks up."""

from __future__ import annotations

from textual import on, work
from textual.message import Message

from layerscope.errors import CancelledError
from layerscope.report.fleet_rows import FleetTables
from layerscope.report.fleet_table import FleetRow, FleetTable
from layerscope.tui.commands import Keys, first_key
from layerscope.tui.fleet.details import paragraphs_of
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.pane import Pane, PaneTitle
from layerscope.tui.widgets.paragraph_list import Paragraph, ParagraphList
from layerscope.tui.workers import check_while


class DetailsPane(Pane):
    """The details of one row of a table."""

    class LookedUp(Message):
        """The details of a row were looked up."""

        def __init__(self, row: FleetRow, paragraphs: list[Paragraph]) -> None:
            super().__init__()
            self.row = row
            self.paragraphs = paragraphs

    def __init__(self, keys: Keys, *, id: str) -> None:
        self.list = ParagraphList("", id="details")
        self._title = PaneTitle(hints=("list.open",))
        super().__init__(self._title, self.list, id=id)
        self._keys = keys
        self._table: FleetTable | None = None
        self._row: FleetRow | None = None
        """The row whose details are shown or being looked up."""

    def show_row(self, row: FleetRow | None, table: FleetTable | None, tables: FleetTables) -> None:
        """Show the details of a row; None clears the pane."""
        self._table = table
        if row is self._row:
            self.update_title()
            return
        self._row = row
        self._title.show(self._noun)
        if row is None or table is None:
            self.list.show([], "")
        else:
            if not self.list.row_count():
                self.list.show([], "Looking for images…")
            self._look_up(row, table, tables)

    @work(thread=True, exclusive=True, group="details", exit_on_error=False)
    def _look_up(self, row: FleetRow, table: FleetTable, tables: FleetTables) -> None:
        check = check_while(lambda: row is self._row)
        try:
            paragraphs = list(paragraphs_of(row, table, tables, check))
            check()
        except CancelledError:
            return
        self.post_message(self.LookedUp(row, paragraphs))

    @on(LookedUp)
    def _looked_up(self, event: LookedUp) -> None:
        event.stop()
        if event.row is self._row:
            self.list.show(event.paragraphs)
            if self.screen.focused is self.list:
                self.list.go_to_image()
            self.update_title()

    @on(LineList.Highlighted, "#details")
    def _moved(self) -> None:
        self.update_title()

    @property
    def _noun(self) -> str:
        return "" if self._table is None else self._table.noun.capitalize()

    def update_title(self) -> None:
        """Update the title: the kind of row, and the key that opens the image under the cursor."""
        opens = self.screen.focused is self.list and self.list.image is not None
        key = first_key("list.open", self._keys)
        self._title.show(self._noun, f"{key} opens the image" if opens else "")
