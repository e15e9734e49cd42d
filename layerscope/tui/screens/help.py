"""Help: what every key does."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from layerscope.tui.commands import COMMANDS, GROUPS, of_groups


class HelpScreen(ModalScreen[None]):
    """The registry of commands, as a page."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "dismiss", "Close")
    ]
    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > VerticalScroll {
        width: 78; max-width: 96%; height: auto; max-height: 90%; padding: 1 2;
        background: $surface; border: round $rule; scrollbar-size-vertical: 1;
        scrollbar-color: $rule; scrollbar-color-hover: $quiet; scrollbar-color-active: $quiet;
        scrollbar-background: $surface; scrollbar-background-hover: $surface;
        scrollbar-background-active: $surface;
    }
    HelpScreen:ansi > VerticalScroll { background: ansi_default; border: round ansi_default; }
    """

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(help_text(), markup=False)


def help_text() -> Text:
    """Keys and words of all commands, by group."""
    width = max(len(keys_of(command.id)) for command in COMMANDS)
    body = Text()
    for group, title in GROUPS.items():
        commands = of_groups([group])
        if commands:
            body.append(f"{title}\n", "bold")
        for command in commands:
            body.append(f"  {keys_of(command.id):<{width}}  ", "bold")
            body.append(f"{command.help}\n")
        if commands:
            body.append("\n")
    body.rstrip()
    return body


def keys_of(identifier: str) -> str:
    """The keys of a command as people write them."""
    command = next(command for command in COMMANDS if command.id == identifier)
    return command.shown_keys or command.keys.replace(",", " ")
