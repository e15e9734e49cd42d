"""stdout and stderr: guarded against write errors; error messages on stderr."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from layerscope.errors import LayerscopeError
from layerscope.text import log_line

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class UnwritableError(OSError):
    """Writing to stdout failed, and not because its reader stopped early."""


class _Stream(io.FileIO):
    """stdout or stderr; after a write error, everything else written to it is dropped."""

    def __init__(self, descriptor: int, name: str) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self.stream_name = name
        self.problem: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        if self.problem is None:
            try:
                return super().write(data)
            except OSError as error:
                self.problem = error
                if self.stream_name == "stdout":
                    if error.errno == errno.EPIPE:
                        raise
                    raise UnwritableError(error.errno, error.strerror) from None
        return memoryview(data).nbytes


def guard_streams() -> None:
    """Make stdout and stderr write everything they are given: Python's own streams lose bytes under PYTHONUNBUFFERED when they
    are interrupted.

    Text that stderr rejects is dropped; see `stderr_failed`.
    """
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            continue
        guarded = io.TextIOWrapper(
            io.BufferedWriter(_Stream(descriptor, name)),
            encoding=stream.encoding,
            errors=stream.errors,
            line_buffering=name == "stderr" or stream.line_buffering,
        )
        vars(sys)[name] = vars(sys)[f"__{name}__"] = guarded


def stderr_failed() -> bool:
    """Whether writing to stderr failed for a reason other than a closed pipe."""
    problem = _stream_problem(sys.stderr)
    return problem is not None and problem.errno != errno.EPIPE


def stdout_closed() -> bool:
    """Whether the reader of stdout has closed the pipe."""
    return isinstance(_stream_problem(sys.stdout), BrokenPipeError)


def _stream_problem(stream: TextIO | None) -> OSError | None:
    """The write error of a guarded stream, after flushing it; None if there is none."""
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    if stream is None or not isinstance(raw, _Stream):
        return None
    with suppress(OSError, ValueError):
        stream.flush()
    return raw.problem


def is_terminal(stream: TextIO | None) -> bool:
    """Whether one of the standard streams is open and a terminal."""
    return stream is not None and stream.isatty()


def print_error(error: LayerscopeError) -> None:
    """Print an error on stderr: its message, then its hint."""
    if sys.stderr is None:
        return
    sys.stderr.write(f"layerscope: {log_line(error.message)}\n")
    if error.hint:
        sys.stderr.write(f"  hint: {log_line(error.hint)}\n")


def has_terminal(*references: str) -> bool:
    """Whether there is a terminal to draw on and to read keys from when images with these names are opened."""
    if os.environ.get("TERM", "") in ("", "dumb"):
        return False
    if not (is_terminal(sys.stdout) and is_terminal(sys.stderr)):
        return False
    if "-" not in references:
        return is_terminal(sys.stdin)
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return False
    return True
