"""Bytes that come when they come, with an ear for whoever wants to stop waiting."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

from layerscope.progress import Progress, check

LOOK_EVERY = 0.1
"""Seconds between two looks at whether the user asked to stop."""
_AHEAD = 4
"""Pieces that are kept ready."""


def pumped(
    pieces: Iterator[bytes], progress: Progress, close: Callable[[], None]
) -> Iterator[bytes]:
    """The same pieces, read in another thread; `close` is called at the end, and when `CancelledError` is raised.

    An engine may be silent for minutes before its first byte, and a read that waits for it cannot be interrupted.
    """
    ready: queue.Queue[bytes | BaseException | None] = queue.Queue(_AHEAD)
    stopped = threading.Event()

    def put(item: bytes | BaseException | None) -> None:
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
