"""Failures that say nothing about the image: internal errors, and lack of memory."""

from __future__ import annotations

import errno
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from layerscope import signals
from layerscope.errors import ExitCode, LayerscopeError

_PACKAGE = Path(__file__).parent
_SIGNS = (
    "failed to map segment",
    "annot allocate memory",
    "nable to allocate memory",
    "not enough memory",
    "without setting an exception",
    "error return without exception set",
)
"""Messages of loaders and libraries that mean lack of memory although the exception type does not say so."""
_NO_THREAD = "can't start new thread"
_memory_report = threading.Lock()
"""Held by whatever reports lack of memory first, until the next command begins."""
START_SECONDS = 10.0
"""Seconds after which a thread that has not started never will."""
_LOOK_EVERY = 0.05
"""Seconds between two checks whether it failed."""
_LOOK_AGAIN = 1.0
"""Seconds between two checks whether running threads have died."""


class OutOfMemoryError(LayerscopeError):
    """There was not enough memory for what was asked."""

    exit_code = ExitCode.INTERNAL
    title = "Out of memory"

    def __init__(self, *, thread: bool = False) -> None:
        what = (
            "out of memory, or of processes: no thread can be started"
            if thread
            else "out of memory"
        )
        limits = "the memory limit (ulimit -v, or that of the container)"
        super().__init__(
            what, hint=f"raise {limits}" + (", or that on processes (ulimit -u)" if thread else "")
        )


class InternalError(LayerscopeError):
    """An unexpected exception: one line for the user, and the traceback for a bug report."""

    exit_code = ExitCode.INTERNAL
    title = "This is a bug in layerscope"

    def __init__(self, error: BaseException) -> None:
        import traceback

        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if _PACKAGE in Path(frame.filename).parents]
        self.place = "an unknown place"
        for at in (ours or frames)[-1:]:
            self.place = f"{_short(at.filename)}, line {at.lineno}, in {at.name}"
        said = str(error).splitlines()[0][:200] if str(error) else ""
        super().__init__(
            f"internal error: {type(error).__name__}{': ' + said if said else ''} (at {self.place})",
            hint="this is a bug in layerscope: please report this line, and what kind of image it was",
        )
        self.report = "".join(traceback.format_exception(error))
        """The whole traceback."""

    @classmethod
    def sent(cls, message: str, place: str, report: str) -> InternalError:
        """The same error as it occurred in another process, which sent these details."""
        error = cls(RuntimeError())
        error.message, error.place, error.report = message, place, report
        error.args = (message,)
        return error


def as_user_error(error: BaseException) -> LayerscopeError:
    """The error to show for an exception."""
    if isinstance(error, LayerscopeError):
        return error
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, RuntimeError) and _NO_THREAD in str(seen):
            return OutOfMemoryError(thread=True)
        if is_out_of_memory(seen):
            return OutOfMemoryError()
        seen = seen.__cause__ or seen.__context__
    return InternalError(error)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this exception itself reports lack of memory."""
    if isinstance(error, MemoryError) or (
        isinstance(error, OSError) and error.errno == errno.ENOMEM
    ):
        return True
    return not isinstance(error, LayerscopeError) and any(sign in str(error) for sign in _SIGNS)


def reset_memory_report() -> None:
    """Start a command: lack of memory has not been reported yet."""
    with suppress(RuntimeError):
        _memory_report.release()


def claim_memory_report() -> bool:
    """Whether the caller should report lack of memory: true once per command, as the command and its threads notice it
    independently.
    """
    return _memory_report.acquire(blocking=False)


def watch_threads(say: Callable[[LayerscopeError], object]) -> None:
    """End the program if memory runs out in any thread: others could wait for that thread forever.

    Other unhandled exceptions of threads are passed to `say`, instead of Python's traceback.
    """

    def lost(error: BaseException | None) -> None:
        if error is None:
            return
        if is_out_of_memory(error):
            if not claim_memory_report():
                return  # the first one ends the program
            with suppress(OSError):
                os.write(2, b"layerscope: out of memory\n")
            signals.end_now(ExitCode.INTERNAL)
        if not isinstance(error, OSError | SystemExit):
            say(as_user_error(error))

    class Lost(logging.Handler):
        """Handles log records about workers of a pool that failed without reporting it."""

        def emit(self, record: logging.LogRecord) -> None:
            lost(record.exc_info[1] if record.exc_info else None)

    def failed(args: threading.ExceptHookArgs) -> None:
        lost(args.exc_value)
        running.discard(args.thread)

    begin, one_at_a_time = threading.Thread.start, threading.RLock()
    running = set[threading.Thread | None]()

    def look_after() -> None:
        """Watch for threads that died without ending or raising: they had no memory even to report that."""
        while True:
            time.sleep(_LOOK_AGAIN)
            for thread in running.copy():
                began = thread is not None and thread._started.is_set()  # type: ignore[attr-defined]
                if began and not thread.is_alive() and thread in running:  # type: ignore[union-attr]
                    running.discard(thread)
                    lost(MemoryError())

    def start(thread: threading.Thread) -> None:
        """Like Python's own, but without waiting forever for a thread that has no memory to start.

        There is no memory for a Python hook in such a thread either, so its exception is recorded here.
        """
        run = thread.run

        def run_to_the_end() -> None:
            try:
                run()
            except SystemExit:  # no exception hook is called
                running.discard(thread)
                raise
            running.discard(thread)

        thread.run = run_to_the_end  # type: ignore[method-assign]
        started: threading.Event = thread._started  # type: ignore[attr-defined]
        wait = started.wait
        raised: list[sys.UnraisableHookArgs] = []

        def wait_a_while(timeout: float | None = None) -> bool:
            left = START_SECONDS if timeout is None else timeout
            while not wait(min(left, _LOOK_EVERY)):
                look()
                left -= _LOOK_EVERY
                if left <= 0:
                    raise RuntimeError(_NO_THREAD)
            return True

        def look() -> None:
            while raised:
                lost(raised.pop().exc_value)

        started.wait = wait_a_while  # type: ignore[method-assign]
        with one_at_a_time:
            usual, sys.unraisablehook = sys.unraisablehook, raised.append
            try:
                running.add(thread)
                begin(thread)
            except BaseException:
                running.discard(thread)
                raise
            finally:
                sys.unraisablehook = usual
                look()
            if not guard.is_alive():
                with suppress(RuntimeError):  # without memory for it
                    begin(guard)

    guard = threading.Thread(target=look_after, name="threads", daemon=True)
    threading.Thread.start = start  # type: ignore[method-assign, assignment]
    threading.excepthook = failed
    sys.unraisablehook = lambda args: lost(args.exc_value)
    logging.getLogger("concurrent.futures").addHandler(Lost())


def _short(filename: str) -> str:
    """A file's path from the package on."""
    path = Path(filename)
    return str(path.relative_to(_PACKAGE.parent)) if _PACKAGE in path.parents else path.name
