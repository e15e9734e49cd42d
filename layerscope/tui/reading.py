"""Reads and compares file contents in threads that post messages."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from msgspec import Struct
from textual.message import Message
from textual.widget import Widget
from textual.worker import get_current_worker

from layerscope import text
from layerscope.errors import CancelledError
from layerscope.filesystem.content_reader import ContentReader
from layerscope.opening.opened import Opened
from layerscope.progress import Progress
from layerscope.tui.documents.base import Document
from layerscope.tui.documents.bytes import BytesDocument
from layerscope.tui.documents.difference import DiffDocument
from layerscope.tui.documents.highlight import styles_of
from layerscope.tui.documents.text import TextDocument, is_binary
from layerscope.tui.workers import MessageProgress, ProgressMoved

CHUNK = 1 << 20
"""Bytes read at a time."""

Post = Callable[[Message], object]


@dataclass(eq=False, repr=False)
class Reading(Message):
    """Progress of reading."""

    token: int
    done: int
    total: int


@dataclass(eq=False, repr=False)
class ContentRead(Message):
    """The first part of a content was read."""

    token: int
    content: Content


@dataclass(eq=False, repr=False)
class Colored(Message):
    """A text was highlighted."""

    token: int
    document: TextDocument
    styles: list[list[tuple[int, str]]]


@dataclass(eq=False, repr=False)
class Compared(Message):
    """Two versions were compared: the diff, or a text in its place."""

    token: int
    document: DiffDocument | None
    words: str


@dataclass(eq=False, repr=False)
class Searched(Message):
    """The rows that match a search."""

    document: Document
    pattern: re.Pattern[str]
    rows: list[int]
    jump: bool
    """Whether the cursor moves to the first match."""


class Content(Struct, frozen=True):
    """The first bytes of a content."""

    reader: ContentReader
    data: bytes
    document: Document

    @property
    def bytes_left(self) -> int:
        """Bytes not read yet."""
        return 0 if self.reader.problem is not None else max(self.reader.size - len(self.data), 0)

    @property
    def empty_text(self) -> str:
        """The text shown in place of rows."""
        problem = self.reader.problem
        if problem is None:
            return "This file is empty."
        return f"The content cannot be read: {text.safe_name(problem)}."

    def footer(self, key: str) -> str:
        """The line below the rows: the bytes left and the `key` that reads on, or why they cannot be read. May be empty."""
        if self.reader.problem is not None:
            problem = text.safe_name(self.reader.problem)
            return f"the rest cannot be read: {problem}" if self.data else ""
        return (
            f"press {key} for the next MiB: {text.size(self.bytes_left)} left"
            if self.bytes_left
            else ""
        )


def progress_of(token: int, post: Post, cancelled: Callable[[], bool]) -> Progress:
    """Return a `Progress` that posts `Reading` messages."""

    def forward(message: Message) -> None:
        if isinstance(message, ProgressMoved):
            post(Reading(token, message.done, message.total or 0))

    return MessageProgress(forward, cancelled)


def read(
    reader: ContentReader,
    before: bytes,
    as_bytes: bool | None,
    name: bytes,
    token: int,
    post: Post,
    cancelled: Callable[[], bool],
) -> None:
    """Read the next part of a content and post rows of all of it; `as_bytes` None detects binary content."""
    progress = progress_of(token, post, cancelled)
    progress.stage("Reading", reader.bytes_to_pass(CHUNK))
    try:
        data = before + reader.read(CHUNK, progress)
        shown = is_binary(data) if as_bytes is None else as_bytes
    except CancelledError:
        return
    present(reader, data, shown, name, token, post, cancelled)


def present(
    reader: ContentReader,
    data: bytes,
    as_bytes: bool,
    name: bytes,
    token: int,
    post: Post,
    cancelled: Callable[[], bool],
) -> None:
    """Post rows of the data, then its colours."""
    document: Document = BytesDocument(data) if as_bytes else TextDocument.of(data)
    post(ContentRead(token, Content(reader, data, document)))
    if isinstance(document, TextDocument):
        try:
            styles = styles_of(document, name, progress_of(token, lambda _: None, cancelled))
        except CancelledError:
            return
        if styles:
            post(Colored(token, document, styles))


def reader_of(opened: Opened, inode: int) -> ContentReader:
    """A reader of the content of an inode, from its start."""
    return ContentReader(opened.filesystem.inodes, opened.contents, inode)


def compare(
    old: ContentReader | None,
    new: ContentReader | None,
    token: int,
    post: Post,
    cancelled: Callable[[], bool],
) -> None:
    """Compare the first `CHUNK` bytes of two contents; None for a missing file, so that all lines of the other differ."""
    progress = progress_of(token, post, cancelled)
    readers = [reader for reader in (old, new) if reader is not None]
    progress.stage("Reading", sum(reader.bytes_to_pass(CHUNK) for reader in readers))
    try:
        before, after = (
            b"" if reader is None else reader.read(CHUNK, progress) for reader in (old, new)
        )
        for reader in readers:
            if reader.problem is not None:
                words = f"The contents cannot be compared: {text.safe_name(reader.problem)}."
                post(Compared(token, None, words))
                return
        if len({reader.size for reader in readers}) == 1 and readers[0].size <= CHUNK:
            words = ""
            if len(readers) == 1 and not readers[0].size:
                words = "This file is empty."
            elif before == after:
                words = "The contents are identical; only attributes differ."
            if words:
                post(Compared(token, None, words))
                return
        if is_binary(before) or is_binary(after):
            words = _binary_words(before, after) if len(readers) > 1 else "This file is binary."
            post(Compared(token, None, words))
            return
        document = DiffDocument.of(_lines(before), _lines(after), progress)
        words = "" if document.complete else "large difference: only the first lines are compared"
        if max(reader.size for reader in readers) > CHUNK:
            words = "only the first MiB of each is compared"
        if not len(document):
            words = "The compared parts are identical."
        post(Compared(token, document, words))
    except CancelledError:
        return


def search(
    document: Document,
    pattern: re.Pattern[str],
    jump: bool,
    post: Post,
    cancelled: Callable[[], bool],
) -> None:
    """Post the rows of a document that match a pattern."""
    rows = document.matching(pattern, cancelled)
    if not cancelled():
        post(Searched(document, pattern, rows, jump))


def _lines(data: bytes) -> list[str]:
    lines = data.decode(errors="surrogateescape").split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def _binary_words(before: bytes, after: bytes) -> str:
    """Offset of the first difference, as text."""
    shorter = min(len(before), len(after))
    at, step = 0, 1 << 12
    while at < shorter and before[at : at + step] == after[at : at + step]:
        at += step
    while at < shorter and before[at] == after[at]:
        at += 1
    return f"Binary files differ from byte {at:,} (0x{at:x})."


WORK = "file"
"""Worker group of `FileWork`."""


class FileWork:
    """Runs one thread at a time, which posts messages to a widget. Starting one cancels the one before."""

    def __init__(self, widget: Widget, changed: Callable[[], None]) -> None:
        """`changed` is called when `status` changes."""
        self._widget = widget
        self._changed = changed
        self._token = 0
        self.status = ""
        """The current work as text; empty if idle."""
        self.interrupted = False
        """Whether a cancelled thread may still use the reader."""

    def read(
        self, reader: ContentReader, before: bytes, as_bytes: bool | None, name: bytes
    ) -> None:
        """See `read`."""
        self._begin("Reading", partial(read, reader, before, as_bytes, name))

    def present(self, content: Content, as_bytes: bool, name: bytes) -> None:
        """See `present`."""
        self._begin("Reading", partial(present, content.reader, content.data, as_bytes, name))

    def compare(self, old: ContentReader | None, new: ContentReader | None) -> None:
        """See `compare`."""
        self._begin("Comparing", partial(compare, old, new))

    def stop(self) -> None:
        """Cancel the current work; its messages are ignored."""
        self._token += 1
        self.interrupted = self.interrupted or bool(self.status)
        self.status = ""
        self._widget.workers.cancel_group(self._widget, WORK)
        self._changed()

    def _begin(self, status: str, run: Callable[[int, Post, Callable[[], bool]], None]) -> None:
        self.stop()
        self.status = status
        self._changed()
        token, post = self._token, self._widget.post_message

        def work() -> None:
            worker = get_current_worker()
            run(token, post, lambda: worker.is_cancelled)

        self._widget.run_worker(work, thread=True, exclusive=True, group=WORK, exit_on_error=False)

    # results of the threads

    def is_current(self, token: int) -> bool:
        """Whether a message belongs to the current work."""
        return token == self._token

    def end(self, token: int) -> bool:
        """Mark work as ended; returns whether it was the current work."""
        if self.is_current(token):
            self.status = ""
        return self.is_current(token)

    def show_progress(self, event: Reading) -> None:
        """Show the progress of reading."""
        if self.is_current(event.token) and self.status and event.total:
            share = text.percent(min(event.done, event.total), event.total)
            self.status = f"Reading {share} of {text.size(event.total)}"
            self._changed()
