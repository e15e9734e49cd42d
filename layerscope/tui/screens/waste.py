"""Waste: stored bytes that the final image does not show, and duplicates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import DescendantFocus
from textual.message import Message
from textual.widget import Widget

from layerscope import text
from layerscope.analysis.duplicates import NO_DUPLICATES
from layerscope.analysis.grouping import GroupBy, WasteGroups, group_waste
from layerscope.opening.opened import Opened
from layerscope.tui.commands import bindings
from layerscope.tui.session import Session
from layerscope.tui.view import ShowPath, View
from layerscope.tui.waste_words import (
    GROUPED_BY,
    step_label,
    step_of,
)
from layerscope.tui.widgets import duplicate_list, waste_list
from layerscope.tui.widgets.duplicate_list import DuplicateList
from layerscope.tui.widgets.fact_strip import FactStrip
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.pane import ColumnTitles, Pane, PaneTitle
from layerscope.tui.widgets.waste_list import WasteList

GROUPED_AT_ONCE = 20_000
"""Maximum number of records that are grouped directly; more are grouped in a thread."""
SCROLLBAR = 1
"""Columns reserved for the scrollbar."""
LOW_HEIGHT = 30
"""Height below which panes without the focus are short, in lines."""
ONE_LIST_HEIGHT = 15
"""Height below which only one of the two lists is shown."""
NO_FACTS_HEIGHT = 11
"""Height below which the details are hidden, too."""


class WasteView(View):
    """Grouped waste records, duplicates, and details of the row under the cursor."""

    DEFAULT_CSS = """
    WasteView { layout: vertical; }
    WasteView > #waste-pane { height: 1fr; }
    WasteView > #duplicates-pane { height: 5; border-top: solid $rule; }
    WasteView > FactStrip { height: 7; }
    WasteView.-low > FactStrip { height: 5; }
    WasteView.-flat > #duplicates-pane { border-top: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("waste")

    @dataclass(eq=False, repr=False)
    class Grouped(Message):
        """A thread grouped all records."""

        opened: Opened
        groups: WasteGroups

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(session, id=id)
        self.records = WasteList(session, id="waste-list")
        self.duplicate_list = DuplicateList(session, id="duplicate-list")
        self.facts = FactStrip(id="waste-facts")
        self.grouped_by = GroupBy.REASON
        self._title = PaneTitle("Waste", hints=("waste.group",))
        self._columns = ColumnTitles()
        self.records_pane = Pane(self._title, self._columns, self.records, id="waste-pane")
        self._duplicates_title = PaneTitle("Duplicates")
        self._duplicates_columns = ColumnTitles()
        self.duplicates_pane = Pane(
            self._duplicates_title,
            self._duplicates_columns,
            self.duplicate_list,
            id="duplicates-pane",
        )

    def compose(self) -> ComposeResult:
        yield self.records_pane
        yield self.duplicates_pane
        yield self.facts

    def panes(self) -> list[Widget]:
        return [self.records, self.duplicate_list]

    def go_to_pane(self, pane: Widget) -> None:
        self._set_active_pane(pane)  # otherwise the pane may be hidden, and cannot get the focus
        super().go_to_pane(pane)

    def on_resize(self) -> None:
        self.set_class(self.size.height < LOW_HEIGHT, "-low")
        self.resize_panes()
        width = self.size.width - SCROLLBAR
        self._columns.show(waste_list.column_titles(width, len(self.session.image.layers)))
        self._duplicates_columns.show(duplicate_list.column_titles(width))

    def resize_panes(self) -> None:
        """Give the duplicates up to a quarter of the view, or half of it while they are used. If there is no room for both
        lists, show the active one."""
        height, used = self.size.height, self.active_pane is self.duplicate_list
        flat = height < ONE_LIST_HEIGHT
        self.set_class(flat, "-flat")
        self.records_pane.display = not (flat and used)
        self.duplicates_pane.display = not flat or used
        self.facts.display = height >= NO_FACTS_HEIGHT
        if flat:
            self.duplicates_pane.styles.height = "1fr"
            return
        room = height // 2 if used else min(height // 4, len(self.duplicate_list.duplicates) + 3)
        self.duplicates_pane.styles.height = max(room, 4)

    # results of the loader

    def stacked(self) -> None:
        self._group()
        self.duplicate_list.rows_changed()

    def duplicates_found(self) -> None:
        duplicates = self.session.duplicates or NO_DUPLICATES
        self.duplicate_list.show_duplicates(duplicates)
        self.resize_panes()
        if not duplicates:
            self._duplicates_title.show("Duplicates")
            return
        saving = text.size(duplicates.saving)
        title = f"Duplicates · {saving} in duplicates of {text.count_of(len(duplicates), 'file')}"
        self._duplicates_title.show(
            title, "not counted as wasted", shorter=(f"Duplicates · {saving}",)
        )

    # groups

    def action_cycle_groups(self) -> None:
        self.grouped_by = self._next_order()
        self._group()

    def _next_order(self) -> GroupBy:
        orders = list(GroupBy)
        return orders[(orders.index(self.grouped_by) + 1) % len(orders)]

    def _group(self) -> None:
        opened = self.session.opened
        if opened is None:
            return
        self._update_title(opened)
        if len(opened.accounting.waste) > GROUPED_AT_ONCE:
            self._group_in_thread(opened, self.grouped_by)
        else:
            self._show(_grouped(opened, self.grouped_by))

    @work(thread=True, exit_on_error=False, exclusive=True, group="waste")
    def _group_in_thread(self, opened: Opened, by: GroupBy) -> None:
        self.post_message(self.Grouped(opened, _grouped(opened, by)))

    @on(Grouped)
    def _grouped(self, event: Grouped) -> None:
        event.stop()
        if event.opened is self.session.opened and event.groups.by is self.grouped_by:
            self._show(event.groups)

    def _show(self, groups: WasteGroups) -> None:
        self.records.show_groups(groups)
        self._update_facts()

    def _update_title(self, opened: Opened) -> None:
        accounting = opened.accounting
        if not len(accounting.waste):
            self._title.show("Waste")
            return
        files = text.count_of(len(accounting.waste), "file")
        wasted, grouped = text.size(accounting.wasted), GROUPED_BY[self.grouped_by]
        self._title.show(
            f"Waste · {wasted} in {files} · {grouped}",
            f"{self.session.key('waste.group')}: {GROUPED_BY[self._next_order()]}",
            shorter=(f"Waste · {wasted} · {grouped}", f"Waste · {grouped}"),
        )

    # the row under the cursor

    @on(LineList.Highlighted)
    def _highlighted(self, event: LineList.Highlighted) -> None:
        event.stop()
        self._update_facts()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        self._update_facts()

    def _update_facts(self) -> None:
        facts = self._duplicate_facts() if self.duplicate_list.has_focus else self._waste_facts()
        self.facts.show(*facts)

    def _waste_facts(self) -> list[tuple[str, str]]:
        here, groups = self.records.current(), self.records.groups
        if here is None or groups is None:
            return []
        if here[1] is None:
            title, sentence = self.records.words(here[0])
            reasons = groups.reasons(here[0])
            return [
                (text.size(int(groups.bytes[here[0]])), title),
                *([] if groups.by is GroupBy.REASON else [("", sentence)]),
                (
                    "why",
                    "; ".join(f"{why.word}: {why.sentence}" for why, _ in reasons),
                ),
            ]
        record = self.records.record(groups.record(here[0], here[1]))
        if record is None:
            return []
        size = text.exact_size(record.bytes)
        return [
            ("path", f"{self.records.path_words(record.path)} · {size} · {record.why}"),
            ("stored in", self._instruction(record.stored_in)),
            ("hidden by", self._instruction(record.hidden_by)),
        ]

    def _duplicate_facts(self) -> list[tuple[str, str]]:
        selected = self.duplicate_list.duplicate_at_cursor()
        if selected is None:
            return []
        duplicate, path = selected
        # The digest alone fits a narrow line.
        algorithm, _, digest = duplicate.digest.partition(":")
        return [
            ("path", self.duplicate_list.path_words(path)),
            ("content", f"{text.exact_size(duplicate.bytes)} each"),
            ("stored in", self._instruction(self.duplicate_list.layer_of(path))),
            (algorithm, digest),
        ]

    def _instruction(self, layer: int) -> str:
        return step_label(step_of(self.session.image, layer), layer)

    # opening

    @on(LineList.Opened, "#waste-list")
    def _show_record(self, event: LineList.Opened) -> None:
        event.stop()
        row = self.records.record_row
        record = None if row is None else self.records.record(row)
        if record is not None:
            self.post_message(ShowPath(record.path, record.shown_in))

    @on(LineList.Opened, "#duplicate-list")
    def _show_duplicate(self, event: LineList.Opened) -> None:
        event.stop()
        selected = self.duplicate_list.duplicate_at_cursor()
        if selected is not None:
            self.post_message(ShowPath(selected[1], self.duplicate_list.layer_of(selected[1])))


def _grouped(opened: Opened, by: GroupBy) -> WasteGroups:
    return group_waste(opened.accounting.waste, opened.filesystem.table, by)
