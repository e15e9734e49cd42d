"""Bytes and words that come when they come, with an ear for whoever wants to stop waiting."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

from layerscope.progress import Progress, check

LOOK_EVERY = 0.1
"""Seconds between two looks at whether the user asked to stop."""
_AHEAD = 4
"""Pieces that are kept ready."""
_Piece = TypeVar("_Piece")
"""Bytes of an export, or words that an engine says meanwhile."""


def pumped(
    pieces: Iterator[_Piece], progress: Progress, close: Callable[[], None]
) -> Iterator[_Piece]:
    """The same pieces, read in another thread; `close` is called at the end, and when `CancelledError` is raised.

    An engine may be silent for minutes before its first byte, and a read that waits for it cannot be interrupted.
    """
    ready: queue.Queue[_Piece | BaseException | None] = queue.Queue(_AHEAD)
    stopped = threading.Event()

    def put(item: _Piece | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=LOOK_EVERY)
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

    threading.Thread(target=work, daemon=True).start()
    try:
        while True:
            check(progress)
            try:
                item = ready.get(timeout=LOOK_EVERY)
            except queue.Empty:
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        close()
