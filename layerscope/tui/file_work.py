"""What a view of a file has done behind the screen: reading, making rows, comparing, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from textual.widget import Widget
from textual.worker import get_current_worker

from layerscope import text
from layerscope.filesystem.content import ContentReader
from layerscope.opening.open import Opened
from layerscope.tui import reading
from layerscope.tui.reading import Content, Post

WORK = "file"
"""The group of its workers."""


class FileWork:
    """Threads that post the messages of `reading` to a widget. What was begun before is stopped, and no more heard."""

    def __init__(self, widget: Widget, changed: Callable[[], None]) -> None:
        """`changed` is called when something else is being done."""
        self._widget = widget
        self._changed = changed
        self._token = 0
        self.doing = ""
        """What is being done, for people; empty for nothing."""
        self.interrupted = False
        """Whether a thread may still be at the reader that it was told to leave."""

    def read(
        self, reader: ContentReader, before: bytes, as_bytes: bool | None, name: bytes
    ) -> None:
        """Read the next part of a content behind the bytes `before`; see `reading.read`."""
        self._begin("Reading", partial(reading.read, reader, before, as_bytes, name))

    def present(self, content: Content, as_bytes: bool, name: bytes) -> None:
        """Make other rows of what was read; see `reading.present`."""
        self._begin(
            "Reading", partial(reading.present, content.reader, content.data, as_bytes, name)
        )

    def compare(self, opened: Opened, old: int, new: int) -> None:
        """Compare two inodes; see `reading.compare`."""
        self._begin("Comparing", partial(reading.compare, opened, old, new))

    def stop(self) -> None:
        """Stop what is being done, and hear no more of it."""
        self._token += 1
        self.interrupted = self.interrupted or bool(self.doing)
        self.doing = ""
        self._widget.workers.cancel_group(self._widget, WORK)
        self._changed()

    def _begin(self, doing: str, run: Callable[[int, Post, Callable[[], bool]], None]) -> None:
        self.stop()
        self.doing = doing
        self._changed()
        token, post = self._token, self._widget.post_message

        def work() -> None:
            worker = get_current_worker()
            run(token, post, lambda: worker.is_cancelled)

        self._widget.run_worker(work, thread=True, exclusive=True, group=WORK, exit_on_error=False)

    # what the threads say

    def wants(self, token: int) -> bool:
        """Whether a message belongs to what was begun last."""
        return token == self._token

    def ended(self, token: int) -> bool:
        """What `token` began came to its end: whether that was wanted."""
        if self.wants(token):
            self.doing = ""
        return self.wants(token)

    def moved(self, event: reading.Reading) -> None:
        """Reading went on: say how far."""
        if self.wants(event.token) and self.doing and event.total:
            share = text.percent(min(event.done, event.total), event.total)
            self.doing = f"Reading {share} of {text.size(event.total)}"
            self._changed()
