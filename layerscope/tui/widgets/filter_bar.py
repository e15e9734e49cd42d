"""The filter field. Errors are shown below it, at the character that caused them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

from layerscope.errors import UsageError
from layerscope.text import safe_name
from layerscope.tui.commands import binding_of
from layerscope.tui.widgets.field import TypingInput

if TYPE_CHECKING:
    from layerscope.browse.filters import Filter

PROMPT = " / "
HINT = "name, *.py, size>1M, change:added, setuid, package:curl, wasted …"


class FilterInput(TypingInput):
    """The text field; arrows move the cursor of the rows while typing."""

    enter_words = "Go to files"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding_of("app.back", "submit"),
        Binding("up", "move_rows(-1)", show=False),
        Binding("down", "move_rows(1)", show=False),
        Binding("pageup", "page_rows(-1)", show=False),
        Binding("pagedown", "page_rows(1)", show=False),
    ]

    class Moved(Message):
        """Request to move the cursor of the rows."""

        def __init__(self, by: int, pages: bool) -> None:
            super().__init__()
            self.by = by
            self.pages = pages

    def action_move_rows(self, by: int) -> None:
        self.post_message(self.Moved(by, pages=False))

    def action_page_rows(self, by: int) -> None:
        self.post_message(self.Moved(by, pages=True))


class FilterBar(Vertical):
    """The filter field and its error; hidden unless it is open or a filter is set."""

    DEFAULT_CSS = """
    FilterBar { height: auto; display: none; background: $background; }
    FilterBar.-shown { display: block; }
    FilterBar > Horizontal { height: 1; }
    FilterBar Static { height: auto; max-height: 2; width: 1fr; color: $waste; display: none; }
    FilterBar Static.prompt { width: 3; height: 1; color: $accent; text-style: bold; display: block; }
    FilterBar.-wrong Static.error { display: block; }
    FilterBar FilterInput { width: 1fr; background: $background; border: none; padding: 0; height: 1; }
    FilterBar FilterInput:focus { border: none; background-tint: $background 0%; }
    FilterBar FilterInput > .input--placeholder { color: $quiet; }
    """

    class Changed(Message):
        """The filter changed; None for none."""

        def __init__(self, filter: Filter | None) -> None:
            super().__init__()
            self.filter = filter

    class Done(Message):
        """The field was left with Enter."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.field = FilterInput(placeholder=HINT, compact=True)
        self.field.cursor_blink = False
        self._error = Static("", markup=False, classes="error")

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static(PROMPT, markup=False, classes="prompt")
            yield self.field
        yield self._error

    @property
    def typing(self) -> bool:
        """Whether the field has the focus."""
        return self.field.has_focus

    @property
    def error(self) -> str:
        """The error in the typed filter; empty if it is valid."""
        return str(self._error.content) if self.has_class("-wrong") else ""

    def open(self) -> None:
        """Show the field and focus it."""
        self.add_class("-shown")
        self.screen.set_focus(self.field)

    def leave(self) -> None:
        """Hide the field if it is empty."""
        self.set_class(bool(self.field.value.strip()), "-shown")

    def clear(self) -> bool:
        """Clear the filter; returns whether there was one."""
        was_set = bool(self.field.value)
        self.field.value = ""
        self.remove_class("-shown", "-wrong")
        return was_set

    def toggle(self, term: str) -> None:
        """Add a term to the filter, or remove it."""
        typed = self.field.value
        without = re.sub(rf"(^|\s+){re.escape(term)}(?=\s|$)", "", typed)
        self.field.value = (f"{typed} {term}" if without == typed else without).strip()
        self.leave()

    def restore(self, typed: str) -> None:
        """Restore a text that was typed before, without a `Changed`."""
        with self.field.prevent(Input.Changed):
            self.field.value = typed
        self.remove_class("-wrong")
        self.leave()

    def on_input_changed(self, event: Input.Changed) -> None:
        from layerscope.browse.filters import parse_filter  # not before the first frame

        event.stop()
        try:
            parsed = parse_filter(event.value)
        except UsageError as error:
            self._show_parse_error(error)
            return
        self.remove_class("-wrong")
        self.post_message(self.Changed(parsed or None))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Done())

    def show_error(self, words: str) -> None:
        """Show an error of the filter below the field."""
        self._error.update(f" {safe_name(words)}")
        self.add_class("-wrong", "-shown")

    def _show_parse_error(self, error: UsageError) -> None:
        self._error.update(error_line(error, self.field.value, len(PROMPT), self.size.width or 80))
        self.add_class("-wrong", "-shown")


def error_line(error: UsageError, typed: str, left: int, width: int) -> str:
    """The line below a field whose text begins at cell `left`: the error, at its position or left of it if there is no
    room on the right."""
    from layerscope.browse.filters import FilterError

    message = safe_name(error.message)
    position = error.position if isinstance(error, FilterError) else 0
    place = left + cell_len(typed[:position])
    if place + 2 + cell_len(message) <= width:
        return f"{' ' * place}▲ {message}"
    if cell_len(message) + 1 < place < width:
        return f"{message} ▲".rjust(place + 1)
    return f" at character {position + 1}: {message}"
