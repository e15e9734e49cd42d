"""Life: what each layer did to one path."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input

from layerscope import text
from layerscope.analysis.life import Life, life_of
from layerscope.analysis.life_words import summary_words
from layerscope.filesystem.lookup import PathLookup
from layerscope.tui.commands import bindings
from layerscope.tui.session import Session
from layerscope.tui.view import ShowPath, View
from layerscope.tui.widgets import event_list
from layerscope.tui.widgets.event_details import EventDetails
from layerscope.tui.widgets.event_list import EventList
from layerscope.tui.widgets.field import Field
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.pane import ColumnTitles, Pane, PaneTitle


class PathSuggester(Suggester):
    """Completes a path from the paths of all layers."""

    def __init__(self, session: Session) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._session = session

    async def get_suggestion(self, value: str) -> str | None:
        opened = self._session.opened
        if opened is None or not value:
            return None
        table = opened.filesystem.table
        for path in PathLookup(table).complete(raw_path(value)):
            name = text.safe_name(table.name(path))
            above, slash, typed = value.rpartition("/")
            if name.startswith(typed) and name.encode() == table.name(path):
                more = "/" if table.ends[path] > path + 1 else ""
                return f"{above}{slash}{name}{more}"
        return None


class LifeView(View):
    """A path field, the events of the path, and the details of one."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("life")
    DEFAULT_CSS = """
    LifeView > #events-pane { height: 1fr; }
    LifeView > EventDetails { height: 9; border-top: solid $rule; }
    LifeView:focus-within > PaneTitle > .title--name { color: $accent; }
    """

    class LifeFound(Message):
        """The life of a path was computed."""

        def __init__(self, life: Life) -> None:
            super().__init__()
            self.life = life

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(session, id=id)
        self.path: int | None = None
        self._start_row: int | None = None
        """The event that the cursor goes to once the life is computed; None for the one in the final image."""
        self.events = EventList(session, id="events")
        self.events.empty_message = "Available once all layers are read."
        self.details = EventDetails(session, id="event-details")
        self.field = Field(
            placeholder="/path/of/a/file",
            enter="Show life",
            suggester=PathSuggester(session),
            id="life-field",
        )
        self._title = PaneTitle("Life of a path", named=True)
        self._columns = ColumnTitles()

    def compose(self) -> ComposeResult:
        yield self._title
        yield self.field
        yield Pane(self._columns, None, self.events, id="events-pane")
        yield self.details

    def on_resize(self) -> None:
        self.call_after_refresh(self._update_column_titles)

    def _update_column_titles(self) -> None:
        width = self.events.scrollable_content_region.width
        self._columns.show(event_list.column_titles(width, len(self.session.image.layers)))

    def stacked(self) -> None:
        if self.path is None:
            self.events.show(None, self._hint())
            self._typed_path(self.field.input.value)

    # which path

    @property
    def wants_path(self) -> bool:
        return self.path is None and not self.field.input.value

    def show_path(self, path: int) -> None:
        opened = self.session.opened
        if opened is None:
            return
        with self.field.input.prevent(Input.Changed):
            self.field.input.value = "/" + text.safe_name(opened.filesystem.table.full(path))
        self.field.input.cursor_position = len(self.field.input.value)
        self.field.show_note("")
        self._set_path(path)
        self.screen.set_focus(self.events)

    @on(Input.Changed, "#life-field")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._typed_path(event.value)

    def _typed_path(self, typed: str) -> None:
        opened = self.session.opened
        if opened is None:
            return
        table = opened.filesystem.table
        path, missing = PathLookup(table).descend(raw_path(typed))
        if missing:
            where = "/" + text.safe_name(table.full(path))
            self.field.show_note(f"no layer has {text.safe_name(missing)} in {where}", wrong=True)
        else:
            self.field.show_note("")
            self._set_path(path if typed.strip() else None)

    def _hint(self) -> str:
        return f"Type a path above, or press {self.session.key('path.life')} on a file in Explore."

    def _set_path(self, path: int | None) -> None:
        self.path, self._start_row = path, None
        if path is None:
            self._title.show("Life of a path")
            self.events.show(None, self._hint())
            self.details.show(None)
        else:
            self._compute(path)

    @work(thread=True, exclusive=True, exit_on_error=False, group="life")
    def _compute(self, path: int) -> None:
        """Compute the life of a path, in a thread: a directory of a million paths takes a moment."""
        opened = self.session.opened
        if opened is not None and path == self.path:
            life = life_of(opened.filesystem, opened.accounting.waste, path)
            self.post_message(self.LifeFound(life))

    @on(LifeFound)
    def _found(self, event: LifeFound) -> None:
        event.stop()
        life = event.life
        if life.path != self.path:
            return
        self._title.show(
            f"Life of /{text.safe_name(life.full)}",
            summary_words(life),
        )
        self.events.show(life, "No layer stores or deletes this path; only a whiteout names it.")
        if self._start_row is not None:
            self.events.go_to(self._start_row)
        self._show_event()
        self.call_after_refresh(self._update_column_titles)

    # the event under the cursor

    @on(LineList.Highlighted, "#events")
    def _highlighted(self, event: LineList.Highlighted) -> None:
        event.stop()
        self._show_event()

    def _show_event(self) -> None:
        event = self.events.event
        self.details.show(event, self.events.hides(event) if event is not None else ())

    @on(LineList.Opened, "#events")
    def _opened(self, event: LineList.Opened) -> None:
        event.stop()
        chosen = self.events.event
        if chosen is not None:
            self.post_message(ShowPath(chosen.path, chosen.layer))

    @on(Input.Submitted, "#life-field")
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self.path is not None:  # its life may still be computed
            self.screen.set_focus(self.events)

    def action_complete(self) -> None:
        field = self.field.input
        if field.has_focus and field.suggestion:
            field.action_end()
            field.action_cursor_right()
        else:
            self.call_later(self.screen.run_action, "next_pane")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Complete only in the field; elsewhere Tab goes to the next pane."""
        return action != "complete" or self.field.input.has_focus

    def action_edit(self) -> None:
        self.screen.set_focus(self.field.input)

    def panes(self) -> list[Widget]:
        panes: list[Widget] = [self.events, self.field.input]
        return panes if self.path is not None else panes[::-1]

    def restore_point(self) -> Callable[[], None]:
        path, row = self.path, self.events.cursor

        def show() -> None:
            if path is not None and path != self.path:
                self.show_path(path)
                self._start_row = row

        return show

    def back(self) -> bool:
        if self.field.input.has_focus and self.events.row_count():
            self.screen.set_focus(self.events)
            return True
        return False


def raw_path(typed: str) -> bytes:
    """A typed path as bytes; surrogates become the bytes they stand for."""
    return typed.encode(errors="surrogateescape")
