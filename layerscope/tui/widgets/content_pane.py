"""A file's contents with a search field."""

from __future__ import annotations

import re
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input
from textual.worker import get_current_worker

from layerscope import text
from layerscope.tui.commands import bindings
from layerscope.tui.documents.base import Document
from layerscope.tui.reading import Searched, search
from layerscope.tui.widgets.content_list import ContentList
from layerscope.tui.widgets.field import TypingInput
from layerscope.tui.widgets.line_list import LineList


class SearchInput(TypingInput):
    """The search field of a content."""

    enter_words = "Search"


class ContentPane(Vertical):
    """Contents that can be searched, in a thread. Matches are whole rows, and stepping through them wraps around."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("content")
    DEFAULT_CSS = """
    ContentPane { background: $background; height: 1fr; }
    ContentPane > Input { display: none; background: $surface; padding: 0 1; }
    ContentPane > Input.-open { display: block; }
    """

    class Moved(Message):
        """The matches or the current match changed."""

    def __init__(self, leave_key: str, *, id: str | None = None) -> None:
        """`leave_key` is the key that leaves the search field."""
        super().__init__(id=id)
        self.rows = ContentList(id="content")
        self._field = SearchInput(
            placeholder=f"search · Enter finds · {leave_key} leaves", compact=True
        )
        self._field.cursor_blink = False
        self._matches: list[int] = []
        self._searching = False

    def compose(self) -> ComposeResult:
        yield self.rows
        yield self._field

    def show(self, document: Document | None, empty_message: str = "", tail: str = "") -> None:
        """Show another document, or a text in its place, and search it for the current pattern."""
        self.rows.show(document, empty_message, tail)
        self._matches = []
        self._search(jump=False)

    def forget(self) -> None:
        """Clear the search."""
        self._matches = []
        self._searching = False
        self.rows.mark(None)
        self.post_message(self.Moved())

    @property
    def can_go_back(self) -> bool:
        """Whether `back` would leave something."""
        return self._field.has_class("-open") or self.rows.pattern is not None

    def back(self) -> bool:
        """Leave the field, then the search; returns False if there is neither."""
        if self._field.has_class("-open"):
            self._close()
        elif self.rows.pattern is not None:
            self.forget()
        else:
            return False
        return True

    @property
    def words(self) -> str:
        """The number of the current match; empty without a search."""
        if self.rows.pattern is None:
            return ""
        if self._searching:
            return "searching…"
        count = text.count_of(len(self._matches), "match", "matches")
        at = sum(row <= self.rows.cursor for row in self._matches)
        return f"{at:,} of {count}" if self._matches else "no match"

    def action_search(self) -> None:
        self._field.add_class("-open")
        self.screen.set_focus(self._field)

    def action_shift(self, by: int) -> None:
        self.rows.shift(by)

    def action_find(self, by: int) -> None:
        if not self._matches:
            return
        cursor = self.rows.cursor
        after = [row for row in self._matches if (row > cursor if by > 0 else row < cursor)]
        around = self._matches[0 if by > 0 else -1]
        self.rows.go_to((after[0] if by > 0 else after[-1]) if after else around)
        self.post_message(self.Moved())

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._close()
        if not event.value:
            self.forget()
            return
        self.rows.mark(re.compile(re.escape(event.value), re.IGNORECASE))
        self._search(jump=True)

    def _close(self) -> None:
        self._field.remove_class("-open")
        self.screen.set_focus(self.rows)

    def _search(self, *, jump: bool) -> None:
        document, pattern = self.rows.document, self.rows.pattern
        if document is not None and pattern is not None:
            self._searching = True
            self._search_in_thread(document, pattern, jump)
        self.post_message(self.Moved())

    @work(thread=True, exclusive=True, group="search", exit_on_error=False)
    def _search_in_thread(self, document: Document, pattern: re.Pattern[str], jump: bool) -> None:
        worker = get_current_worker()
        search(document, pattern, jump, self.post_message, lambda: worker.is_cancelled)

    @on(Searched)
    def _searched(self, event: Searched) -> None:
        event.stop()
        if event.document is not self.rows.document or event.pattern is not self.rows.pattern:
            return
        self._searching = False
        self._matches = event.rows
        if event.jump and event.rows and self.rows.cursor not in event.rows:
            self.action_find(1)
        self.post_message(self.Moved())

    @on(LineList.Highlighted, "#content")
    def _moved(self, event: LineList.Highlighted) -> None:
        event.stop()
        if self.rows.pattern is not None:
            self.post_message(self.Moved())
