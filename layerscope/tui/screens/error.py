"""The error dialog: title, message, hint."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from layerscope.errors import LayerscopeError
from layerscope.faults import InternalError
from layerscope.text import safe_name
from layerscope.tui.commands import Keys, binding_of, bindings, first_key
from layerscope.tui.screens.dialog import Dialog


class ErrorScreen(Dialog):
    """Shows an error."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("dialog", but=["dialog.search"]),
        binding_of("list.open", "dismiss"),
    ]
    DEFAULT_CSS = """
    ErrorScreen { align: center middle; }
    ErrorScreen > VerticalScroll {
        width: 72; max-width: 96%; height: auto; max-height: 90%; padding: 1 2;
        background: $surface; border: round $error; scrollbar-size-vertical: 1;
    }
    ErrorScreen:ansi > VerticalScroll { background: ansi_default; }
    """

    def __init__(self, error: LayerscopeError) -> None:
        super().__init__()
        self.error = error

    def compose(self) -> ComposeResult:
        body = Text()
        body.append(f"{self.error.title}\n\n", "bold")
        body.append("\n".join(map(safe_name, self.error.message.splitlines())))
        if self.error.hint:
            body.append(f"\n\n{safe_name(self.error.hint)}", "italic")
        keys: Keys = getattr(self.app, "keys", {})
        if isinstance(self.error, InternalError):
            body.append(f"\n\n{first_key('dialog.copy', keys)} copies the error report", "italic")
        body.append(f"\n\n{first_key('dialog.close', keys)} closes this dialog", "dim")
        with VerticalScroll():
            yield Static(body, markup=False)

    def action_copy(self) -> None:
        """Copy the error report to the clipboard."""
        error = self.error
        words = error.report if isinstance(error, InternalError) else error.message
        self.app.copy_to_clipboard(words)
        self.notify("Error copied to the clipboard.", markup=False)
