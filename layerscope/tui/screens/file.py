"""File: the contents of a file in a layer, as text or hex, or as a diff against the version before."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget

from layerscope import text
from layerscope.browse.facts import FileFacts
from layerscope.filesystem.content_reader import ContentReader
from layerscope.layers.index import Kind
from layerscope.tui import reading
from layerscope.tui.commands import bindings
from layerscope.tui.documents.bytes import BytesDocument
from layerscope.tui.documents.text import TextDocument
from layerscope.tui.pointing import Pointed
from layerscope.tui.reading import Content, FileWork
from layerscope.tui.session import Session
from layerscope.tui.view import View
from layerscope.tui.widgets.content_list import ContentList
from layerscope.tui.widgets.content_pane import ContentPane
from layerscope.tui.widgets.file_facts import FileFactsPanel, comparable_version
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.pane import PaneTitle


class FileView(View):
    """Shows one version of a path. Threads read it; results of superseded threads are ignored."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("file")
    DEFAULT_CSS = """
    FileView > Vertical { background: $background; }
    FileView:focus-within PaneTitle > .title--name { color: $accent; }
    """

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(session, id=id)
        self.pane = ContentPane(session.key("app.back"))
        self._title = PaneTitle("File", named=True, hints=("file.difference", "app.back"))
        self._panel = FileFactsPanel(session, id="file-facts")
        self._facts: FileFacts | None = None
        self._content: Content | None = None
        self._work = FileWork(self, self._update_title)
        self._comparing = False
        self._opened_as_difference = False
        """Whether another view requested the diff: leaving it returns to that view."""
        self._start_row = 0
        """The row that the cursor goes to once the content is read."""

    @property
    def rows(self) -> ContentList:
        """The rows of the content."""
        return self.pane.rows

    def compose(self) -> ComposeResult:
        with Vertical():
            yield self._title
            yield self._panel
            yield self.pane

    def on_mount(self) -> None:
        super().on_mount()
        if self.session.opened is None:
            self.pane.show(None, "Available once all layers are read.")

    def stacked(self) -> None:
        if self._facts is None:
            key = self.session.key("list.open")
            self.pane.show(None, f"No file is open. Select one in Explore and press {key}.")

    def panes(self) -> list[Widget]:
        return [self.rows]

    def duplicates_found(self) -> None:
        if self._facts is not None:
            self._panel.show(self._facts)

    def inactive_commands(self) -> set[str]:
        content = self._content
        more = not self._comparing and (content is None or bool(content.bytes_left))
        return {
            *(() if self._earlier_version() is not None else ("file.difference",)),
            *(() if more else ("file.more",)),
            *(() if content is not None and not self._comparing else ("file.bytes",)),
            *(() if self.rows.at_tail else ("list.open",)),
        }

    # which file

    def pointed_at(self, pointed: Pointed) -> None:
        self.show_version(pointed.version)

    def show_version(self, version: int, *, difference: bool = False) -> None:
        opened = self.session.opened
        shown = self._facts is not None and self._facts.row == version
        if opened is None:
            return
        self._opened_as_difference = difference
        if shown and (self._work.status or self._content is not None or self._comparing):
            if difference is not self._comparing:
                self.action_toggle_difference()
            return
        facts = self._facts = FileFacts.of(opened.filesystem, version)
        self._content, self._comparing, self._start_row = None, False, 0
        self.rows.shown_path = Pointed(facts.path, version, max(facts.died - 1, facts.born))
        self.pane.forget()
        self._panel.show(facts)
        self._work.stop()
        if difference:
            self.pane.show(None, "Reading…")  # both versions are read
            self.action_toggle_difference()
        elif facts.kind is Kind.FILE:
            self._begin()
        else:
            self.pane.show(None, f"This is {facts.kind_words()}: it has no content.")
            if facts.kind is Kind.DIRECTORY:
                self.pane.show(None, "This is a directory. Explore lists its files.")
        self.rows.start()

    def restore_point(self) -> Callable[[], None]:
        facts, row = self._facts, self.rows.cursor

        def show() -> None:
            if facts is not None and facts is not self._facts:
                self.show_version(facts.row)
                self._start_row = row

        return show

    def _begin(self) -> None:
        """Read the content from its start."""
        opened, facts = self.session.opened, self._facts
        if opened is None or facts is None:
            return
        self._read(reading.reader_of(opened, facts.inode), b"", None)

    def _read(self, reader: ContentReader, before: bytes, as_bytes: bool | None) -> None:
        self._work.read(reader, before, as_bytes, self._file_name)
        if not before:
            self.pane.show(None, "Reading…")

    @property
    def _file_name(self) -> bytes:
        """The last component of the path."""
        return self._facts.full.rpartition(b"/")[2] if self._facts is not None else b""

    # results of the threads

    @on(reading.Reading)
    def _reading(self, event: reading.Reading) -> None:
        event.stop()
        self._work.show_progress(event)

    @on(reading.ContentRead)
    def _content_read(self, event: reading.ContentRead) -> None:
        event.stop()
        if self._work.end(event.token):
            self._work.interrupted = False
            self._content = event.content
            self._show_content()
            if self._start_row:
                self.rows.go_to(self._start_row)
                self._start_row = 0

    @on(reading.Colored)
    def _colored(self, event: reading.Colored) -> None:
        event.stop()
        if self._work.is_current(event.token):
            event.document.styles = event.styles
            self.rows.rows_changed()

    @on(reading.Compared)
    def _compared(self, event: reading.Compared) -> None:
        event.stop()
        if not self._work.end(event.token):
            return
        self._comparing = True
        self.pane.show(event.document, event.words)
        self.rows.start()
        if event.document is not None and event.words:
            self.notify(event.words, markup=False)
        self._update_title()

    def _show_content(self) -> None:
        content = self._content
        self._comparing = self._opened_as_difference = False
        if content is None:
            self._begin()
            return
        self.pane.show(
            content.document, content.empty_text, content.footer(self.session.key("file.more"))
        )
        self._update_title()

    # words

    def _update_title(self) -> None:
        facts = self._facts
        if facts is None:
            return
        self._title.show("/" + text.safe_name(facts.full), self._title_note())
        self.refresh_bindings()

    def _title_note(self) -> str:
        if self._work.status:
            return f"{self._work.status} · {self.session.key('app.back')} cancels"
        words = []
        key = self.session.key("file.difference")
        document = self.rows.document
        if self.pane.words:
            words.append(self.pane.words)
        if self._comparing:
            words.append(f"difference · {key} shows the file")
        elif isinstance(document, TextDocument):
            words.append("text" + (" with CRLF line endings" if document.carriage_returns else ""))
            words.append(text.count_of(document.lines, "line"))
        elif isinstance(document, BytesDocument):
            words.append("bytes")
        if not self._comparing and self._earlier_version() is not None:
            words.append(f"{key} difference")
        return " · ".join(words)

    def _earlier_version(self) -> int | None:
        opened = self.session.opened
        if opened is None or self._facts is None:
            return None
        return comparable_version(opened.filesystem, self._facts)

    # commands

    @property
    def can_go_back(self) -> bool:
        comparing = self._comparing and not self._opened_as_difference
        return bool(self._work.status) or self.pane.can_go_back or comparing

    def back(self) -> bool:
        if self._work.status:
            self._work.stop()
            if self._content is None:
                key = self.session.key("file.more")
                self.pane.show(None, f"Reading was cancelled. {key} continues.")
        elif self.pane.back():
            pass
        elif self._comparing and not self._opened_as_difference:
            self._show_content()
        else:
            return False
        return True

    def action_more(self) -> None:
        content = self._content
        if self._work.status or self._comparing:
            return
        if content is None:
            self._begin()
        elif content.bytes_left and self.session.opened is not None and self._facts is not None:
            as_bytes = isinstance(content.document, BytesDocument)
            reader = content.reader
            if self._work.interrupted:
                opened = self.session.opened
                inodes, inode = opened.filesystem.inodes, self._facts.inode
                reader = ContentReader(inodes, opened.contents, inode, len(content.data))
            self._read(reader, content.data, as_bytes)

    @on(ContentPane.Moved)
    def _moved(self, event: ContentPane.Moved) -> None:
        event.stop()
        self._update_title()

    @on(LineList.Opened, "#content")
    def _opened(self, event: LineList.Opened) -> None:
        event.stop()
        if self.rows.at_tail:
            self.action_more()

    def action_toggle_bytes(self) -> None:
        content = self._content
        if content is not None and not self._comparing and not self._work.status:
            as_bytes = not isinstance(content.document, BytesDocument)
            self.rows.start()
            self._work.present(content, as_bytes, self._file_name)

    def action_toggle_difference(self) -> None:
        opened, before = self.session.opened, self._earlier_version()
        if self._comparing:
            self._show_content()
        elif opened is None or self._facts is None or before is None:
            self.notify("There is no earlier version to compare with.", markup=False)
        else:
            old = int(opened.filesystem.inode_of[before])
            readers = (reading.reader_of(opened, inode) for inode in (old, self._facts.inode))
            self._work.compare(*readers)
