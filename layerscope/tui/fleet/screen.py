"""The screen of many images: figures, a table, and the details of the row under the cursor."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from layerscope import text
from layerscope.report.fleet_headline import headline
from layerscope.report.fleet_table import FleetTable
from layerscope.tui.commands import Keys, bindings, first_key
from layerscope.tui.fleet.details_pane import DetailsPane
from layerscope.tui.fleet.header import FleetHeader
from layerscope.tui.fleet.state import NOTHING, SECTIONS, FleetState, TableState
from layerscope.tui.fleet.table import FleetList
from layerscope.tui.guard import Guarded
from layerscope.tui.pointing import Pointing, copy
from layerscope.tui.widgets.field import Field
from layerscope.tui.widgets.key_bar import KeyBar
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.pane import ColumnTitles, Pane, PaneTitle

WIDE = 130
"""Minimum width for details beside the table; in a narrower terminal they replace it."""


class FleetScreen(Guarded, Screen[None]):
    """Shows tables about many images."""

    AUTO_FOCUS = "#fleet-list"
    BINDINGS: ClassVar[list[BindingType]] = bindings("fleet")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012  # as Textual spells it
    DEFAULT_CSS = """
    FleetScreen { background: $background; layout: vertical; }
    FleetScreen > #panes { height: 1fr; }
    FleetScreen #table-pane { width: 1fr; }
    FleetScreen #details-pane { width: 1fr; display: none; }
    FleetScreen LineList { height: 1fr; }
    FleetScreen Field { display: none; }
    FleetScreen.-searching Field { display: block; }
    FleetScreen.-narrow.-details #table-pane { display: none; }
    FleetScreen.-narrow.-details #details-pane { display: block; }
    FleetScreen.-wide.-read #details-pane { display: block; width: 36%; border-left: solid $rule; }
    """

    class OpenImage(Message):
        """The user wants to explore an image."""

        def __init__(self, image: int) -> None:
            super().__init__()
            self.image = image

    def __init__(self, fleet_state: FleetState, keys: Keys) -> None:
        super().__init__()
        self._fleet_state, self._keys = fleet_state, keys
        self.header = FleetHeader(keys)
        self.list = FleetList(id="fleet-list")
        self.details_pane = DetailsPane(keys, id="details-pane")
        self.details = self.details_pane.list
        self.field = Field(placeholder="part of a name", enter="Go to rows", id="fleet-field")
        self._title = PaneTitle(hints=("fleet.group", "fleet.filter"))
        self._columns = ColumnTitles()

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.field
        with Horizontal(id="panes"):
            yield Pane(self._title, self._columns, self.list, id="table-pane")
            yield self.details_pane
        yield KeyBar(self._keys, self._inactive_commands, self._footer_words)

    def on_mount(self) -> None:
        self.set_focus(self.list)
        if self._fleet_state.tables is not None:
            self.fleet_read()
        else:
            self.show_work("Reading images…")

    def on_resize(self) -> None:
        self.call_after_refresh(self._resized)

    def _resized(self) -> None:
        self._show_column_titles()
        self._show_details()

    @on(FleetList.LaidOut)
    def _show_column_titles(self) -> None:
        self._columns.show(self.list.column_titles())

    @property
    def view(self) -> FleetScreen:
        """The node whose commands work, as on the main screen: this screen itself."""
        return self

    def panes(self) -> list[Widget]:
        """The widgets that can have the focus."""
        return [self.list, self.details]

    @property
    def _table(self) -> FleetTable | None:
        return self._fleet_state.by_name.get(
            self._fleet_state.table_name(self._fleet_state.section)
        )

    @property
    def _state(self) -> TableState:
        return self._fleet_state.state(self._fleet_state.table_name(self._fleet_state.section))

    # what is shown

    def fleet_read(self) -> None:
        """Show the fleet once it is read."""
        fleet_state = self._fleet_state
        if fleet_state.tables is None:
            return
        totals = fleet_state.tables.fleet.answers.totals
        self.add_class("-read")
        self.header.work = ""
        self.header.figures = headline(totals, binary=text.uses_binary_sizes())
        self.header.counts = {
            name: len(table.rows) + table.more
            for name in SECTIONS
            if (table := fleet_state.by_name.get(fleet_state.table_name(name))) is not None
        }
        self._show_table()
        self.refresh_bindings()

    def show_work(self, work: str) -> None:
        """Show the current work while there is no table."""
        if self._fleet_state.tables is None:
            back = first_key("app.back", self._keys)
            self.header.work = work.partition("\n")[0]
            self.header.refresh()
            self.list.show(None, TableState(), f"{work}\n\n{back} cancels.")

    def fleet_failed(self) -> None:
        """Show that the fleet could not be read."""
        self.header.work = "not read"
        self.header.refresh()
        self.list.show(None, TableState(), "The images could not be read.")

    def _show_table(self) -> None:
        fleet_state, state = self._fleet_state, self._state
        self.header.section = fleet_state.section
        self.header.refresh()
        name = fleet_state.table_name(fleet_state.section)
        if fleet_state.tables is not None:
            empty_message = NOTHING.get(name) or "No image has figures."
            self.list.show(self._table, state, empty_message)
        with self.prevent(Input.Changed):
            self.field.input.value = state.search
        self.set_class(bool(state.search), "-searching")
        self._update_title()
        self.call_after_refresh(self._resized)

    def _update_title(self) -> None:
        table, state = self._table, self._state
        if table is None:
            self._title.show(SECTIONS[self._fleet_state.section].title)
            return
        parts = [table.note]
        if state.search:
            parts.append(f"{self.list.row_count():,} of {len(table.rows):,}")
        elif table.more:
            parts.append(f"the first {len(table.rows):,} of {len(table.rows) + table.more:,}")
        groups = SECTIONS[self._fleet_state.section].tables
        if len(groups) > 1:
            key = first_key("fleet.group", self._keys)
            parts.append(f"{key} by {groups[self._next_group()]}")
        self._title.show(table.title, " · ".join(parts), keep_left=True)
        self._columns.show(self.list.column_titles())

    # details

    @property
    def _at_details(self) -> bool:
        return self.focused is self.details

    @on(LineList.Highlighted, "#fleet-list")
    def _moved(self) -> None:
        self.list.keep_row()
        self._show_details()
        self.refresh_bindings()

    @property
    def _details_visible(self) -> bool:
        """Whether the details are on screen."""
        return self.has_class("-details") or self.has_class("-wide")

    def _show_details(self) -> None:
        """Show the details of the row under the cursor, if they are on screen."""
        if self._details_visible and self._fleet_state.tables is not None:
            self.details_pane.show_row(self.list.current, self._table, self._fleet_state.tables)

    @on(LineList.Highlighted, "#details")
    def _details_moved(self) -> None:
        self.refresh_bindings()

    # commands

    def action_show_section(self, name: str) -> None:
        self._fleet_state.section = name
        self._leave_details()
        self._show_table()

    def action_step_section(self, by: int) -> None:
        names = list(SECTIONS)
        at = names.index(self._fleet_state.section)
        self.action_show_section(names[(at + by) % len(names)])

    def _next_group(self) -> str:
        section = self._fleet_state.section
        names = list(SECTIONS[section].tables)
        return names[(names.index(self._fleet_state.table_name(section)) + 1) % len(names)]

    def action_cycle_groups(self) -> None:
        if len(SECTIONS[self._fleet_state.section].tables) > 1:
            self._fleet_state.shown[self._fleet_state.section] = self._next_group()
            self._leave_details()
            self.fleet_read()

    def action_cycle_sort(self) -> None:
        self._sort(self.list.next_column())

    def action_reverse(self) -> None:
        if self._fleet_state.tables is None:
            return
        self._state.reverse = not self._state.reverse
        self._rows_changed()

    @on(ColumnTitles.Clicked)
    def _titles_clicked(self, event: ColumnTitles.Clicked) -> None:
        column = self.list.column_at(event.x)
        if column is None:
            return
        if column == self.list.sorted_by:
            self.action_reverse()
        else:
            self._sort(column)

    def _sort(self, column: int | None) -> None:
        if column is not None:
            self._state.column, self._state.reverse = column, False
            self._rows_changed()

    def _rows_changed(self) -> None:
        self.list.change()
        self._update_title()
        self._show_details()

    def action_filter(self) -> None:
        if self._fleet_state.tables is None:
            return
        self._leave_details()
        self.add_class("-searching")
        self.set_focus(self.field.input)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._state.search = event.value.strip()
        self._rows_changed()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._to_rows()

    def _to_rows(self) -> None:
        self.set_focus(self.list)
        self.set_class(bool(self._state.search), "-searching")
        self.refresh_bindings()

    @on(LineList.Opened, "#fleet-list")
    def _opened(self, event: LineList.Opened) -> None:
        event.stop()
        row = self.list.current
        if row is not None and isinstance(row.about, int):
            self.post_message(self.OpenImage(row.about))
        elif row is not None:
            self._go_to_details()

    @on(LineList.Opened, "#details")
    def _line_opened(self, event: LineList.Opened) -> None:
        event.stop()
        if self.details.image is not None:
            self.post_message(self.OpenImage(self.details.image))

    def _go_to_details(self) -> None:
        self.add_class("-details")
        self._show_details()
        self.set_focus(self.details)
        self.call_after_refresh(self.details.go_to_image)
        self.details_pane.update_title()
        self.refresh_bindings()

    def _leave_details(self) -> None:
        self.remove_class("-details")
        self.set_focus(self.list)
        self.call_after_refresh(self._resized)
        self.details_pane.update_title()
        self.refresh_bindings()

    def action_next_pane(self) -> None:
        if self._at_details:
            self._leave_details()
        elif self.list.current is not None:
            self._go_to_details()

    def action_back(self) -> None:
        """Leave the details or the field; then clear the field. While images are read, cancel."""
        if self._at_details or self.has_class("-details"):
            self._leave_details()
        elif self.field.input.has_focus:
            self._to_rows()
        elif self._state.search:
            self._state.search = ""
            self._show_table()
        elif self._fleet_state.tables is None:
            self.app.call_later(self.app.action_quit)

    def action_copy(self) -> None:
        focused: object = self.focused
        copy(self.app, focused.copyable() if isinstance(focused, Pointing) else None)

    def _inactive_commands(self) -> set[str]:
        inactive = set()
        reading = self._fleet_state.tables is None
        if not (reading or self._at_details or self._state.search):
            inactive.add("app.back")
        opens = self.details.image if self._at_details else self.list.current
        if opens is None:
            inactive.add("list.open")
        if len(SECTIONS[self._fleet_state.section].tables) < 2 or self._at_details:
            inactive.add("fleet.group")
        if reading:
            inactive |= {
                "fleet.sort",
                "fleet.filter",
                "fleet.next_pane",
                "fleet.group",
                "fleet.copy",
            }
        if self._at_details:
            inactive |= {"fleet.sort", "fleet.filter"}
        return inactive

    def _footer_words(self) -> dict[str, str]:
        """Footer texts that depend on the current row and pane."""
        if self._fleet_state.tables is None:
            return {"app.back": "Cancel"}
        row = self.list.current
        image = self._at_details or (row is not None and isinstance(row.about, int))
        words = {"list.open": "Explore" if image else "Details"}
        return words | {"fleet.next_pane": "Table"} if self._at_details else words
