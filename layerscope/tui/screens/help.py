"""Help: all keys, and the filter syntax."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from layerscope.tui.commands import (
    COMMANDS,
    GROUPS,
    Keys,
    binding_of,
    bindings,
    of_groups,
    shown_keys,
)
from layerscope.tui.paint import wrap
from layerscope.tui.screens.dialog import Dialog
from layerscope.tui.theme import thin_scrollbar

FILTERS = (
    ("python", "path contains it, ignoring case"),
    ("*.py  usr/**/*.so", "globs, as in .gitignore"),
    (r"/\.py$/", "regular expression on the whole path"),
    ("size>10M  size<=1k", "file size in bytes"),
    ("change:added,~", "added, modified, metadata, removed; or + ~ ± -"),
    ("type:symlink", "or file, dir, hardlink, device, fifo, broken"),
    ("setuid  setgid", "files that run as their owner or group"),
    ("owner:0  owner:1000:1000", "user, or user and group"),
    ("layer:3  layer>2", "the layer that stored it"),
    ('"two words"  !word', "literal text; ! negates a term"),
)
"""Filter terms and their meanings; all terms must match."""


class HelpScreen(Dialog):
    """The command registry as a page."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("dialog", but=["dialog.copy"]),
        binding_of("app.help", "dismiss"),
        binding_of("list.open", "dismiss"),
    ]
    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > VerticalScroll {
        width: 84; max-width: 96%; height: auto; max-height: 90%; padding: 1 2;
        background: $surface; border: round $rule;
    }
    HelpScreen:ansi > VerticalScroll { background: ansi_default; border: round ansi_default; }
    """ + thin_scrollbar("HelpScreen > VerticalScroll", "$surface")

    def __init__(self, keys: Keys | None = None) -> None:
        super().__init__()
        self._keys: Keys = keys or {}

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(help_text(self._keys), markup=False)

    def on_resize(self) -> None:
        page = self.query_one(VerticalScroll)
        self.call_after_refresh(
            lambda: self.query_one(Static).update(
                help_text(self._keys, page.scrollable_content_region.width)
            )
        )


def help_text(keys: Keys | None = None, room: int = 1000) -> Text:
    """The commands by group, then the filter syntax; `keys` are the user's own, `room` is
    the width of a line in cells."""
    width = max(len(shown_keys(command, keys)) for command in COMMANDS)
    body = Text()
    for group, title in GROUPS.items():
        commands = of_groups([group])
        if commands:
            body.append(f"{title}\n", "bold")
        for command in commands:
            body.append(f"  {shown_keys(command, keys):<{width}}  ", "bold")
            body.append(_beside(command.help, width + 4, room))
        if commands:
            body.append("\n")
    body.append("Filters", "bold").append(": all terms must match\n")
    width = max(len(words) for words, _ in FILTERS)
    for words, meaning in FILTERS:
        body.append(f"  {words:<{width}}  ", "bold")
        body.append(_beside(meaning, width + 4, room))
    body.append("\nSettings", "bold")
    body.append(": ~/.config/layerscope/config.toml, or the file named by $LAYERSCOPE_CONFIG\n")
    body.append("  See docs/settings.md for every setting, docs/keys.md for command ids.")
    return body


def _beside(words: str, left: int, room: int) -> str:
    """Text wrapped into a column that starts at cell `left`; the first line without indent."""
    return f"\n{' ' * left}".join(wrap(words, room - left)) + "\n"
