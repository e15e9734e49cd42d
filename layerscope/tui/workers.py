"""Worker threads: progress as messages, and cancellation."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.message import Message
from textual.worker import get_current_worker

from layerscope.errors import CancelledError

REPORT_EVERY = 0.1
"""Seconds between two progress messages."""


class ProgressMoved(Message):
    """Progress of the work in a thread."""

    def __init__(self, stage: str, done: int, total: int | None) -> None:
        super().__init__()
        self.stage = stage
        self.done = done
        self.total = total

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, ProgressMoved)


class MessageProgress:
    """Posts progress as messages, at most every `REPORT_EVERY` seconds."""

    def __init__(self, post: Callable[[Message], object], cancelled: Callable[[], bool]) -> None:
        self._post = post
        self._cancelled = cancelled
        self._stage = ""
        self._total: int | None = None
        self._done = 0
        self._reported = 0.0

    def stage(self, name: str, total: int | None = None) -> None:
        self._stage, self._total, self._done = name, total, 0
        self._report()

    def advance(self, done: int) -> None:
        self._done += done
        if time.monotonic() - self._reported >= REPORT_EVERY:
            self._report()

    def cancelled(self) -> bool:
        return self._cancelled()

    def _report(self) -> None:
        self._reported = time.monotonic()
        self._post(ProgressMoved(self._stage, self._done, self._total))


def check_while(wanted: Callable[[], bool]) -> Callable[[], None]:
    """Return a check that raises `CancelledError` once the calling worker is cancelled or its result is not `wanted`."""
    worker = get_current_worker()

    def check() -> None:
        if worker.is_cancelled or not wanted():
            raise CancelledError

    return check
