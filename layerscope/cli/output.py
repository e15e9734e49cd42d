"""Destination of a command's output: stdout, or a file that is replaced atomically."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from layerscope.cli.streams import is_terminal, stdout_closed
from layerscope.errors import UsageError
from layerscope.files import replacing
from layerscope.report.options import ReportOptions
from layerscope.settings import config_file
from layerscope.sources.inputs import InputFiles


def report_options(
    output: Path | None = None,
    *,
    binary: bool,
    files: bool = False,
    table: str = "steps",
    ignore_errors: bool = False,
) -> ReportOptions:
    """Report options for `output` (None for stdout); color and width follow the terminal if stdout is one."""
    terminal = output is None and is_terminal(sys.stdout)
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return ReportOptions(
        files=files,
        binary_sizes=binary,
        color=terminal and not plain,
        width=shutil.get_terminal_size((100, 24)).columns if terminal else 100,
        table=table,
        ignore_errors=ignore_errors,
    )


def input_files(
    params: Mapping[str, Any], *references: str, config: Sequence[Path] = ()
) -> InputFiles:
    """The files that a command reads: images, files named by options, configuration files."""
    inputs = InputFiles()
    for reference in references:
        inputs.add_image(reference)
    inputs.add_folder(params.get("store_root"))
    inputs.add_file(params.get("dockerfile"), "the input Dockerfile")
    for path in (config_file(os.environ), *config):
        inputs.add_file(path, "the input configuration")
    return inputs


def check_output(path: Path | None, inputs: InputFiles) -> None:
    """Raise `UsageError` before any work if `path` cannot be written or is one of the inputs."""
    why = _stdout_problem(inputs) if path is None else _problem(path, inputs)
    if why is not None:
        raise UsageError(f"cannot write {path or 'stdout'}: {why}")


def _stdout_problem(inputs: InputFiles) -> str | None:
    """Why stdout must not be written to: it is an input file. None if it is not."""
    try:
        what = inputs.description_of(Path("/dev/stdout"), os.fstat(sys.stdout.fileno()))
    except (OSError, ValueError, AttributeError):
        return None  # reported when it is written to
    return what and f"it is {what}"


def _problem(path: Path, inputs: InputFiles) -> str | None:
    """Why a path cannot be written to, or None. Raises `UsageError` for an input file."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = None  # a new file, or a link to one
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    inputs.refuse(path)
    if mode is not None and stat.S_ISDIR(mode):
        return "it is a directory"
    if mode is not None and stat.S_ISSOCK(mode):
        return "it is a socket"
    if mode is not None and not os.access(path, os.W_OK):
        return os.strerror(errno.EACCES)
    if mode is None or stat.S_ISREG(mode):
        parent = Path(os.path.realpath(path)).parent
        if not parent.is_dir():
            return f"no such directory: {parent if path.is_symlink() else path.parent}"
        if not os.access(parent, os.W_OK | os.X_OK):
            return f"cannot create files in {parent}"
    return None


@contextmanager
def output_stream(path: Path | None) -> Iterator[BinaryIO]:
    """A binary stream: stdout for None; a regular file is replaced once complete, other files are written directly.

    A reader of stdout that stops early ends the `with` block and changes no exit code. Raises `UsageError` if it cannot be
    written.
    """
    try:
        if path is None or _is_stdout(path):
            yield from _stdout()
        elif path.exists() and not path.is_file():
            with path.open("wb") as stream:
                yield stream
        else:
            with replacing(Path(os.path.realpath(path))) as stream:
                yield stream
    except BrokenPipeError:
        if not stdout_closed():
            raise
    except OSError as error:
        raise UsageError(f"cannot write {path or 'stdout'}: {error.strerror or error}") from error


def _is_stdout(path: Path) -> bool:
    """Whether `path` is the same file as stdout, for example /dev/stdout."""
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
