"""One file in two images: its attributes in both, and a diff of its text."""

from __future__ import annotations

from msgspec import Struct
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical

from layerscope import text
from layerscope.browse.facts import FileFacts
from layerscope.filesystem.content_reader import ContentReader
from layerscope.image.summary import one_line
from layerscope.layers.index import Kind
from layerscope.opening.opened import Opened
from layerscope.tui import reading
from layerscope.tui.commands import Keys, first_key
from layerscope.tui.guard import Guarded
from layerscope.tui.reading import FileWork
from layerscope.tui.widgets.content_list import ContentList
from layerscope.tui.widgets.content_pane import ContentPane
from layerscope.tui.widgets.fact_strip import FactStrip
from layerscope.tui.widgets.file_facts import size_words
from layerscope.tui.widgets.pane import PaneTitle


class Side(Struct, frozen=True):
    """A path in the final filesystem of an image."""

    opened: Opened
    facts: FileFacts

    @classmethod
    def of(cls, opened: Opened, full: bytes) -> Side | None:
        """A path in an image; None if the image does not have it."""
        filesystem = opened.filesystem
        path = filesystem.table.find(full)
        row = None if path is None else filesystem.version_after(path, filesystem.layer_count - 1)
        return None if row is None else cls(opened, FileFacts.of(filesystem, row))

    def words(self) -> str:
        """Attributes, size, and the step that stored it."""
        facts, image = self.facts, self.opened.image
        step = image.steps[image.layers[facts.layer].step]
        when = f"  {text.time_of(facts.mtime)}" if facts.known else ""
        stored = f"layer {facts.layer} · {text.safe_name(one_line(step))}"
        return f"{facts.mode_words()}  {facts.owner_words()}{when}  {size_words(facts)} · {stored}"


class FileDifference(Guarded, Vertical):
    """Compares a file of two images in a thread."""

    DEFAULT_CSS = """
    FileDifference { height: 1fr; background: $background; }
    FileDifference > FactStrip { height: 3; border-top: none; border-bottom: solid $rule; }
    FileDifference:focus-within > PaneTitle > .title--name { color: $emphasis; }
    """

    def __init__(self, keys: Keys, *, id: str) -> None:
        super().__init__(id=id)
        self._back = first_key("app.back", keys)
        self.pane = ContentPane(self._back)
        self._title = PaneTitle("File", named=True, hints=("app.back",))
        self._facts = FactStrip()
        self._work = FileWork(self, self._update_title)
        self._summary = ""
        self.path = b""
        """The path on screen, without the leading slash."""

    def compose(self) -> ComposeResult:
        yield self._title
        yield self._facts
        yield self.pane

    @property
    def rows(self) -> ContentList:
        """The rows of the difference."""
        return self.pane.rows

    def show(self, full: bytes, old: Opened, new: Opened) -> None:
        """Show a path of both images."""
        self.path, self._summary = full, ""
        sides = {"old": Side.of(old, full), "new": Side.of(new, full)}
        self._facts.show(
            *((name, "not there" if side is None else side.words()) for name, side in sides.items())
        )
        self.pane.forget()
        self._work.stop()
        there = {name: side for name, side in sides.items() if side is not None}
        if all(side.facts.kind is Kind.FILE for side in there.values()):
            self.pane.show(None, "Reading…")
            self._work.compare(*map(_reader, sides.values()))
        else:
            kinds = (f"{name}: {side.facts.kind_words()}" for name, side in there.items())
            self.pane.show(None, "\n".join(["There are no lines to compare:", *kinds]))
        self.rows.start()
        self._update_title()

    # results of the thread

    @on(reading.Reading)
    def _reading(self, event: reading.Reading) -> None:
        event.stop()
        self._work.show_progress(event)

    @on(reading.Compared)
    def _compared(self, event: reading.Compared) -> None:
        event.stop()
        if not self._work.end(event.token):
            return
        document = event.document
        self.pane.show(document, event.words)
        self.rows.start()
        if document is not None:
            self._summary = f"+{document.added:,} −{document.removed:,} lines"
            if event.words:
                self.notify(event.words, markup=False)
        self._update_title()

    @on(ContentPane.Moved)
    def _moved(self, event: ContentPane.Moved) -> None:
        event.stop()
        self._update_title()

    def _update_title(self) -> None:
        words = [self.pane.words, self._summary, f"{self._back} Files"]
        if self._work.status:
            words = [self._work.status, f"{self._back} cancels"]
        name = "/" + text.safe_name(self.path)
        self._title.show(name, " · ".join(filter(None, words)))
        self.refresh_bindings()

    def back(self) -> bool:
        """Cancel reading, or leave the search; returns False if there is neither."""
        if not self._work.status:
            return self.pane.back()
        self._work.stop()
        self.pane.show(None, "Reading was cancelled.")
        return True

    @property
    def can_go_back(self) -> bool:
        """Whether `back` would leave something."""
        return bool(self._work.status) or self.pane.can_go_back

    def leave(self) -> None:
        """Stop reading, before another widget takes its place."""
        self._work.stop()


def _reader(side: Side | None) -> ContentReader | None:
    return None if side is None else reading.reader_of(side.opened, side.facts.inode)
