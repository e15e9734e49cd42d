"""Where a command's data goes: stdout, or a file that is replaced whole."""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

from layerscope.errors import UsageError
from layerscope.report.options import ReportOptions
from layerscope.signals import at_end

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class UnwritableError(OSError):
    """stdout takes no more, other than because its reader has seen enough."""


class _Stream(io.FileIO):
    """stdout or stderr; once one of them cannot be written, what else goes there is dropped."""

    def __init__(self, descriptor: int, name: str) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self.what = name
        self.problem: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        if self.problem is None:
            try:
                return super().write(data)
            except OSError as error:
                self.problem = error
                if self.what == "stdout":
                    if error.errno == errno.EPIPE:
                        raise
                    raise UnwritableError(error.errno, error.strerror) from None
        return memoryview(data).nbytes


def guard_streams() -> None:
    """Have stdout and stderr write all of what they are given: Python's own lose bytes under PYTHONUNBUFFERED when they are interrupted.

    Words that stderr does not take are dropped; `unwritable` tells.
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


def words_lost() -> bool:
    """Whether stderr did not take what was written, though somebody reads it."""
    problem = _problem(sys.stderr)
    return problem is not None and problem.errno != errno.EPIPE


def reader_gone() -> bool:
    """Whether the reader of stdout has seen enough."""
    return isinstance(_problem(sys.stdout), BrokenPipeError)


def _problem(stream: TextIO | None) -> OSError | None:
    """What kept a guarded stream from being written; writes what it still keeps."""
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    if stream is None or not isinstance(raw, _Stream):
        return None
    with suppress(OSError, ValueError):
        stream.flush()
    return raw.problem


def is_terminal(stream: TextIO | None) -> bool:
    """Whether one of the standard streams is open and a terminal."""
    return stream is not None and stream.isatty()


def report_options(
    output: Path | None = None, *, binary: bool, files: bool = False, table: str = "steps"
) -> ReportOptions:
    """How a report is written that goes to `output`, or to stdout for None: colours and its width are a terminal's if it is one."""
    terminal = output is None and is_terminal(sys.stdout)
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return ReportOptions(
        files=files,
        binary_sizes=binary,
        color=terminal and not plain,
        width=shutil.get_terminal_size((100, 24)).columns if terminal else 100,
        table=table,
    )


def check_output(path: Path | None, reference: str) -> None:
    """Raise `UsageError` if nothing can be written to `path`, or if it is what is read: before the work, not after it."""
    if path is None:
        return
    image = Path(reference.partition("://")[2] or reference)
    with suppress(OSError, ValueError):
        if path.is_file() and path.samefile(image):
            raise UsageError(f"{path} cannot be written: it is the image that is read")
    if path.is_dir():
        raise UsageError(f"{path} cannot be written: it is a directory")
    if not path.resolve().parent.is_dir():
        raise UsageError(f"{path} cannot be written: there is no directory {path.parent}")


@contextmanager
def output_stream(path: Path | None, *, verdict: bool = False) -> Iterator[BinaryIO]:
    """A stream for data: stdout for None; a regular file is written beside and then replaced, all else directly.

    Where the exit code is a `verdict`, a reader of stdout that has seen enough changes nothing about it. Raises `UsageError` if it cannot be written, and `BrokenPipeError` if nobody reads it any more.
    """
    try:
        if path is None or _is_stdout(path):
            yield from _stdout()
        elif path.exists() and not path.is_file():
            with path.open("wb") as stream:
                yield stream
        else:
            with _replacing(path.resolve()) as stream:
                yield stream
    except BrokenPipeError:
        if not (verdict and reader_gone()):
            raise
    except OSError as error:
        raise UsageError(
            f"{path or 'stdout'} cannot be written: {error.strerror or error}"
        ) from error


def _is_stdout(path: Path) -> bool:
    """Whether `path` is another name of what stdout is, such as /dev/stdout."""
    try:
        return os.path.samestat(path.stat(), os.fstat(sys.stdout.fileno()))
    except (OSError, ValueError, AttributeError):
        return False


def _stdout() -> Iterator[BinaryIO]:
    if sys.stdout is None:
        raise UsageError("stdout is closed", hint="write to a file: --output FILE")
    sys.stdout.flush()
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A temporary file beside `path` that takes its place once it is whole."""
    descriptor, name = tempfile.mkstemp(prefix=".layerscope-", dir=path.parent)
    temporary = Path(name)
    forget = at_end(lambda: temporary.unlink(missing_ok=True))
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o666 & ~_umask()
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        forget()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
