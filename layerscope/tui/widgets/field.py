"""A one-line text field, with a mark before and a note, such as an error, after the text."""

from __future__ import annotations

from typing import Any

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.suggester import Suggester
from textual.widgets import Input, Static
from textual.widgets.input import Selection

from layerscope.tui.pointing import Pressable


class TypingInput(Pressable, Input):
    """A text field with a footer text for Enter. Its text is selected on focus, so that typing replaces it.

    Textual's own `select_on_focus` would also select text that was typed before the field handled the focus event.
    """

    enter_words = "Go"
    _entered = False
    """Whether the text was selected since the field got the focus."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, select_on_focus=False)

    def _on_focus(self, event: events.Focus) -> None:
        if event.from_app_focus:  # the terminal got the focus back
            self._entered = True
        self._enter()

    def _on_blur(self, event: events.Blur) -> None:
        self._entered = False

    def _on_key(self, event: events.Key) -> None:  # type: ignore[override]  # Textual calls that of Input, too
        self._enter()

    def _enter(self) -> None:
        if not self._entered:
            self._entered = True
            self.selection = Selection(0, len(self.value))


class FieldInput(TypingInput):
    """The bare text field; its cursor does not blink."""

    DEFAULT_CSS = """
    FieldInput, FieldInput:focus {
        width: 1fr; height: 1; border: none; padding: 0; background: $background; background-tint: $background 0%;
        & > .input--placeholder, & > .input--suggestion { color: $quiet; }
    }
    """

    def __init__(
        self, *, placeholder: str, enter: str, suggester: Suggester | None = None, id: str
    ) -> None:
        """`enter` is the footer text for Enter."""
        super().__init__(placeholder=placeholder, suggester=suggester, compact=True, id=id)
        self.cursor_blink = False
        self.enter_words = enter

    @property
    def suggestion(self) -> str:
        """The suggested completion; empty if there is none."""
        return self._suggestion if len(self._suggestion) > len(self.value) else ""


class Field(Horizontal):
    """A `FieldInput` with its mark and its note."""

    DEFAULT_CSS = """
    Field { height: 1; padding: 0 1; background: $background; }
    Field > .field--mark { width: 2; color: $quiet; }
    Field:focus-within > .field--mark { color: $accent; text-style: bold; }
    Field > .field--note { width: auto; max-width: 60%; color: $quiet; text-wrap: nowrap; text-overflow: ellipsis; }
    Field > .field--note.-wrong { color: $waste; }
    """

    def __init__(
        self, *, placeholder: str, enter: str, suggester: Suggester | None = None, id: str
    ) -> None:
        """`enter` is the footer text for Enter."""
        super().__init__()
        self.input = FieldInput(placeholder=placeholder, enter=enter, suggester=suggester, id=id)
        self._note = Static(markup=False, classes="field--note")

    def compose(self) -> ComposeResult:
        yield Static("›", markup=False, classes="field--mark")
        yield self.input
        yield self._note

    def show_note(self, note: str, *, wrong: bool = False) -> None:
        """Show a note after the text; it must be safe for a terminal."""
        self._note.update(Text(f" {note}" if note else "", no_wrap=True, overflow="ellipsis"))
        self._note.set_class(wrong, "-wrong")
