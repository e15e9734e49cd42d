"""Find: search the paths of all layers while typing."""

from __future__ import annotations

from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from layerscope import text
from layerscope.browse.last_changes import LastChanges
from layerscope.browse.regex_process import RegexProcess
from layerscope.browse.search import Found, PathSearch, Query, QueryError, parse_query
from layerscope.errors import CancelledError, LayerscopeError
from layerscope.tui.commands import bindings
from layerscope.tui.session import Session
from layerscope.tui.view import ShowPath, View
from layerscope.tui.widgets import match_list
from layerscope.tui.widgets.field import Field
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.match_list import NOTHING, MatchList
from layerscope.tui.widgets.pane import ColumnTitles, Pane, PaneTitle
from layerscope.tui.workers import check_while

HOW = "Fuzzy by default (lbssl finds libssl.so) · *.py is a glob · /\\.py$/ is a regular expression"


class FindView(View):
    """A search field and its matches."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("find")
    DEFAULT_CSS = """
    FindView > Pane { height: 1fr; }
    FindView:focus-within > PaneTitle > .title--name { color: $accent; }
    """

    class Searched(Message):
        """A search finished."""

        def __init__(self, number: int, query: Query, found: Found | None, failed: str) -> None:
            super().__init__()
            self.number = number
            self.query = query
            self.found = found
            self.failed = failed

    class Prepared(Message):
        """Searching can begin."""

        def __init__(self, search: PathSearch, last_changes: LastChanges) -> None:
            super().__init__()
            self.search = search
            self.last_changes = last_changes

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(session, id=id)
        self.field = Field(
            placeholder="part of a path, *.glob or /regex/",
            enter="Show in Explore",
            id="find-field",
        )
        self.matches = MatchList(session, id="matches")
        self.matches.nothing = "Available once all layers are read."
        self._title = PaneTitle("Find in all layers")
        self._columns = ColumnTitles()
        self._search: PathSearch | None = None
        self._last_changes: LastChanges | None = None
        self._number = 0
        """Number of the current search; results of earlier ones are ignored."""

    def compose(self) -> ComposeResult:
        yield self._title
        yield self.field
        yield Pane(self._columns, None, self.matches)

    def on_resize(self) -> None:
        self.call_after_refresh(self._name_columns)

    def _name_columns(self) -> None:
        width = self.matches.scrollable_content_region.width
        self._columns.show(match_list.column_titles(width))

    def stacked(self) -> None:
        self._prepare()

    @work(thread=True, exclusive=True, exit_on_error=False, group="find-prepare")
    def _prepare(self) -> None:
        """Read the names of all paths, in a thread."""
        opened = self.session.opened
        if opened is not None:
            search = PathSearch(opened.filesystem)
            search.prepare()
            self.post_message(self.Prepared(search, LastChanges(opened.filesystem)))

    @on(Prepared)
    def _prepared(self, event: Prepared) -> None:
        event.stop()
        self._search, self._last_changes = event.search, event.last_changes
        self.matches.nothing = HOW
        self.matches.rows_changed()
        self._look(self.field.input.value)

    # searching

    @on(Input.Changed, "#find-field")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._look(event.value)

    def _look(self, typed: str) -> None:
        self._number += 1
        try:
            query = parse_query(typed)
        except QueryError as error:
            self.field.say(text.safe_name(error.message), wrong=True)
            return
        self.field.say("")
        if self._search is None:
            return
        if query:
            self._find(self._search, query, self._number)
        else:
            self._show(query, NOTHING, HOW)
            self._title.show(
                "Find in all layers", text.count_of(self._search.total, "path") + " searched"
            )

    @work(thread=True, exclusive=True, exit_on_error=False, group="find")
    def _find(self, search: PathSearch, query: Query, number: int) -> None:
        """Search in a thread; stops when the next search starts."""
        check = check_while(lambda: number == self._number)
        try:
            with RegexProcess(check) as finder:
                found = search.find(query, check, finder)
            self.post_message(self.Searched(number, query, found, ""))
        except CancelledError:
            return
        except (LayerscopeError, OSError) as error:
            self.post_message(self.Searched(number, query, None, str(error)))

    @on(Searched)
    def _searched(self, event: Searched) -> None:
        event.stop()
        if event.number != self._number:
            return
        if event.found is None:
            self.field.say(text.safe_name(event.failed), wrong=True)
            return
        found = event.found
        typed = text.safe_name(self.field.input.value.strip())
        self._show(event.query, found, f"No path in any layer matches {typed}")
        self._title.show(
            "Find in all layers",
            f"{event.query.mode} · {len(found.paths):,} of {text.count_of(found.total, 'path')}",
        )

    def _show(self, query: Query, found: Found, nothing: str) -> None:
        self.matches.nothing = nothing
        self.matches.show(query, found, self._last_changes)
        self.call_after_refresh(self._name_columns)

    # going on

    @on(Input.Submitted, "#find-field")
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._go()

    @on(LineList.Opened, "#matches")
    def _opened(self, event: LineList.Opened) -> None:
        event.stop()
        self._go()

    def _go(self) -> None:
        """Show the match in the layer that last changed it."""
        path = self.matches.path
        if path is not None and self._last_changes is not None:
            self.post_message(ShowPath(path, self._last_changes.layer(path)))

    def action_match(self, by: int) -> None:
        self.matches.go_to(self.matches.cursor + by)

    def action_edit(self) -> None:
        self.screen.set_focus(self.field.input)

    def panes(self) -> list[Widget]:
        return [self.field.input, self.matches]

    def back(self) -> bool:
        if self.field.input.has_focus and self.matches.row_count():
            self.screen.set_focus(self.matches)
            return True
        return False
