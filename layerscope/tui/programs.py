"""Opens a copy of a file in the user's pager or editor. Nothing from the image is executed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct
from textual.app import SuspendNotSupported
from textual.screen import Screen
from textual.worker import get_current_worker

from layerscope import signals, text
from layerscope.browse.facts import FileFacts
from layerscope.errors import CancelledError, LayerscopeError, UsageError
from layerscope.filesystem.content_reader import ContentReader
from layerscope.layers.index import Kind
from layerscope.opening.opened import Opened
from layerscope.progress import Progress
from layerscope.tui.loader import WorkDone
from layerscope.tui.terminal import TerminalApp
from layerscope.tui.workers import MessageProgress

MAX_FILE_BYTES = 64 << 20
"""Maximum size of a file that is copied, in bytes."""
CHUNK = 1 << 20
"""Bytes read at a time."""
MAX_NAME_LENGTH = 100
"""Maximum length of the copy's name. The end of the file's name is kept: it shows the type of file."""
_PREPROCESSORS = ("LESSOPEN", "LESSCLOSE")
"""Variables that make `less` pass files to other programs, which must not get files from an image."""


class Program(Struct, frozen=True):
    """A program that the user chooses by environment variables."""

    variables: tuple[str, ...]
    """Variables that name it, the most important one first."""
    default: str

    def command(self, environment: Mapping[str, str]) -> list[str]:
        """Program and arguments. Raises `UsageError` if there is no such program."""
        words, place = [self.default], f"${self.variables[0]}"
        for variable in self.variables:
            if environment.get(variable, "").strip():
                place = f"${variable}"
                try:
                    words = shlex.split(environment[variable])
                except ValueError as error:
                    raise UsageError(f"{place}: {str(error).lower()}") from None
                break
        if not words or shutil.which(words[0], path=environment.get("PATH")) is None:
            named = words[0] if words else ""
            raise UsageError(f"program not found: {named}", hint=f"{place} names it")
        return words


PROGRAMS = {
    "pager": Program(("PAGER",), "less"),
    "editor": Program(("VISUAL", "EDITOR"), "vi"),
}


def open_copy(screen: Screen[Any], opened: Opened, version: int, program: Program) -> None:
    """Copy a file in a thread, then run the program in the terminal; errors are shown as notifications."""
    facts = FileFacts.of(opened.filesystem, version)
    try:
        if facts.kind is not Kind.FILE:
            raise UsageError(f"this is {facts.kind_words()}: only files can be opened in a program")
        if facts.logical > MAX_FILE_BYTES:
            size, most = text.size(facts.logical), text.size(MAX_FILE_BYTES)
            raise UsageError(f"this file has {size}; at most {most} are copied for a program")
        command = program.command(os.environ)
    except UsageError as error:
        _notify_error(screen, error)
        return
    reader = ContentReader(opened.filesystem.inodes, opened.contents, facts.inode)
    name = file_name(facts.full.rpartition(b"/")[2])
    work = partial(_copy_and_run, screen, reader, name, command)
    screen.run_worker(work, thread=True, exclusive=True, group="program", exit_on_error=False)


def file_name(name: bytes) -> str:
    """The name of the copy: characters that mean something to a shell or a terminal are replaced."""
    return re.sub(r"[^\w.+-]", "_", name.decode(errors="replace"), flags=re.ASCII)[
        -MAX_NAME_LENGTH:
    ]


def write_copy(reader: ContentReader, path: Path, progress: Progress) -> None:
    """Write a content into a new file that only the user can read. Raises `LayerscopeError`, `OSError`, `CancelledError`."""
    progress.stage("Reading", reader.bytes_to_pass(reader.size))
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while piece := reader.read(CHUNK, progress):
            file.write(piece)
    if reader.problem is not None:
        raise LayerscopeError(f"the content cannot be read: {reader.problem}")


def _copy_and_run(
    screen: Screen[Any], reader: ContentReader, name: str, command: list[str]
) -> None:
    """Copy the file and run the program, in a thread; the copy is removed when the program ends."""
    app, worker = screen.app, get_current_worker()
    progress = MessageProgress(app.post_message, lambda: worker.is_cancelled)
    try:
        with signals.temporary_folder("layerscope-") as folder:
            path = Path(folder) / name
            write_copy(reader, path, progress)
            app.post_message(WorkDone())
            if not worker.is_cancelled:
                app.call_from_thread(_run, screen, path, command)
    except CancelledError:
        return
    except (LayerscopeError, OSError) as error:
        _notify_error(screen, error)
    finally:
        app.post_message(WorkDone())


def _run(screen: Screen[Any], path: Path, command: list[str]) -> None:
    """Run the program in the main thread, which waits for it."""
    app = screen.app
    if not isinstance(app, TerminalApp):
        raise TypeError
    environment = {name: value for name, value in os.environ.items() if name not in _PREPROCESSORS}
    before = path.stat().st_mtime_ns
    try:
        code = app.run_program([*command, str(path)], environment)
    except (OSError, SuspendNotSupported) as error:
        _notify_error(screen, error)
        return
    if code:
        _notify_error(screen, UsageError(f"{command[0]} ended with exit code {code}"))
    elif not path.exists() or path.stat().st_mtime_ns != before:
        words = "The changes were discarded: an image cannot be edited."
        app.notify(words, title="Only a copy was opened", markup=False)


def _notify_error(screen: Screen[Any], error: Exception) -> None:
    """Notify about an error, from any thread."""
    words = error.message if isinstance(error, LayerscopeError) else str(error)
    hint = getattr(error, "hint", None)
    screen.notify(
        text.safe_lines("\n".join(filter(None, (words, hint)))),
        title="Cannot open the file",
        severity="error",
        markup=False,
    )
