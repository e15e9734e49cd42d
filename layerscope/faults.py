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
_MEMORY_MESSAGES = (
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
"""Acquired by the first one to report lack of memory; released when the next command starts."""
START_SECONDS = 10.0
"""Seconds after which a thread that has not started never will."""
_START_CHECK_SECONDS = 0.05
"""Seconds between two checks whether a starting thread has failed."""
_CHECK_SECONDS = 1.0
"""Seconds between two checks whether running threads have died."""


class OutOfMemoryError(LayerscopeError):
    """There is not enough memory, or no thread can be started."""

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
        first_line = str(error).splitlines()[0][:200] if str(error) else ""
        super().__init__(
            f"internal error: {type(error).__name__}{': ' + first_line if first_line else ''} (at {self.place})",
            hint="this is a bug in layerscope: please report this line, and what kind of image it was",
        )
        self.report = "".join(traceback.format_exception(error))
        """The whole traceback."""

    @classmethod
    def from_process(cls, message: str, place: str, report: str) -> InternalError:
        """The error of another process, from the details that it sent."""
        error = cls(RuntimeError())
        error.message, error.place, error.report = message, place, report
        error.args = (message,)
        return error


def as_user_error(error: BaseException) -> LayerscopeError:
    """The error to show for an exception."""
    if isinstance(error, LayerscopeError):
        return error
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, RuntimeError) and _NO_THREAD in str(cause):
            return OutOfMemoryError(thread=True)
        if is_out_of_memory(cause):
            return OutOfMemoryError()
        cause = cause.__cause__ or cause.__context__
    return InternalError(error)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this exception itself reports lack of memory."""
    if isinstance(error, MemoryError) or (
        isinstance(error, OSError) and error.errno == errno.ENOMEM
    ):
        return True
    return not isinstance(error, LayerscopeError) and any(
        sign in str(error) for sign in _MEMORY_MESSAGES
    )


def reset_memory_report() -> None:
    """Start a command: lack of memory has not been reported yet."""
    with suppress(RuntimeError):  # nothing was reported
        _memory_report.release()


def claim_memory_report() -> bool:
    """Whether the caller should report lack of memory: true once per command, as the command and its threads notice it
    independently.
    """
    return _memory_report.acquire(blocking=False)


def watch_threads(say: Callable[[LayerscopeError], object]) -> None:
    """End the program if memory runs out in any thread: others could wait for that thread forever.

    Other unhandled exceptions of threads are passed to `say` instead of printing Python's traceback.
    """

    def handle(error: BaseException | None) -> None:
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

    class PoolErrors(logging.Handler):
        """Handles log records about workers of a pool that failed without reporting it."""

        def emit(self, record: logging.LogRecord) -> None:
            handle(record.exc_info[1] if record.exc_info else None)

    def on_exception(args: threading.ExceptHookArgs) -> None:
        handle(args.exc_value)
        running.discard(args.thread)

    original_start, start_lock = threading.Thread.start, threading.RLock()
    running = set[threading.Thread | None]()

    def watch_running() -> None:
        """Watch for threads that died without ending or raising: they had no memory even to report that."""
        while True:
            time.sleep(_CHECK_SECONDS)
            for thread in running.copy():
                has_started = thread is not None and thread._started.is_set()  # type: ignore[attr-defined]
                if has_started and not thread.is_alive() and thread in running:  # type: ignore[union-attr]
                    running.discard(thread)
                    handle(MemoryError())

    def start(thread: threading.Thread) -> None:
        """Python's `Thread.start`, but without waiting forever for a thread that has no memory to start.

        There is no memory for a Python hook in such a thread either, so its exception is recorded here.
        """
        run = thread.run

        def run_and_leave() -> None:
            try:
                run()
            except SystemExit:  # no exception hook is called
                running.discard(thread)
                raise
            running.discard(thread)

        thread.run = run_and_leave  # type: ignore[method-assign]
        started: threading.Event = thread._started  # type: ignore[attr-defined]
        wait = started.wait
        raised: list[sys.UnraisableHookArgs] = []

        def wait_limited(timeout: float | None = None) -> bool:
            remaining = START_SECONDS if timeout is None else timeout
            while not wait(min(remaining, _START_CHECK_SECONDS)):
                handle_raised()
                remaining -= _START_CHECK_SECONDS
                if remaining <= 0:
                    raise RuntimeError(_NO_THREAD)
            return True

        def handle_raised() -> None:
            while raised:
                handle(raised.pop().exc_value)

        started.wait = wait_limited  # type: ignore[method-assign]
        with start_lock:
            original_hook, sys.unraisablehook = sys.unraisablehook, raised.append
            try:
                running.add(thread)
                original_start(thread)
            except BaseException:
                running.discard(thread)
                raise
            finally:
                sys.unraisablehook = original_hook
                handle_raised()
            if not watcher.is_alive():
                with suppress(RuntimeError):  # without memory for it
                    original_start(watcher)

    watcher = threading.Thread(target=watch_running, name="threads", daemon=True)
    threading.Thread.start = start  # type: ignore[method-assign, assignment]
    threading.excepthook = on_exception
    sys.unraisablehook = lambda args: handle(args.exc_value)
    logging.getLogger("concurrent.futures").addHandler(PoolErrors())


def _short(filename: str) -> str:
    """A file's path from the package on."""
    path = Path(filename)
    return str(path.relative_to(_PACKAGE.parent)) if _PACKAGE in path.parents else path.name
