"""Reads slow streams in a thread, with timeouts and cancellation."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from math import inf
from typing import TypeVar

from msgspec import Struct

from layerscope.progress import Progress, check

POLL_SECONDS = 0.1
"""Seconds between checks for cancellation."""
_TICK = 1.0
"""Maximum seconds counted between two checks: time while this process was suspended does not count."""
_BUFFERED = 64
"""Maximum number of buffered pieces."""
_Piece = TypeVar("_Piece")
"""Bytes of an export, or messages of an engine."""


class Timeouts(Struct, frozen=True):
    """Timeouts in seconds."""

    silence: float = inf
    """Until the next piece."""
    total: float = inf
    """Until the last piece."""


_NO_TIMEOUTS = Timeouts()


class TooSlowError(Exception):
    """The pieces took longer than was allowed."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"nothing within {seconds:g} seconds")
        self.seconds = seconds
        """The timeout in seconds."""


def read_in_thread(
    pieces: Iterator[_Piece],
    progress: Progress,
    close: Callable[[], None],
    timeouts: Timeouts = _NO_TIMEOUTS,
) -> Iterator[_Piece]:
    """The same pieces, read in another thread; `close` is always called at the end.

    An engine may be silent for minutes before its first byte, and a read that waits for it cannot be interrupted.
    Raises `CancelledError`, and `TooSlowError` after a timeout.
    """
    ready: queue.Queue[_Piece | BaseException | None] = queue.Queue(_BUFFERED)
    stopped = threading.Event()

    def put(item: _Piece | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=POLL_SECONDS)
            except queue.Full:
                continue
            return

    def work() -> None:
        try:
            for piece in pieces:
                put(piece)
                if stopped.is_set():
                    return
        except BaseException as error:
            put(error)
        else:
            put(None)
        finally:
            end = getattr(pieces, "close", None)
            if end is not None:
                end()

    threading.Thread(target=work, daemon=True).start()
    silent = waited = 0.0
    try:
        while True:
            check(progress)
            remaining = min(timeouts.silence - silent, timeouts.total - waited)
            if remaining <= 0:
                raise TooSlowError(timeouts.total if waited >= timeouts.total else timeouts.silence)
            started = time.monotonic()
            try:
                item = ready.get(timeout=min(POLL_SECONDS, remaining))
            except queue.Empty:
                elapsed = min(time.monotonic() - started, _TICK)
                silent, waited = silent + elapsed, waited + elapsed
                continue
            waited += min(time.monotonic() - started, _TICK)
            silent = 0.0
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        close()
