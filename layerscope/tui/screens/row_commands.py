"""Commands for the row under the cursor, in every view."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Input

from layerscope.tui.commands import binding_of
from layerscope.tui.pointing import Pointed, Pointing, ShowFile, copy, copyable_path
from layerscope.tui.session import Session
from layerscope.tui.view import View


class RowCommands(Screen[None]):
    """The part of the main screen that extracts, copies and opens the row under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [binding_of("file.difference", "difference")]
    session: Session

    @property
    def view(self) -> View:
        """The view on screen."""
        raise NotImplementedError

    @property
    def pointing(self) -> Pointing | None:
        """The focused widget if it has a cursor; while a field has the focus, the list that it searches."""
        focused: object = self.focused
        if isinstance(focused, Input):
            return self.view.searched_list
        return focused if isinstance(focused, Pointing) else None

    def pointed(self) -> Pointed | None:
        """The path under the cursor."""
        return None if self.pointing is None else self.pointing.pointed()

    def action_copy(self) -> None:
        """Copy the row under the cursor."""
        if self.session.opened is None or self.pointing is None:
            return
        copied = self.pointing.copyable()
        if copied is None and (pointed := self.pointing.pointed()) is not None:
            copied = copyable_path(self.session.opened.filesystem.table.full(pointed.path))
        copy(self.app, copied)

    def action_extract(self) -> None:
        """Ask where to save the file or directory under the cursor."""
        if not self.session.permissions.may_write(self):
            return
        pointed = self._file()
        if self.session.opened is not None and pointed is not None:
            from layerscope.tui.screens.extract import ExtractScreen

            self.app.push_screen(ExtractScreen(self.session.opened, pointed))

    def action_open_with(self, program: str) -> None:
        """Open the file under the cursor in the user's `pager` or `editor`."""
        if not self.session.permissions.may_start_programs(self):
            return
        pointed = self._file()
        if self.session.opened is not None and pointed is not None:
            from layerscope.tui.programs import PROGRAMS, open_copy

            open_copy(self, self.session.opened, pointed.version, PROGRAMS[program])

    def action_difference(self) -> None:
        """Show the difference between the file under the cursor and the version that it replaced."""
        pointed, opened = self._file(), self.session.opened
        if opened is None or pointed is None:
            return
        from layerscope.browse.facts import FileFacts  # not before the first frame
        from layerscope.tui.widgets.file_facts import comparable_version

        if (
            comparable_version(opened.filesystem, FileFacts.of(opened.filesystem, pointed.version))
            is None
        ):
            self.notify("There is no earlier version to compare with.", markup=False)
        else:
            self.post_message(ShowFile(pointed.version, difference=True))

    def _file(self) -> Pointed | None:
        """The path under the cursor; notifies the user if there is none."""
        pointed = None if self.session.opened is None else self.pointed()
        if pointed is None:
            self.notify("No file under the cursor.", markup=False)
        return pointed
