"""Every command once: keys, footer, palette, help and README's table are made from this registry.

`python -m layerscope.tui.commands` prints the table. Textual is imported only when bindings are made, so that commands
without a screen can check the keys in a configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.binding import Binding, BindingType


@dataclass(frozen=True, slots=True)
class Command:
    """Something that the user can do."""

    id: str
    """Stable name, by which its keys can be changed: `group.what`."""
    keys: str
    """Keys, separated by commas, in Textual's names."""
    title: str
    """Words for footer and palette."""
    help: str
    """One sentence."""
    action: str
    """The action that the widget of its group implements."""
    footer: bool = False
    """Whether the footer shows it."""
    shown_keys: str | None = None
    """How the keys are written, where Textual's names are no words for people."""

    @property
    def group(self) -> str:
        """The part of the explorer that it belongs to."""
        return self.id.partition(".")[0]


GROUPS: dict[str, str] = {
    "app": "Everywhere",
    "view": "Views",
    "list": "In every list",
    "explore": "In Explore",
    "files": "In the file tree",
}
"""Groups in the order of help, with their titles."""

COMMANDS: tuple[Command, ...] = (
    Command("app.help", "question_mark", "Help", "Show what every key does.", "app.help", footer=True, shown_keys="?"),
    Command("app.palette", "ctrl+p", "Palette", "Find any command by its name.", "app.command_palette", shown_keys="^p"),
    Command("app.theme", "ctrl+t", "Theme", "Switch between the dark and the light theme.", "app.toggle_theme", shown_keys="^t"),
    Command("app.quit", "q,ctrl+q", "Quit", "Leave at once, also while layers are being read.", "app.quit", footer=True, shown_keys="q"),
    Command("app.back", "escape", "Back", "Leave a field, then a view.", "screen.back", shown_keys="Esc"),
    Command("view.explore", "1", "Explore", "Steps, files and details.", "screen.show_view('explore')"),
    Command("view.waste", "2", "Waste", "Every stored byte that the final image does not show.", "screen.show_view('waste')"),
    Command("view.next_pane", "tab", "Next pane", "Move on to the next pane.", "screen.next_pane", footer=True, shown_keys="Tab"),
    Command("view.previous_pane", "shift+tab", "Previous pane", "Move back to the pane before.", "screen.previous_pane", shown_keys="⇧Tab"),
    Command("list.up", "up,k", "Up", "One row up.", "move(-1)", shown_keys="↑ k"),
    Command("list.down", "down,j", "Down", "One row down.", "move(1)", shown_keys="↓ j"),
    Command("list.page_up", "pageup,ctrl+b", "Page up", "One page up.", "page(-1)", shown_keys="PgUp"),
    Command("list.page_down", "pagedown", "Page down", "One page down.", "page(1)", shown_keys="PgDn"),
    Command("list.top", "home,g", "Top", "The first row.", "top", shown_keys="g"),
    Command("list.bottom", "end,G", "Bottom", "The last row.", "bottom", shown_keys="G"),
    Command("list.open", "enter", "Open", "Open the row under the cursor.", "open", footer=True, shown_keys="Enter"),
    Command("explore.metadata", "m", "Metadata", "Show or hide steps that only write metadata.", "toggle_metadata", footer=True),
    Command("files.toggle", "space", "Toggle", "Open or close the directory under the cursor.", "toggle_directory", shown_keys="Space"),
    Command("files.expand", "right,l", "Expand", "Open the directory, or move into it.", "expand", shown_keys="→ l"),
    Command("files.collapse", "left,h", "Collapse", "Close the directory, or move to the one above.", "collapse", shown_keys="← h"),
    Command("files.expand_all", "plus", "Expand all", "Open every directory.", "expand_all", shown_keys="+"),
    Command("files.collapse_all", "minus", "Collapse all", "Close every directory.", "collapse_all", shown_keys="-"),
    Command("explore.filter", "slash", "Filter", "Show only files that meet a filter, while you type it.", "filter", footer=True, shown_keys="/"),
    Command("explore.mode", "a", "All or changes", "What this layer changes, or all that is there after it.", "toggle_mode", footer=True),
    Command("explore.changed_only", "d", "Changed only", "Of all that is there, only what this layer touches.", "toggle_changed_only"),
    Command("explore.sort", "s", "Sort", "Sort by size, name, change or layer.", "cycle_sort", footer=True),
    Command("explore.flat", "f", "Largest files", "All files in one list, largest first; again for the tree.", "toggle_flat"),
    Command("explore.compare", "x", "Compare", "Mark a layer and compare the others with it; again to end that.", "compare"),
    Command("explore.columns", "c", "Columns", "Choose the columns of the file tree.", "choose_columns"),
)  # fmt: skip


def bindings(*groups: str) -> list[BindingType]:
    """The bindings of these groups, for a widget's `BINDINGS`."""
    return [_binding(command) for command in of_groups(groups)]


def of_groups(groups: Iterable[str]) -> list[Command]:
    """The commands of these groups, in order."""
    wanted = set(groups)
    return [command for command in COMMANDS if command.group in wanted]


def shown_keys(command: Command, changed: Mapping[str, tuple[str, ...]] | None = None) -> str:
    """The keys of a command as people write them; `changed` are those that the user chose, by command id."""
    if changed and command.id in changed:
        return " ".join(map(_key_word, changed[command.id]))
    return command.shown_keys or " ".join(map(_key_word, command.keys.split(",")))


def key_table() -> str:
    """All commands as tables in Markdown, one a group."""
    lines = []
    for group, title in GROUPS.items():
        lines += [f"**{title}**", "", "| key | command | what it does | id |", "|---|---|---|---|"]
        for command in of_groups([group]):
            keys = " ".join(f"`{key}`" for key in shown_keys(command).split())
            lines.append(f"| {keys} | {command.title} | {command.help} | `{command.id}` |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _key_word(key: str) -> str:
    """A key in Textual's words as people write it."""
    modifiers, plus, name = key.rpartition("+")
    modifiers, name = ("", key) if not name else (modifiers, name)
    written = _KEY_WORDS.get(name, name)
    if modifiers == "ctrl":
        return f"^{written}"
    return f"{modifiers}{plus}{written}" if modifiers else written


_KEY_WORDS = {
    "escape": "Esc",
    "enter": "Enter",
    "tab": "Tab",
    "space": "Space",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "slash": "/",
    "question_mark": "?",
    "plus": "+",
    "minus": "-",
    "comma": ",",
    "full_stop": ".",
    "colon": ":",
    "semicolon": ";",
}


def _binding(command: Command) -> Binding:
    from textual.binding import Binding

    return Binding(
        command.keys,
        command.action,
        command.title,
        show=command.footer,
        key_display=command.shown_keys,
        tooltip=command.help,
        id=command.id,
    )


if __name__ == "__main__":
    print(key_table(), end="")  # noqa: T201  # a script that prints its table
