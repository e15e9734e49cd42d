"""Commands for the row under the cursor, in every view."""

from __future__ import annotations

from textual.screen import Screen

from layerscope.tui.pointing import Pointed, Pointing, copied_path, copy
from layerscope.tui.session import Session


class RowCommands(Screen[None]):
    """The part of the main screen that saves, copies and opens what is under the cursor."""

    session: Session

    @property
    def pointing(self) -> Pointing | None:
        """The focused widget, if it has a cursor."""
        focused: object = self.focused
        return focused if isinstance(focused, Pointing) else None

    def pointed(self) -> Pointed | None:
        """The path under the cursor."""
        return None if self.pointing is None else self.pointing.pointed()

    def action_copy(self) -> None:
        """Copy the row under the cursor."""
        if self.session.opened is None or self.pointing is None:
            return
        copied = self.pointing.copied()
        if copied is None and (pointed := self.pointing.pointed()) is not None:
            copied = copied_path(self.session.opened.filesystem.table.full(pointed.path))
        copy(self.app, copied)

    def action_extract(self) -> None:
        """Ask where to save the file or directory under the cursor."""
        pointed = self._file()
        if self.session.opened is not None and pointed is not None:
            from layerscope.tui.screens.extract import ExtractScreen

            self.app.push_screen(ExtractScreen(self.session.opened, pointed))

    def action_open_with(self, program: str) -> None:
        """Open the file under the cursor in the user's `pager` or `editor`."""
        pointed = self._file()
        if self.session.opened is not None and pointed is not None:
            from layerscope.tui.programs import PROGRAMS, open_copy

            open_copy(self, self.session.opened, pointed.version, PROGRAMS[program])

    def _file(self) -> Pointed | None:
        """The path under the cursor; says so if there is none."""
        pointed = None if self.session.opened is None else self.pointed()
        if pointed is None:
            self.notify("No file under the cursor.", markup=False)
        return pointed
