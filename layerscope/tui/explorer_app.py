"""The base of all explorers: commands, help, errors as dialogs, stopping the workers."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import SystemCommand
from textual.binding import BindingType
from textual.events import Key
from textual.keys import REPLACED_KEYS, key_to_character
from textual.screen import Screen

from layerscope import text
from layerscope.opening.opened import Opened
from layerscope.tui.commands import bindings
from layerscope.tui.guard import Guarded, as_user_error
from layerscope.tui.palette import CommandProvider
from layerscope.tui.preferences import Preferences
from layerscope.tui.preferred import PreferredApp
from layerscope.tui.run_commands import active_commands
from layerscope.tui.screens.error import ErrorScreen
from layerscope.tui.session import Session
from layerscope.tui.view import ChooseAnother

SWITCH_INTERVAL = 0.0005
"""Seconds that a thread may hold the interpreter: short, so that keys respond immediately."""
SAME_ERROR = 1.0
"""Seconds after closing a dialog in which the same error is not shown again: painting errors repeat."""


class ExplorerApp(Guarded, PreferredApp[None]):
    """Shows images that other processes open."""

    TITLE = "layerscope"
    COMMANDS = {CommandProvider}  # noqa: RUF012  # as Textual spells it
    BINDINGS: ClassVar[list[BindingType]] = bindings("app")
    NOTIFICATION_TIMEOUT: ClassVar[float] = 3
    """Seconds: notices cover the pane in the corner."""
    forgiving: ClassVar[bool] = True
    """Whether unexpected errors are shown in a dialog; tests set it to False to see them raised."""

    def __init__(self, *sessions: Session, preferences: Preferences | None = None) -> None:
        """`preferences` are needed without sessions; all sessions share the same."""
        super().__init__(sessions[0].preferences if preferences is None else preferences)
        self.sessions: Sequence[Session] = sessions
        # Textual adds its own binding of the palette, without an id, so that its key could not be changed.
        self._bindings.key_to_bindings = {
            key: kept
            for key, found in self._bindings
            if (kept := [binding for binding in self._bindings.key_to_bindings[key] if binding.id])
        }
        self._last_error = ("", 0.0)
        self._leaving = False
        """Set when the explorer ends; also stops an export that a view started by reading a file."""
        self.chooses_another = False
        """Whether the user left for the picker."""

    @property
    def main(self) -> Screen[None] | None:
        """The screen below all dialogs; None while it is not shown yet."""
        raise NotImplementedError

    @property
    def view_title(self) -> str:
        """The title of the current view in help; empty if help begins with all keys."""
        raise NotImplementedError

    def show_main(self, screen: Screen[None]) -> None:
        """Show the screen below all dialogs."""
        sys.setswitchinterval(SWITCH_INTERVAL)
        fitting = [
            name for least, name in screen.HORIZONTAL_BREAKPOINTS or () if self.size.width >= least
        ]
        # Textual does the same after the first layout, and then computes all styles again.
        screen.set_class(bool(fitting), *fitting[-1:], update=False)
        self.push_screen(screen)
        self.save_theme_changes()

    def warn_of_damage(self, damages: Sequence[str]) -> None:
        """Notify about layers that could not be read completely; `damages` has a sentence for each."""
        if damages:
            self.notify(
                "\n".join(map(text.safe_name, damages[:3])),
                title="Damaged",
                severity="warning",
                timeout=10,
                markup=False,
            )

    def warn_of_other_dockerfile(self, opened: Opened) -> None:
        """Notify if the Dockerfile is not the image's, so that no fix can be written into it."""
        lines = opened.dockerfile_lines
        doubt = None if lines is None else lines.mismatch()
        if lines is not None and doubt is not None:
            self.notify(
                text.safe_name(f"{lines.name}: {doubt}"),
                title="Not the Dockerfile of this image?",
                severity="warning",
                timeout=10,
                markup=False,
            )

    @on(ChooseAnother)
    def _choose_another(self) -> None:
        self.chooses_another = True
        self.leave()

    # errors

    def failed(self, error: BaseException) -> None:
        """Show an exception in a dialog, and continue."""
        if not self.forgiving or self.main is None or not isinstance(error, Exception):
            super()._handle_exception(error)  # type: ignore[arg-type]
            return
        user_error = as_user_error(error)
        message, closed_at = self._last_error
        if isinstance(self.screen, ErrorScreen):
            return
        if user_error.message == message and time.monotonic() - closed_at < SAME_ERROR:
            self._last_error = (message, time.monotonic())
            return
        self.push_screen(ErrorScreen(user_error), lambda _: self._error_closed(user_error.message))

    def _error_closed(self, message: str) -> None:
        self._last_error = (message, time.monotonic())

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
        """Commands of Textual that layerscope does not have itself, and questions that help answers."""
        from layerscope.tui.screens.help import FIGURES, IMAGES, SEVERAL_IMAGES, TERMS

        yield SystemCommand("Theme…", "Choose among all themes.", self.action_change_theme)
        if all(session.permissions.programs for session in self.sessions):  # a page takes no files
            yield SystemCommand("Screenshot", "Save the screen as SVG.", self.deliver_screenshot)
        for term, meaning in TERMS.items():
            yield SystemCommand(f"What is {term}?", meaning, partial(self.show_help, FIGURES))
        for name, meaning in IMAGES:
            yield SystemCommand(name.capitalize(), meaning, partial(self.show_help, SEVERAL_IMAGES))

    def action_help(self) -> None:
        self.show_help()

    def show_help(self, first: str = "") -> None:
        """Open the help, at the keys of the current view or at the section titled `first`."""
        from layerscope.tui.screens.help import HelpScreen

        self.push_screen(
            HelpScreen(self.keys, active_commands(self.screen), self.view_title, first=first)
        )

    async def action_quit(self) -> None:
        self.leave()

    def leave(self) -> None:
        self._leaving = True
        self._close()
        super().leave()

    def on_unmount(self) -> None:
        self._close()

    def _close(self) -> None:
        """End the workers and everything that waits for them."""
        for session in self.sessions:
            session.remote.close()
