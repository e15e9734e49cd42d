"""An error as a dialog: title, sentence, hint."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from layerscope.errors import LayerscopeError
from layerscope.text import safe_name


class ErrorScreen(ModalScreen[None]):
    """Says what went wrong and what to do."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,q", "dismiss", "Close")]
    DEFAULT_CSS = """
    ErrorScreen { align: center middle; }
    ErrorScreen > Vertical {
        width: 72; max-width: 96%; height: auto; padding: 1 2; background: $surface; border: round $error;
    }
    ErrorScreen:ansi > Vertical { background: ansi_default; }
    """

    def __init__(self, error: LayerscopeError) -> None:
        super().__init__()
        self._error = error

    def compose(self) -> ComposeResult:
        body = Text()
        body.append(f"{self._error.title}\n\n", "bold")
        body.append(safe_name(self._error.message))
        if self._error.hint:
            body.append(f"\n\n{safe_name(self._error.hint)}", "italic")
        body.append("\n\nEnter closes this", "dim")
        with Vertical():
            yield Static(body, markup=False)
