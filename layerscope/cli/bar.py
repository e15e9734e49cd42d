"""A progress bar on stderr, if it is a terminal and the work takes long enough."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from layerscope.cli.streams import is_terminal
from layerscope.progress import NullProgress, Progress
from layerscope.signals import at_end
from layerscope.text import size

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

PATIENCE = 0.7
"""Seconds of work before a bar appears."""


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Progress shown as a bar, or not at all if stderr is not a terminal."""
    if not is_terminal(sys.stderr):
        yield NullProgress()
        return
    bar = _Bar()
    forget = at_end(bar.show_cursor)
    try:
        yield bar
    finally:
        bar.close()
        forget()


class _Bar:
    """Counts from any thread; draws after `PATIENCE` seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._stage = ""
        self._total: int | None = None
        self._done = 0
        self._drawn: RichProgress | None = None
        self._closed = False

    def stage(self, name: str, total: int | None = None) -> None:
        with self._lock:
            self._stage, self._total, self._done = name, total, 0
            self._draw()

    def advance(self, done: int) -> None:
        with self._lock:
            self._done += done
            self._draw()

    def cancelled(self) -> bool:
        # Work that waits for an engine reports no progress, but calls this: show the bar while it waits.
        if self._drawn is None and self._stage:
            with self._lock:
                self._draw()
        return False

    def close(self) -> None:
        """Remove the bar; it is not drawn again."""
        with self._lock:
            self._closed = True
            if self._drawn is not None:
                self._drawn.stop()

    def show_cursor(self) -> None:
        """Show the cursor again, which a drawn bar hides."""
        if self._drawn is not None and not self._closed:
            os.write(2, b"\x1b[?25h\r\n")

    def _draw(self) -> None:
        if self._closed:
            return
        if self._drawn is None:
            if time.monotonic() - self._started < PATIENCE:
                return
            self._drawn = _rich_bar()
            self._drawn.add_task(self._stage)
            self._drawn.start()
        self._drawn.update(
            self._drawn.task_ids[0],
            description=self._description(),
            total=self._total,
            completed=self._done,
        )

    def _description(self) -> str:
        """The stage, with the bytes read so far if the total is unknown."""
        return (
            f"{self._stage} {size(self._done)}" if self._done and not self._total else self._stage
        )


def _rich_bar() -> RichProgress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
