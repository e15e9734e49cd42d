"""Ends the program after a signal: unfinished work is undone, and the exit code is 128 + n, as a shell reports it.

SIGHUP, SIGINT, SIGQUIT and SIGTERM raise in the main thread, so that `with` and `finally` clean up; the explorer takes
them as a request to quit. If the program does not end by itself within `PATIENCE`, or gets another signal, it ends immediately:
then only what was registered with `at_end` is undone. A signal that was ignored when the program started stays ignored.

Imports almost nothing, because it is loaded before everything else.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

CAUGHT = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
PATIENCE = 8.0
"""Seconds for the program to end by itself: less than the 10 s after which `docker stop` kills it. Not for
Ctrl-C, which can be pressed again."""
REPEAT_SECONDS = 0.5
"""Seconds within which a second signal is ignored: terminals and wrappers may send one signal twice. Later ones end the program."""

_ending: tuple[int, float] | None = None
"""The signal that ends the program, and when it arrived."""
_handlers: list[tuple[Callable[[int], object], bool]] = []
"""Handlers of `handled_by`, of which the last one is called; and whether each is `patient`."""
_cleanups: list[Callable[[], object]] = []
_reserve: list[bytes] = []
"""Memory reserved for cleaning up when memory is short. `bytes` leaves its pages untouched, so that they take none until then;
`bytearray` would write to them."""
_RESERVE = 4 << 20


class EndedBySignal(SystemExit):
    """A signal ends the program."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number


def catch() -> None:
    """From now on, signals end the program with cleanup. Call it once, in the main thread."""
    _reserve.append(bytes(_RESERVE))
    for number in CAUGHT:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _received)
    signal.signal(signal.SIGALRM, lambda *_: end_now(128 + (ending() or signal.SIGALRM)))


def ending() -> int:
    """The signal that is ending the program; 0 for none."""
    return 0 if _ending is None else _ending[0]


def raise_ending() -> None:
    """Raise the exception of a signal, if one arrived."""
    if ending() == signal.SIGINT:
        raise KeyboardInterrupt
    if ending():
        raise EndedBySignal(ending())


@contextlib.contextmanager
def handled_by(handle: Callable[[int], object], *, patient: bool = False) -> Iterator[None]:
    """Call `handle` with the number of a signal instead of raising, between any two instructions of the main thread.

    `patient` gives the program as long as it needs to end; a second signal still ends it at once.
    """
    item = (handle, patient)
    _handlers.append(item)
    try:
        yield
    finally:
        _handlers.remove(item)


def at_end(undo: Callable[[], object]) -> Callable[[], None]:
    """Register `undo` to be called if the program has to end immediately; it must be quick. Returns a function that cancels this."""
    _cleanups.append(undo)

    def forget() -> None:
        with contextlib.suppress(ValueError):
            _cleanups.remove(undo)

    return forget


@contextlib.contextmanager
def temporary_folder(prefix: str) -> Iterator[str]:
    """A folder that is removed afterwards, even if the program has to end immediately; yields its path."""
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory(prefix=prefix) as folder:
        forget = at_end(lambda: shutil.rmtree(folder, ignore_errors=True))
        try:
            yield folder
        finally:
            forget()


def end_now(code: int) -> NoReturn:
    """End the program immediately with an exit code. For any thread."""
    _reserve.clear()
    # Only possible in the main thread; another thread is not the one that hangs.
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGALRM, lambda *_: os._exit(code))
        signal.setitimer(signal.ITIMER_REAL, 1.0)
    while _cleanups:
        with contextlib.suppress(BaseException):
            _cleanups.pop()()
    os._exit(code)


def _received(number: int, _: FrameType | None) -> None:
    global _ending
    now = time.monotonic()
    if _ending is not None:
        if now - _ending[1] >= REPEAT_SECONDS:
            end_now(128 + _ending[0])
        return
    _ending = (number, now)
    handle, patient = _handlers[-1] if _handlers else (lambda _: raise_ending(), False)
    if not patient and (number != signal.SIGINT or _handlers):
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    handle(number)
