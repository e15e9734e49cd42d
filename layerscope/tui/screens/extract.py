"""The dialog that extracts a file or directory: target and progress."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, ProgressBar, Static
from textual.worker import get_current_worker

from layerscope import text
from layerscope.errors import CancelledError, LayerscopeError
from layerscope.extraction import extract as core
from layerscope.extraction.placing import ExistsError
from layerscope.extraction.plan import plan_one
from layerscope.extraction.result import Extracted
from layerscope.layers.index import Kind
from layerscope.opening.opened import Opened
from layerscope.sources.inputs import InputFiles
from layerscope.tui.commands import bindings, first_key
from layerscope.tui.pointing import Pointed
from layerscope.tui.screens.dialog import Dialog
from layerscope.tui.workers import MessageProgress, ProgressMoved

_MAX_FAILURES = 3
"""Maximum number of unwritten paths that the notification names."""


@dataclass(eq=False, repr=False)
class _Advanced(Message):
    done: int
    total: int


@dataclass(eq=False, repr=False)
class _Ended(Message):
    """Extraction ended: with a result, an error, or neither if it was cancelled."""

    result: Extracted | None
    error: LayerscopeError | None
    target: Path


class ExtractScreen(Dialog):
    """Asks for a target, writes it in a thread, and reports the result. Cancelling leaves no files behind."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("dialog", but=["dialog.copy", "dialog.search"])
    DEFAULT_CSS = """
    ExtractScreen { align: center middle; }
    ExtractScreen > Vertical {
        width: 72; max-width: 96%; height: auto; padding: 1 2; background: $surface; border: round $rule;
    }
    ExtractScreen Input { margin: 1 0; background: $panel; }
    ExtractScreen ProgressBar { display: none; width: 1fr; }
    ExtractScreen ProgressBar Bar { width: 1fr; }
    ExtractScreen.-writing ProgressBar { display: block; }
    """

    def __init__(self, opened: Opened, pointed: Pointed) -> None:
        super().__init__()
        self._opened = opened
        self._pointed = pointed
        self._file_name = opened.filesystem.table.name(pointed.path)
        self._field = Input(f"./{_printable(self._file_name)}", compact=True)
        self._field.cursor_blink = False
        self._message = Static(markup=False)
        self._bar = ProgressBar(show_eta=False)
        self._replaceable = ""
        """The existing target that Enter would replace."""
        self._leaving = False

    def compose(self) -> ComposeResult:
        filesystem, pointed = self._opened.filesystem, self._pointed
        inside = filesystem.kinds[pointed.version] == Kind.DIRECTORY
        born, died = filesystem.born[pointed.version], filesystem.died[pointed.version]
        full = "/" + text.safe_name(filesystem.table.full(pointed.path))
        head = Text(overflow="ellipsis", no_wrap=True)
        head.append("Extract ", "bold").append(text.clip_start(full, 56))
        below = "with everything below it, " if inside else ""
        when = f"after layer {pointed.layer}" if born < died else f"stored in layer {born}"
        head.append(f"\n{below}as it is {when}", "dim")
        with Vertical():
            yield Static(head, markup=False)
            yield self._field
            yield self._bar
            yield self._message

    def on_mount(self) -> None:
        self._show_message(f"Enter saves · {self._close_key} cancels")
        self._field.focus()

    def _show_message(self, words: str, style: str = "dim") -> None:
        self._message.update(Text(text.safe_lines(words), style))

    @property
    def _close_key(self) -> str:
        return first_key("dialog.close", getattr(self.app, "keys", {}))

    @property
    def _writing(self) -> bool:
        return self.has_class("-writing")

    async def action_dismiss(self, result: None = None) -> None:
        if self._writing:
            self._leaving = True
            self.workers.cancel_group(self, "extract")
            self._show_message("Cancelling…")
        else:
            self.dismiss()

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if event.value != self._replaceable:
            self._replaceable = ""

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._writing:
            return
        try:
            folder, name = core.target_of(event.value, self._file_name)
        except LayerscopeError as error:
            self._show_error(error)
            return
        self._field.disabled = True
        self.add_class("-writing")
        self._show_message(f"{self._close_key} cancels")
        self._extract(folder, name, overwrite=event.value == self._replaceable)

    @work(thread=True, exclusive=True, group="extract", exit_on_error=False)
    def _extract(self, folder: Path, name: bytes, *, overwrite: bool) -> None:
        worker = get_current_worker()
        write(
            self._opened, self._pointed, folder, name, overwrite,
            self.post_message, lambda: worker.is_cancelled,
        )  # fmt: skip

    @on(_Advanced)
    def _advanced(self, event: _Advanced) -> None:
        event.stop()
        self._bar.update(total=max(event.total, 1), progress=min(event.done, event.total))

    @on(_Ended)
    def _ended(self, event: _Ended) -> None:
        event.stop()
        self.remove_class("-writing")
        self._field.disabled = False
        if event.result is not None:
            self._notify_result(event.result, event.target)
            self.dismiss()
        elif self._leaving or event.error is None:
            self.app.notify("Cancelled. No files were left behind.", title="Extract", markup=False)
            self.dismiss()
        else:
            if isinstance(event.error, ExistsError):
                self._replaceable = self._field.value
            self._show_error(event.error)
            self._field.focus()

    def _show_error(self, error: LayerscopeError) -> None:
        hint = f"\n{error.hint}" if error.hint else ""
        if self._replaceable:
            hint = "\nPress Enter again to replace it, or choose another name."
        self._show_message(error.message + hint, "bold")

    def _notify_result(self, result: Extracted, target: Path) -> None:
        """Notify of the result."""
        lines = [f"{result.written()}: {text.safe_name(str(target))}", *result.notes()]
        for path, why in result.reasons[:_MAX_FAILURES]:
            name = text.safe_name(self._opened.filesystem.table.full(path))
            lines.append(f"{text.clip_start(name, 40)}: {text.safe_name(why)}")
        incomplete = result.unreadable or result.skipped
        self.app.notify(
            "\n".join(lines),
            title="Extracted",
            severity="warning" if incomplete else "information",
            timeout=8,
            markup=False,
        )


def write(
    opened: Opened,
    pointed: Pointed,
    folder: Path,
    name: bytes,
    overwrite: bool,
    post: Callable[[Message], object],
    cancelled: Callable[[], bool],
) -> None:
    """Extract in the calling thread, posting progress and result."""

    def forward(message: Message) -> None:
        if isinstance(message, ProgressMoved):
            post(_Advanced(message.done, message.total or 0))

    target = folder / os.fsdecode(name)
    progress = MessageProgress(forward, cancelled)
    try:
        plan = plan_one(opened.filesystem, pointed.version, pointed.layer, name)
        inputs = InputFiles()
        inputs.add_image(opened.image.reference)
        result = core.extract(
            plan,
            opened.contents,
            folder,
            overwrite=overwrite,
            keep=inputs.description_of,
            progress=progress,
        )
        post(_Ended(result, None, target))
    except CancelledError:
        post(_Ended(None, None, target))
    except LayerscopeError as error:
        post(_Ended(None, error, target))
    except OSError as error:
        post(_Ended(None, LayerscopeError(f"{target}: {error.strerror or error}"), target))


def _printable(name: bytes) -> str:
    """The name of a file with replaced unprintable characters, for the default target."""
    return "".join(
        character if character.isprintable() else "_" for character in name.decode(errors="replace")
    )
