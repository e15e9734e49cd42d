"""Find: search the files of all layers while typing."""

from __future__ import annotations

from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from layerscope import text
from layerscope.browse.filters import Filter, FilterError, parse_filter
from layerscope.browse.regex_process import RegexProcess
from layerscope.browse.search import NO_RESULT, Order, PathSearch, SearchResult
from layerscope.browse.version_states import State, layer_to_show, state_of
from layerscope.errors import CancelledError, LayerscopeError
from layerscope.layers.index import Kind
from layerscope.tui.commands import bindings
from layerscope.tui.screens.help import FILTERS
from layerscope.tui.session import Session
from layerscope.tui.view import ShowPath, View
from layerscope.tui.waste_words import step_label, step_of
from layerscope.tui.widgets import match_list
from layerscope.tui.widgets.fact_strip import FactStrip
from layerscope.tui.widgets.field import Field
from layerscope.tui.widgets.filter_bar import error_line
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.match_list import MatchList
from layerscope.tui.widgets.pane import ColumnTitles, Pane, PaneTitle
from layerscope.tui.workers import check_while

TERM_WIDTH = max(len(words) for words, _ in FILTERS) + 2
"""Cells of a term in the hints."""
TITLE = "Find in all layers"
HINTS = "\n".join(
    [
        "Words are fuzzy: lbssl finds libssl.so. All terms must match:",
        "",
        *(f"  {words:<{TERM_WIDTH}}{meaning}" for words, meaning in FILTERS[1:]),
    ]
)
FIELD_COLUMN = 3
"""Column of the first character in the field."""
ORDERS = list(Order)


class FindView(View):
    """A search field and its matches."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("find")
    DEFAULT_CSS = """
    FindView > Pane { height: 1fr; }
    FindView:focus-within > PaneTitle > .title--name { color: $accent; }
    FindView .error { height: 1; color: $waste; display: none; }
    FindView.-wrong .error { display: block; }
    FindView.-wrong ColumnTitles { display: none; }
    FindView > FactStrip { height: 4; }
    """

    class Searched(Message):
        """A search finished, with a result or an error."""

        def __init__(
            self, number: int, filter: Filter, result: SearchResult | None, error: str
        ) -> None:
            super().__init__()
            self.number = number
            self.filter = filter
            self.result = result
            self.error = error

    class Prepared(Message):
        """The names of all paths were read: searching can begin."""

        def __init__(self, search: PathSearch) -> None:
            super().__init__()
            self.search = search

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(session, id=id)
        self.field = Field(
            placeholder="part of a path, *.glob, setuid, size>1M, wasted …",
            enter="Show in Explore",
            id="find-field",
        )
        self.matches = MatchList(session, id="matches")
        self.matches.empty_message = "Available once all layers are read."
        self._title = PaneTitle(TITLE)
        self._columns = ColumnTitles()
        self._facts = FactStrip(id="find-facts")
        self._facts.display = False
        self._error = Static("", markup=False, classes="error")
        self._order = Order.MATCH
        self._filter = Filter("", ())
        self._search: PathSearch | None = None
        self._search_number = 0
        """Number of the current search; results of earlier ones are ignored."""

    def compose(self) -> ComposeResult:
        yield self._title
        yield self.field
        yield Pane(self._columns, self._error, self.matches)
        yield self._facts

    def on_resize(self) -> None:
        self.call_after_refresh(self._update_column_titles)

    def _update_column_titles(self) -> None:
        width = self.matches.scrollable_content_region.width
        self._columns.show(match_list.column_titles(width, self._order))

    def stacked(self) -> None:
        self._prepare()

    @work(thread=True, exclusive=True, exit_on_error=False, group="find-prepare")
    def _prepare(self) -> None:
        """Read the names of all paths, in a thread."""
        opened = self.session.opened
        if opened is not None:
            search = PathSearch(opened.filesystem)
            search.prepare()
            self.post_message(self.Prepared(search))

    @on(Prepared)
    def _prepared(self, event: Prepared) -> None:
        event.stop()
        self._search = event.search
        self._update_search(self.field.input.value)

    def duplicates_found(self) -> None:
        self._search_again()

    def findings_found(self) -> None:
        self._search_again()

    def _search_again(self) -> None:
        """Search again if a term needs results of the analysis, which have just arrived."""
        if self._filter.uses_marks:
            self._update_search(self.field.input.value)

    # searching

    @on(Input.Changed, "#find-field")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._update_search(event.value)

    def _update_search(self, typed: str) -> None:
        self._search_number += 1
        try:
            self._filter = parse_filter(typed)
        except FilterError as error:
            self._show_error(error_line(error, typed, FIELD_COLUMN, self.size.width))
            return
        self._show_error("")
        if self._search is None:
            return
        if self._filter:
            self._find(self._search, self._filter, self._order, self._search_number)
        else:
            self._show(self._filter, NO_RESULT, HINTS)
            self._title.show(TITLE, text.count_of(self._search.total, "path") + " searched")

    def _show_error(self, error: str) -> None:
        """Show an error in place of the column titles; empty for none."""
        self._error.update(error)
        self.set_class(bool(error), "-wrong")

    @work(thread=True, exclusive=True, exit_on_error=False, group="find")
    def _find(self, search: PathSearch, filter: Filter, order: Order, number: int) -> None:
        """Search in a thread; a newer search cancels it."""
        check = check_while(lambda: number == self._search_number)
        marks = self.session.marks
        try:
            with RegexProcess(check) as finder:
                result = search.find(filter, check, finder, marks=marks, order=order)
            self.post_message(self.Searched(number, filter, result, ""))
        except CancelledError:
            return
        except (LayerscopeError, OSError) as error:
            self.post_message(self.Searched(number, filter, None, str(error)))

    @on(Searched)
    def _searched(self, event: Searched) -> None:
        event.stop()
        if event.number != self._search_number:
            return
        if event.result is None:
            self._show_error(f" {text.safe_name(event.error)}")
            return
        typed = text.safe_name(self.field.input.value.strip())
        empty_message = (
            event.filter.unavailable(self.session.marks) or f"Nothing in any layer matches {typed}"
        )
        self._show(event.filter, event.result, text.safe_name(empty_message))
        self._title.show(TITLE, self._result_words(event.result))

    def _result_words(self, result: SearchResult) -> str:
        """Order and counts; a narrow title keeps only the last parts."""
        parts = [f"by {self._order.value}"]
        if len(result.rows) != result.paths:
            versions = text.count_of(len(result.rows), "version")
            parts.append(f"{versions} of {text.count_of(result.paths, 'path')}")
        elif len(result.rows) != result.files:
            parts.append(text.count_of(len(result.rows), "match", "matches"))
        parts.append(f"{text.count_of(result.files, 'file')}, {text.size(result.bytes)}")
        return " · ".join(parts)

    def _show(self, filter: Filter, result: SearchResult, empty_message: str) -> None:
        self.matches.empty_message = empty_message
        self.matches.show(filter, result, self._search)
        if self._facts.display is not (len(result.rows) > 0):
            self._facts.display = not self._facts.display
            self.screen.refresh_bindings()  # the footer offers commands for a match
        self._update_facts()
        self.call_after_refresh(self._update_column_titles)

    @on(LineList.Highlighted, "#matches")
    def _highlighted(self, event: LineList.Highlighted) -> None:
        event.stop()
        self._update_facts()

    def _update_facts(self) -> None:
        """Show the whole path under the cursor, and the steps that stored and hid it."""
        version, search = self.matches.version, self._search
        if version is None or search is None:
            return
        filesystem = search.filesystem
        path = "/" + text.safe_name(filesystem.table.full(int(filesystem.paths[version])))
        state, image = state_of(filesystem, version), self.session.image
        layer, died = filesystem.layer_of(version), int(filesystem.died[version])
        below = search.below.by_layer(int(filesystem.paths[version]))
        if filesystem.kinds[version] == Kind.DIRECTORY and below:
            layer = below[0][0]
        stored = step_label(step_of(image, layer), layer)
        if filesystem.kinds[version] == Kind.DIRECTORY and len(below) > 1:
            stored = "layers " + ", ".join(f"{n} ({text.size(size)})" for n, size in below)
        facts = [("path", path), ("stored in", stored)]
        if state is not State.LIVE:
            facts.append((f"{state.value} in", step_label(step_of(image, died), died)))
        self._facts.show(*facts)

    def action_cycle_order(self) -> None:
        """Switch to the next order."""
        self._sort(ORDERS[(ORDERS.index(self._order) + 1) % len(ORDERS)])

    @on(ColumnTitles.Clicked)
    def _titles_clicked(self, event: ColumnTitles.Clicked) -> None:
        """Sort by the column; a second click sorts by best match again."""
        event.stop()
        order = match_list.order_at(self.matches.scrollable_content_region.width, event.x)
        if order is not None:
            self._sort(Order.MATCH if order is self._order else order)

    def _sort(self, order: Order) -> None:
        self._order = order
        self._update_search(self.field.input.value)
        self._update_column_titles()

    # opening a match

    @on(Input.Submitted, "#find-field")
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._open_match()

    @on(LineList.Opened, "#matches")
    def _opened(self, event: LineList.Opened) -> None:
        event.stop()
        self._open_match()

    def _open_match(self) -> None:
        """Show the match in the layer that removed it, otherwise in the one that added or changed it."""
        version, search = self.matches.version, self._search
        if version is not None and search is not None:
            filesystem = search.filesystem
            layer = layer_to_show(filesystem, version)
            self.post_message(ShowPath(int(filesystem.paths[version]), layer))

    def action_match(self, by: int) -> None:
        self.matches.go_to(self.matches.cursor + by)

    def action_edit(self) -> None:
        self.screen.set_focus(self.field.input)

    @property
    def searched_list(self) -> MatchList | None:
        return self.matches if self.matches.row_count() else None

    def panes(self) -> list[Widget]:
        return [self.field.input, self.matches]

    def back(self) -> bool:
        if self.field.input.has_focus and self.matches.row_count():
            self.screen.set_focus(self.matches)
            return True
        return False
