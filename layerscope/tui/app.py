"""The application: themes, the screens, the loader, and errors as dialogs."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import ClassVar

from textual import on, work
from textual.app import SystemCommand
from textual.binding import BindingType
from textual.events import Key
from textual.keys import REPLACED_KEYS, key_to_character
from textual.screen import Screen
from textual.worker import get_current_worker

from layerscope import text
from layerscope.browse.marks import Marks
from layerscope.tui.commands import bindings
from layerscope.tui.guard import Guarded, as_user_error
from layerscope.tui.loader import (
    DuplicatesFound,
    Fetched,
    FindingsFound,
    LayerChecked,
    LayerRead,
    Stacked,
    TreeExpected,
    WorkDone,
    WorkFailed,
    load,
)
from layerscope.tui.palette import CommandProvider
from layerscope.tui.preferred import PreferredApp
from layerscope.tui.run_commands import working
from layerscope.tui.screens.error import ErrorScreen
from layerscope.tui.screens.main import MainScreen
from layerscope.tui.session import Session
from layerscope.tui.terms import TERMS
from layerscope.tui.view import ChooseAnother
from layerscope.tui.workers import ProgressMoved

SWITCH_INTERVAL = 0.0005
"""Seconds that a thread may hold the interpreter: short, so that keys respond immediately."""

BYTE_STAGES = ("Reading layers", "Comparing contents", "Checking digests")


SAME_ERROR = 1.0
"""Seconds after closing a dialog in which the same error is not shown again: painting errors repeat."""


class LayerscopeApp(Guarded, PreferredApp[None]):
    """Explores one image."""

    TITLE = "layerscope"
    COMMANDS = {CommandProvider}  # noqa: RUF012  # as Textual spells it
    forgiving: ClassVar[bool] = True
    """Whether unexpected errors are shown in a dialog; tests set it to False to see them raised."""
    BINDINGS: ClassVar[list[BindingType]] = bindings("app")

    def __init__(self, session: Session) -> None:
        super().__init__(session.preferences)
        self.session = session
        # Textual adds its own binding of the palette, without an id, so that its key could not be changed.
        self._bindings.key_to_bindings = {
            key: kept
            for key, found in self._bindings
            if (kept := [binding for binding in self._bindings.key_to_bindings[key] if binding.id])
        }
        self._said = ("", 0.0)
        self._layers_due = False
        self._leaving = False
        """Also stops an export that a view started by reading a file."""
        self.chooses_another = False
        """Whether the user left for the picker."""

    def on_mount(self) -> None:
        sys.setswitchinterval(SWITCH_INTERVAL)
        self.push_screen(MainScreen(self.session))
        self.remember_theme()
        self.call_after_refresh(self.load)  # after the first frame, which loading would delay

    @work(thread=True, exit_on_error=False, group="load")
    def load(self) -> None:
        """Read, stack and check the image in a thread."""
        worker = get_current_worker()
        load(self.session, self.post_message, lambda: worker.is_cancelled or self._leaving)

    # results of the loader

    @property
    def main(self) -> MainScreen | None:
        """The main screen."""
        return next(
            (screen for screen in self.screen_stack if isinstance(screen, MainScreen)), None
        )

    @on(Fetched)
    def _fetched(self, event: Fetched) -> None:
        self.session.take(event.source)
        if self.main is not None:
            self.main.image_changed()

    @on(TreeExpected)
    def _tree_expected(self, event: TreeExpected) -> None:
        if self.main is not None and self.session.opened is None:
            self.main.explore.show_expected(event.filesystem)

    @on(LayerRead)
    def _layer_read(self, event: LayerRead) -> None:
        self.session.indexes[event.number] = event.index
        if not self._layers_due:  # cached layers arrive together: show them once
            self._layers_due = True
            self.call_later(self._show_layers)

    def _show_layers(self) -> None:
        self._layers_due = False
        if self.main is not None:
            self.main.layers_changed()

    @on(Stacked)
    def _stacked(self, event: Stacked) -> None:
        self.session.opened, self.session.marks = event.opened, Marks(wasted=event.wasted)
        self.session.indexes = list(event.opened.indexes)  # equal, in less memory
        if self.main is not None:
            self.main.stacked()
        damages = event.opened.damages()
        if damages:
            self.notify(
                "\n".join(map(text.safe_name, damages[:3])),
                title="Damaged",
                severity="warning",
                timeout=10,
                markup=False,
            )

    @on(DuplicatesFound)
    def _duplicates_found(self, event: DuplicatesFound) -> None:
        self.session.duplicates, self.session.copies = event.duplicates, event.copies
        self.session.marks = replace(self.session.marks, duplicate=event.marked)
        if self.main is not None:
            self.main.duplicates_found()

    @on(FindingsFound)
    def _findings_found(self, event: FindingsFound) -> None:
        self.session.findings = event.findings
        self.session.marks = replace(
            self.session.marks, secret=event.secret, package=event.packages
        )
        if self.main is not None:
            self.main.findings_found()

    @on(LayerChecked)
    def _layer_checked(self, event: LayerChecked) -> None:
        self.session.checked[event.number] = event.right
        if self.main is not None:
            self.main.layers_changed()

    @on(ProgressMoved)
    def _progress_moved(self, event: ProgressMoved) -> None:
        if self.main is not None:
            self.main.header.show_work(_progress_words(event))

    @on(WorkDone)
    def _work_done(self) -> None:
        if self.main is not None:
            self.main.header.show_work("")

    @on(WorkFailed)
    def _work_failed(self, event: WorkFailed) -> None:
        self._work_done()
        self.push_screen(ErrorScreen(event.error))

    # errors

    def failed(self, error: BaseException) -> None:
        """Show an exception and continue."""
        if not self.forgiving or self.main is None or not isinstance(error, Exception):
            super()._handle_exception(error)  # type: ignore[arg-type]
            return
        said = as_user_error(error)
        words, closed = self._said
        if isinstance(self.screen, ErrorScreen):
            return
        if said.message == words and time.monotonic() - closed < SAME_ERROR:
            self._said = (words, time.monotonic())
            return
        self.push_screen(ErrorScreen(said), lambda _: self._error_closed(said.message))

    def _error_closed(self, message: str) -> None:
        self._said = (message, time.monotonic())

    def _handle_exception(self, error: Exception) -> None:
        self.failed(error)

    # keys

    async def _check_bindings(self, key: str, priority: bool = False) -> bool:
        """In a text field every printable key is text, even if the user bound it to a command.

        Fields handle such keys themselves. The keys that arrive here were typed before the field had the focus:
        over a slow line, the key that opens a field arrives together with the text for it.
        """
        focused = self.focused
        character = key_to_character(REPLACED_KEYS.get(key, key))
        if focused is not None and focused.check_consume_key(key, character):
            if not priority:
                await focused.on_event(Key(key, character))
            return False
        return await super()._check_bindings(key, priority)

    # commands

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Textual's own commands that layerscope's do not cover."""
        yield SystemCommand("Theme…", "Choose among all themes.", self.action_change_theme)
        yield SystemCommand("Screenshot", "Save the screen as SVG.", self.deliver_screenshot)
        for term, meaning in TERMS.items():
            yield SystemCommand(f"What is {term}?", meaning, partial(self.show_help, figures=True))

    def action_help(self) -> None:
        self.show_help()

    def show_help(self, *, figures: bool = False) -> None:
        """Open the help, at the keys of the current view or at the figures."""
        from layerscope.tui.screens.help import HelpScreen

        screen = self.screen
        view = isinstance(screen, MainScreen) and screen.view_title
        self.push_screen(HelpScreen(self.keys, working(screen), view or "", figures=figures))

    async def action_quit(self) -> None:
        self.leave()

    @on(ChooseAnother)
    def _choose_another(self) -> None:
        self.chooses_another = True
        self.leave()

    def leave(self) -> None:
        self._leaving = True
        self.session.remote.close()  # whatever waits for it ends
        super().leave()

    def on_unmount(self) -> None:
        self.session.remote.close()


def _progress_words(event: ProgressMoved) -> str:
    if not event.stage:
        return ""
    if not event.total:
        return f"{event.stage}… {text.size(event.done)}" if event.done else f"{event.stage}…"
    share = text.percent(min(event.done, event.total), event.total)
    if event.stage in BYTE_STAGES:
        return f"{event.stage} {share} of {text.size(event.total)}"
    return f"{event.stage} {share}"
