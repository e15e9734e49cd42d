"""The registry of commands: keys, footer, palette, help and the table in docs/keys.md are made from it.

`python -m layerscope.tui.commands` prints the table. Textual is imported only when bindings are made, so that commands
without a screen can check the keys in a configuration.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from textual.binding import Binding, BindingType


class Command(Struct, frozen=True):
    """An action with its keys, title and help."""

    id: str
    """Stable name for [keys] in the settings: `group.name`."""
    keys: str
    """Keys, separated by commas, in Textual's names."""
    title: str
    """Title in the palette; also in the footer unless `short` is given."""
    help: str
    """One sentence."""
    action: str
    """The action that the widget of its group implements."""
    footer: int = 0
    """Position in the footer, smallest first; 0 hides it, 90 and above pin it to the right edge."""
    shown_keys: str | None = None
    """The keys as people write them, if Textual's names would be unclear."""
    short: str = ""
    """Shorter title for the footer; may be empty."""
    priority: bool = False
    """Whether it takes precedence over the text field with the focus."""

    @property
    def group(self) -> str:
        """The first part of the id: where the command works."""
        return self.id.partition(".")[0]

    @property
    def footer_words(self) -> str:
        """The title in the footer."""
        return self.short or self.title


GROUPS: dict[str, str] = {
    "app": "Everywhere",
    "view": "Views",
    "list": "Lists",
    "path": "Row under the cursor",
    "explore": "Explore",
    "steps": "Base image",
    "files": "File tree",
    "outline": "Grouped lists",
    "waste": "Waste",
    "life": "Life",
    "find": "Find",
    "file": "File",
    "content": "File contents",
    "map": "Map",
    "findings": "Findings",
    "packages": "Packages",
    "comparison": "Comparison of two images",
    "series": "Series of releases",
    "fleet": "Many images",
    "picker": "Image picker",
    "dialog": "Dialogs",
}
"""Groups in the order of help, with their titles."""

COMMANDS: tuple[Command, ...] = (
    Command("app.help", "question_mark,f1", "Help", "Show all keys.", "app.help", shown_keys="? F1", footer=90),
    Command("app.palette", "ctrl+p", "Palette", "Find any command by its name.", "app.command_palette", shown_keys="^p"),
    Command("app.theme", "ctrl+t", "Theme", "Switch between the dark and the light theme.", "app.toggle_theme", shown_keys="^t"),
    Command("app.quit", "q,ctrl+q,ctrl+c", "Quit", "Quit, even while layers are being read.", "app.quit", shown_keys="q ^q ^c", footer=91),
    Command("app.suspend", "ctrl+z", "Suspend", "Return to the shell; fg brings the explorer back.", "app.suspend_process", shown_keys="^z", priority=True),
    Command("app.redraw", "ctrl+l", "Redraw", "Redraw the whole screen, if something else wrote to the terminal.", "app.redraw", shown_keys="^l", priority=True),
    Command("app.back", "escape", "Back", "Cancel, or go back.", "screen.back", shown_keys="Esc", footer=7),
    Command("view.explore", "1", "Explore", "Steps, files and details.", "screen.show_view('explore')"),
    Command("view.waste", "2", "Waste", "Stored bytes that the final image does not show.", "screen.show_view('waste')"),
    Command("view.life", "3", "Life", "What each layer did to one path.", "screen.show_view('life')"),
    Command("view.find", "4", "Find", "Find files in all layers.", "screen.show_view('find')"),
    Command("view.file", "5", "File", "Contents of the file under the cursor.", "screen.show_view('file')"),
    Command("view.dockerfile", "6", "Dockerfile", "All instructions, with the bytes each stores and wastes.", "screen.show_view('dockerfile')"),
    Command("view.map", "7", "Map", "Disk usage as tiles, coloured by layer.", "screen.show_view('map')"),
    Command("view.findings", "8", "Findings", "Findings, what each fix saves, and the resulting size.", "screen.show_view('findings')"),
    Command("view.packages", "9", "Packages", "What the final image consists of: packages, and files of no package.", "screen.show_view('packages')"),
    Command("view.find_anywhere", "ctrl+f", "Find", "Find files in all layers, even while typing in a field.", "screen.find", shown_keys="^f", priority=True),
    Command("view.next_pane", "tab", "Next pane", "Go to the next pane.", "screen.next_pane", shown_keys="Tab", footer=6, short="Pane"),
    Command("view.previous_pane", "shift+tab", "Previous pane", "Go to the previous pane.", "screen.previous_pane"),
    Command("list.up", "up,k", "Up", "Move one row up.", "move(-1)", shown_keys="↑ k"),
    Command("list.down", "down,j", "Down", "Move one row down.", "move(1)", shown_keys="↓ j"),
    Command("list.page_up", "pageup,ctrl+b", "Page up", "Move one page up.", "page(-1)", shown_keys="PgUp"),
    Command("list.page_down", "pagedown", "Page down", "Move one page down.", "page(1)", shown_keys="PgDn"),
    Command("list.top", "home,g", "Top", "Go to the first row.", "top", shown_keys="g"),
    Command("list.bottom", "end,G", "Bottom", "Go to the last row.", "bottom", shown_keys="G"),
    Command("list.open", "enter", "Open", "Open the row under the cursor.", "open", shown_keys="Enter", footer=1),
    Command("path.extract", "e,ctrl+s", "Extract", "Save the file or directory under the cursor; ^s also while typing.", "screen.extract", shown_keys="e ^s", footer=10),
    Command("path.copy", "y", "Copy", "Copy the path under the cursor, the instruction of a step, or the fix of a finding.", "screen.copy", footer=11),
    Command("path.pager", "p", "Pager", "Open a copy of the file under the cursor in $PAGER.", "screen.open_with('pager')"),
    Command("path.editor", "E", "Editor", "Open a copy of the file under the cursor in $VISUAL or $EDITOR.", "screen.open_with('editor')"),
    Command("path.life", "L", "Life", "Show what each layer did to the path under the cursor.", "screen.life", footer=5),
    Command("explore.metadata", "m", "Metadata", "Show or hide metadata steps.", "toggle_metadata", footer=12),
    Command("explore.mode", "a", "All or changes", "Switch between this layer's changes and all files after it.", "toggle_mode", footer=3, short="All"),
    Command("explore.changed_only", "d", "Changed only", "In the full tree, show only paths that this layer changes.", "toggle_changed_only"),
    Command("explore.narrower", "left_square_bracket", "Narrower", "Shrink the left (or upper) pane. The borders can be dragged with the mouse.", "move_splitter(-1)", shown_keys="["),
    Command("explore.wider", "right_square_bracket", "Wider", "Enlarge the left (or upper) pane.", "move_splitter(1)", shown_keys="]"),
    Command("explore.sort", "s", "Sort", "Sort by size, name, change or layer.", "cycle_sort", footer=4),
    Command("explore.filter", "slash", "Filter", "Filter the file tree.", "filter", shown_keys="/", footer=2),
    Command("explore.flat", "f", "Largest files", "Toggle between the tree and a list of the largest files.", "toggle_flat"),
    Command("explore.compare", "x", "Compare", "Mark this layer for comparison; press again to stop.", "compare", footer=8),
    Command("explore.columns", "c", "Columns", "Choose the columns of the file tree.", "choose_columns"),
    Command("explore.details", "i", "Details", "Show the details of the step, or go back.", "toggle_details", footer=4),
    Command("steps.base_up", "less_than_sign", "Smaller base", "Move the end of the base image one step up.", "move_base(-1)", shown_keys="<"),
    Command("steps.base_down", "greater_than_sign", "Larger base", "Move the end of the base image one step down.", "move_base(1)", shown_keys=">"),
    Command("files.toggle", "space", "Toggle", "Expand or collapse the directory under the cursor.", "toggle_directory", shown_keys="Space"),
    Command("files.expand", "right,l", "Expand", "Expand the directory, or move into it.", "expand", shown_keys="→ l"),
    Command("files.collapse", "left,h", "Collapse", "Collapse the directory, or move to its parent.", "collapse", shown_keys="← h"),
    Command("files.expand_all", "plus", "Expand all", "Expand all directories.", "expand_all", shown_keys="+"),
    Command("files.collapse_all", "minus", "Collapse all", "Collapse all directories.", "collapse_all", shown_keys="-"),
    Command("files.added", "A", "Added", "Hide or show added paths.", "hide('added')"),
    Command("files.removed", "R", "Removed", "Hide or show removed paths.", "hide('removed')"),
    Command("files.modified", "M", "Modified", "Hide or show modified paths, including metadata-only changes.", "hide('modified,metadata')"),
    Command("outline.toggle", "space", "Toggle", "Expand or collapse the group under the cursor.", "toggle_group", shown_keys="Space"),
    Command("outline.open", "right,l", "Open group", "Expand the group, or move into it.", "open_group", shown_keys="→ l"),
    Command("outline.close", "left,h", "Close group", "Collapse the group, or move to its heading.", "close_group", shown_keys="← h"),
    Command("outline.open_all", "plus", "Open all", "Expand all groups.", "open_all_groups", shown_keys="+"),
    Command("outline.close_all", "minus", "Close all", "Collapse all groups.", "close_all_groups", shown_keys="-"),
    Command("waste.group", "b", "Group by", "Group waste by reason, instruction or directory.", "cycle_groups", footer=2, short="Group"),
    Command("life.complete", "tab", "Complete", "Complete the path.", "complete", shown_keys="Tab", footer=3),
    Command("life.edit", "slash", "Another path", "Type a path.", "edit", shown_keys="/", footer=2),
    Command("find.next", "down", "Next match", "Next match (while typing).", "match(1)", shown_keys="↓"),
    Command("find.previous", "up", "Previous match", "Previous match (while typing).", "match(-1)", shown_keys="↑"),
    Command("find.edit", "slash", "Search again", "Go back to the field.", "edit", shown_keys="/", footer=2),
    Command("find.sort", "s", "Sort", "Sort by best match, size, name or layer.", "cycle_order", footer=3),
    Command("file.difference", "D", "Difference", "Show what a layer changed in the file under the cursor; again for the file itself.", "toggle_difference", footer=3),
    Command("file.bytes", "t", "Text or bytes", "Switch between text and hex.", "toggle_bytes", footer=4, short="Bytes"),
    Command("file.more", "plus", "More", "Read the next MiB.", "more", shown_keys="+", footer=9),
    Command("content.search", "slash", "Search", "Search in the file; in hex, also for bytes.", "search", shown_keys="/", footer=2),
    Command("content.next", "n", "Next", "Next match.", "find(1)"),
    Command("content.previous", "N", "Previous", "Previous match.", "find(-1)"),
    Command("content.right", "right,l", "Right", "Scroll right.", "shift(1)", shown_keys="→ l"),
    Command("content.left", "left,h", "Left", "Scroll left.", "shift(-1)", shown_keys="← h"),
    Command("map.left", "left,h", "Left", "Select the tile on the left.", "step(-1, 0)", shown_keys="← h"),
    Command("map.right", "right,l", "Right", "Select the tile on the right.", "step(1, 0)", shown_keys="→ l"),
    Command("map.up", "up,k", "Up", "Select the tile above.", "step(0, -1)", shown_keys="↑ k"),
    Command("map.down", "down,j", "Down", "Select the tile below.", "step(0, 1)", shown_keys="↓ j"),
    Command("map.open", "enter", "Go in", "Enter a directory, or show a file in Explore.", "open", shown_keys="Enter", footer=1),
    Command("map.out", "backspace", "Go up", "Go to the parent directory.", "out", shown_keys="⌫", footer=2),
    Command("map.layer_down", "comma", "Previous layer", "Show the previous layer.", "move_layer(-1)", shown_keys=",", footer=3, short="Before"),
    Command("map.layer_up", "full_stop", "Next layer", "Show the next layer.", "move_layer(1)", shown_keys=".", footer=3, short="After"),
    Command("findings.tick", "space", "Fixed", "Mark as fixed and show the resulting size.", "tick", shown_keys="Space", footer=2),
    Command("findings.group", "b", "Group by", "Group by severity, instruction or rule.", "cycle_groups", footer=3, short="Group"),
    Command("findings.write", "w", "Write fixes", "Show what the marked fixes change in the Dockerfile, and write it.", "write_fixes", footer=4, short="Write"),
    Command("findings.difference", "D", "Difference", "Switch between what a fix changes and the whole fix.", "toggle_difference"),
    Command("packages.sort", "s", "Sort", "Sort by size, name, package manager, number of files or layer.", "cycle_sort", footer=4),
    Command("comparison.files", "1", "Files", "The files that differ, with their sizes in both images.", "screen.show_list('files')"),
    Command("comparison.steps", "2", "Steps", "The steps of both images, side by side.", "screen.show_list('steps')"),
    Command("comparison.findings", "3", "Findings", "Findings that are new or gone.", "screen.show_list('findings')"),
    Command("comparison.packages", "4", "Packages", "Packages that were added, removed or changed version.", "screen.show_list('packages')"),
    Command("comparison.config", "5", "Config", "Differences in the config.", "screen.show_list('config')"),
    Command("comparison.difference", "D", "Difference", "Show what differs in the file under the cursor.", "screen.difference", footer=3),
    Command("comparison.sort", "s", "Sort", "Sort the files by growth or by name.", "screen.cycle_sort", footer=4),
    Command("comparison.filter", "slash", "Filter", "Show only paths that contain a text.", "screen.filter", shown_keys="/", footer=2),
    Command("comparison.copy", "y", "Copy", "Copy the path under the cursor, or the fix of a finding.", "screen.copy", footer=11),
    Command("series.next_pane", "tab", "Next pane", "Go to the details of the update, or back to the list.", "screen.next_pane", shown_keys="Tab", footer=6, short="Pane"),
    Command("series.copy", "y", "Copy", "Copy the name of the release; of all updates, the better order.", "screen.copy", footer=11),
    Command("fleet.images", "1", "Images", "What each image or repository shares, and what its removal frees.", "screen.show_section('images')"),
    Command("fleet.layers", "2", "Layers", "The layers that cost most, by bytes × images.", "screen.show_section('layers')"),
    Command("fleet.findings", "3", "Findings", "What each rule and each Dockerfile line costs in all images.", "screen.show_section('findings')"),
    Command("fleet.bases", "4", "Bases", "Base images, their versions, and which images lag.", "screen.show_section('bases')"),
    Command("fleet.duplicates", "5", "Duplicates", "The same content under different digests, and files that several layers store.", "screen.show_section('duplicates')"),
    Command("fleet.packages", "6", "Packages", "The packages that cost most, and their versions.", "screen.show_section('packages')"),
    Command("fleet.growth", "7", "Growth", "What each day, month or year added.", "screen.show_section('growth')"),
    Command("fleet.failed", "8", "Failed", "Images that could not be read completely, and why.", "screen.show_section('failed')"),
    Command("fleet.next", "right,l", "Next tab", "Show the next table.", "screen.step_section(1)", shown_keys="→ l"),
    Command("fleet.previous", "left,h", "Previous tab", "Show the previous table.", "screen.step_section(-1)", shown_keys="← h"),
    Command("fleet.group", "b", "Group by", "Show images by repository, findings by Dockerfile line, duplicates by file, or growth by month or year.", "screen.cycle_groups", footer=5, short="Group"),
    Command("fleet.sort", "s", "Sort", "Sort by the next column.", "screen.cycle_sort", footer=4),
    Command("fleet.reverse", "S", "Reverse", "Reverse the order of the rows.", "screen.reverse"),
    Command("fleet.filter", "slash", "Filter", "Show only rows that contain a text.", "screen.filter", shown_keys="/", footer=2),
    Command("fleet.next_pane", "tab", "Next pane", "Go to the details of the row, or back to the table.", "screen.next_pane", shown_keys="Tab", footer=6, short="Details"),
    Command("fleet.copy", "y", "Copy", "Copy the name of the row under the cursor.", "screen.copy", footer=11),
    Command("picker.search", "slash", "Search", "Filter images by name, ID or location.", "search", shown_keys="/", priority=True, footer=2),
    Command("picker.mark", "space", "Mark", "Mark an image; Enter compares two.", "mark", shown_keys="Space", footer=3),
    Command("picker.sort", "s", "Sort", "Sort by age, size or name.", "cycle_sort", footer=4),
    Command("picker.refresh", "r", "Refresh", "Reload the list.", "refresh_images", footer=5),
    Command("picker.next", "down", "Next image", "Next image (while typing).", "go(1)", shown_keys="↓"),
    Command("picker.previous", "up", "Previous image", "Previous image (while typing).", "go(-1)", shown_keys="↑"),
    Command("picker.back", "escape", "Back", "Leave the field, clear the search, then quit.", "step_back", shown_keys="Esc", footer=7),
    Command("picker.suspend", "ctrl+z", "Suspend", "Return to the shell; fg brings the list back.", "suspend_process", shown_keys="^z", priority=True),
    Command("picker.redraw", "ctrl+l", "Redraw", "Redraw the whole screen, if something else wrote to the terminal.", "redraw", shown_keys="^l", priority=True),
    Command("picker.leave", "q,ctrl+q,ctrl+c", "Leave", "Leave without opening an image.", "leave", shown_keys="q ^q ^c", footer=91, short="Quit"),
    Command("dialog.close", "escape,q", "Close", "Close the dialog.", "dismiss", shown_keys="Esc q"),
    Command("dialog.search", "slash", "Search", "Search the help.", "search", shown_keys="/"),
    Command("dialog.copy", "y", "Copy", "Copy the error report, or the patch.", "copy"),
)  # fmt: skip
_BY_ID = {command.id: command for command in COMMANDS}
Keys = Mapping[str, tuple[str, ...]]
"""Keys that the user chose, by command id, in Textual's names."""


def bindings(*groups: str, but: Collection[str] = ()) -> list[BindingType]:
    """Bindings of these groups for a widget's `BINDINGS`, except the command ids in `but`."""
    return [_binding(command) for command in of_groups(groups) if command.id not in but]


def binding_of(identifier: str, action: str) -> BindingType:
    """The binding of one command, running `action` instead: for dialogs that the key of their command also closes."""
    return _binding(replace(_BY_ID[identifier], action=action))


def of_groups(groups: Iterable[str]) -> list[Command]:
    """The commands of these groups, in order."""
    wanted = set(groups)
    return [command for command in COMMANDS if command.group in wanted]


def shown_keys(command: Command, changed: Keys | None = None) -> str:
    """The keys of a command as people write them, separated by spaces."""
    if changed and command.id in changed:
        return " ".join(map(key_word, changed[command.id]))
    return command.shown_keys or " ".join(map(key_word, command.keys.split(",")))


def first_key(identifier: str, changed: Keys | None = None) -> str:
    """The first key of a command as people write it, for hints such as `Esc cancels`."""
    return next(iter(shown_keys(_BY_ID[identifier], changed).split()), "")


def key_table() -> str:
    """All commands as Markdown tables, one per group."""
    lines = []
    for group, title in GROUPS.items():
        lines += [f"**{title}**", "", "| key | command | what it does | id |", "|---|---|---|---|"]
        for command in of_groups([group]):
            keys = " ".join(f"`{key}`" for key in shown_keys(command).split())
            lines.append(f"| {keys} | {command.title} | {command.help} | `{command.id}` |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def key_word(key: str) -> str:
    """A key as people write it, from Textual's name; `keys.key_name` reads it."""
    if key == "ctrl+at":  # which terminals send for ctrl+space
        return "^Space"
    modifiers, plus, name = key.rpartition("+")
    modifiers, name = ("", key) if not name else (modifiers, name)
    written = KEY_WORDS.get(name, name)
    if name[:1] == "f" and name[1:].isdecimal():
        written = name.upper()
    if modifiers in MODIFIER_SIGNS:
        return f"{MODIFIER_SIGNS[modifiers]}{written}"
    return f"{modifiers}{plus}{written}" if modifiers else written


MODIFIER_SIGNS = {"ctrl": "^", "shift": "⇧"}
"""Signs written before a key that is pressed with a single modifier."""
KEY_WORDS = {
    "escape": "Esc",
    "enter": "Enter",
    "tab": "Tab",
    "space": "Space",
    "backspace": "⌫",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "slash": "/",
    "underscore": "_",
    "question_mark": "?",
    "plus": "+",
    "minus": "-",
    "comma": ",",
    "full_stop": ".",
    "colon": ":",
    "semicolon": ";",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "less_than_sign": "<",
    "greater_than_sign": ">",
}


def _binding(command: Command) -> Binding:
    from textual.binding import Binding

    return Binding(
        command.keys,
        command.action,
        command.title,
        show=bool(command.footer),
        key_display=command.shown_keys,
        tooltip=command.help,
        id=command.id,
        priority=command.priority,
    )


if __name__ == "__main__":
    print(key_table(), end="")  # noqa: T201  # a script that prints its table
