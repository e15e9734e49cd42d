"""The screen of a series: its updates on the left, the details of the one under the cursor on the right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

from layerscope import text
from layerscope.analysis.series.hop import Hop
from layerscope.opening.series import OpenedSeries
from layerscope.report.series_rows import common_name, short_names
from layerscope.tui.commands import Keys, bindings
from layerscope.tui.guard import Guarded
from layerscope.tui.paint import fit
from layerscope.tui.pointing import copy
from layerscope.tui.series.lists import HopList, hop_words, series_words
from layerscope.tui.widgets.header import ScreenHeader
from layerscope.tui.widgets.key_bar import KeyBar
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.pane import ColumnTitles, Pane, PaneTitle
from layerscope.tui.widgets.paragraph_list import Paragraph, ParagraphList
from layerscope.words import ReleaseOrder


class SeriesHeader(ScreenHeader):
    """A line and a rule: the name of the series, and what it costs."""

    DEFAULT_CSS = "SeriesHeader { height: 2; }"

    def __init__(self, title: str, note: str) -> None:
        """`title` and `note` are safe to show."""
        super().__init__()
        self._title, self._note = title, note
        self.figures = ""

    def paint_line(self, y: int) -> list[Segment]:
        right = f" {self.work or self.figures} "
        room = max(self.size.width - text.cells(right), 0)
        title = f" {self._title}" if self._title else ""
        words = fit(f"{title}  {self._note}" if title else f" {self._note}", room)
        quiet = self.style_of("quiet")
        return [
            Segment(words[: len(title)], self.style_of("title")),
            Segment(words[len(title) :], quiet),
            Segment(right, quiet if self.work else self.rich_style),
        ]


class SeriesScreen(Guarded, Screen[None]):
    """Shows what each release makes users download."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("series")
    DEFAULT_CSS = """
    SeriesScreen { background: $background; layout: vertical; }
    SeriesScreen > Horizontal { height: 1fr; }
    SeriesScreen #updates { width: 42%; }
    SeriesScreen #update { width: 1fr; border-left: solid $rule; }
    SeriesScreen LineList { height: 1fr; }
    """

    class Compare(Message):
        """Request to compare the two releases of an update."""

        def __init__(self, hop: int) -> None:
            super().__init__()
            self.hop = hop

    def __init__(self, names: Sequence[str], order: ReleaseOrder, keys: Keys) -> None:
        """`names` are the names of the releases, not safe for a terminal."""
        super().__init__()
        self._keys = keys
        self._names = short_names(names)
        count = text.count_of(len(names), "release")
        self.header = SeriesHeader(common_name(names), f"{count} {order.word}")
        self.hops = HopList(self._names, id="hops")
        self.details = ParagraphList("Available once this release is read.", id="details")
        self._titles = ColumnTitles()
        self._details_title = PaneTitle("All updates")
        self._opened: OpenedSeries | None = None

    def compose(self) -> ComposeResult:
        yield self.header
        with Horizontal():
            yield Pane(self._titles, None, self.hops, id="updates")
            yield Pane(self._details_title, None, self.details, id="update")
        yield KeyBar(self._keys, self._inactive_commands, lambda: {"list.open": "Compare"})

    def on_mount(self) -> None:
        self._titles.show(self.hops.column_titles())
        self.set_focus(self.hops)

    @property
    def view(self) -> SeriesScreen:
        """The node whose commands work, as on the main screen: this screen itself."""
        return self

    def panes(self) -> list[Widget]:
        """The widgets that can have the focus."""
        return [self.hops, self.details]

    def show(
        self, hops: Sequence[Hop], opened: OpenedSeries | None, row: int | None = None
    ) -> None:
        """Show the updates compared so far, and the whole series once it is known; the cursor moves to `row`, if given."""
        self._opened = opened
        self.hops.show(hops)
        if row is not None:
            self.hops.go_to(row)
        if opened is not None:
            series = opened.series
            self.header.figures = (
                f"{text.size(series.bytes_per_release)} a release · "
                f"{text.size(series.bytes)} in {text.count_of(len(series.hops), 'update')}"
            )
        self.header.refresh()
        self._show_details()

    def show_work(self, work: str) -> None:
        """Show the current work; empty if idle."""
        self.header.show_work(work)

    @on(LineList.Highlighted, "#hops")
    def _moved(self) -> None:
        self._show_details()
        self.refresh_bindings()

    def _show_details(self) -> None:
        """Show the details of the row under the cursor."""
        row, hops = self.hops.cursor, self.hops.hops
        words: list[Paragraph] = []
        if row == 0:
            self._details_title.show("All updates")
            words = list(series_words(self._opened)) if self._opened is not None else []
        else:
            self._details_title.show("What is fetched")
            if row <= len(hops):
                words = list(hop_words(self._names[row - 1], self._names[row], hops[row - 1]))
        self.details.show(words)

    # commands

    @on(LineList.Opened)
    def _compared(self, event: LineList.Opened) -> None:
        event.stop()
        if self.hops.cursor:
            self.post_message(self.Compare(self.hops.cursor - 1))

    def action_next_pane(self) -> None:
        self.set_focus(self.hops if self.details.has_focus else self.details)

    def action_back(self) -> None:
        self.set_focus(self.hops)

    def action_copy(self) -> None:
        copied = self.hops.copyable()
        if copied is None and self._opened is not None and self._opened.reordering is not None:
            copied = self._opened.reordering.finding.fix, "the better order"
        copy(self.app, copied)

    def _inactive_commands(self) -> set[str]:
        inactive = set() if self.hops.cursor else {"list.open"}
        if not self.details.has_focus:
            inactive.add("app.back")
        return inactive
