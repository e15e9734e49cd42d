"""Help: the keys of the current view first, then all others, the five figures and the filter syntax."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from typing import ClassVar

from msgspec import Struct
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Input, Static

from layerscope import text
from layerscope.settings import config_file
from layerscope.site import page_address
from layerscope.tui.commands import (
    COMMANDS,
    GROUPS,
    Command,
    Keys,
    binding_of,
    bindings,
    first_key,
    shown_keys,
)
from layerscope.tui.paint import wrap
from layerscope.tui.screens.dialog import Dialog
from layerscope.tui.theme import thin_scrollbar
from layerscope.tui.widgets.field import Field

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
    ("package:curl", "files of an installed package; or a glob, lib*"),
    ("wasted  duplicate  secret", "not in the final image; stored twice; has secrets"),
    ('"two words"  !word', "literal text; ! negates a term"),
)
"""Terms of the filter and of Find, and their meanings; all terms must match."""
TERMS = {
    "stored": "content of all layers together",
    "live": "content that the final image still shows; a file with several hard links counts once",
    "wasted": "stored − live: content that a later step deleted or replaced",
    "efficiency": "live ÷ stored; 100 % for an image that stores nothing",
    "avoidable": "what the image would save if every finding were fixed",
}
"""The five figures of docs/accounting.md, and what each is."""
FIGURES = "Figures"
SEVERAL_IMAGES = "Several images"
IMAGES = (
    ("compare two images", "layerscope diff OLD NEW, or mark two in the image picker"),
    (
        "what releases cost",
        "layerscope series A B C: what each makes its users fetch again, and why",
    ),
    ("what images share", "layerscope images: shared and unique bytes in local stores"),
    (
        "what many images cost",
        "layerscope fleet docker-store://: layers, findings and bases of all of them",
    ),
)
"""Tasks with several images, and the commands for them."""
REBIND_EXAMPLE = "explore.sort"
"""The command in the example of how to rebind a key."""
SHARED_GROUPS = ("path", "outline", "list")
"""Groups that several views share; they come after groups of a single view, in this order."""


class Section(Struct, frozen=True):
    """A title, and rows of a name and its meaning."""

    title: str
    rows: tuple[tuple[str, str], ...]
    ids: tuple[str, ...] = ()
    """The id of each row, if rows are commands."""

    def matching(self, words: Collection[str]) -> Section:
        """The rows that contain all of these lower-case words; rows of commands then show the id."""
        rows = self.rows
        if words and self.ids:
            rows = tuple(
                (keys, f"{meaning} [{identifier}]")
                for (keys, meaning), identifier in zip(rows, self.ids, strict=True)
            )
        matching_rows = (
            row
            for row in rows
            if all(word in f"{self.title} {row[0]} {row[1]}".casefold() for word in words)
        )
        return Section(self.title, tuple(matching_rows))


class HelpScreen(Dialog):
    """A page that can be searched."""

    AUTO_FOCUS = "HelpScreen VerticalScroll"
    """Focus the page first: in the field, keys would be text."""
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("dialog", but=["dialog.copy", "dialog.close"]),
        binding_of("dialog.close", "back"),
        binding_of("app.help", "dismiss"),
        binding_of("list.open", "dismiss"),
    ]
    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > Vertical {
        width: 84; max-width: 96%; height: 90%;
        background: $surface; border: round $rule;
    }
    HelpScreen VerticalScroll { height: 1fr; padding: 0 2 1 2; scrollbar-gutter: stable; }
    HelpScreen Field { background: $surface; padding: 0 2; margin-bottom: 1; }
    HelpScreen FieldInput, HelpScreen FieldInput:focus { background: $surface; background-tint: $surface 0%; }
    HelpScreen:ansi > Vertical { background: ansi_default; border: round ansi_default; }
    """ + thin_scrollbar("HelpScreen VerticalScroll", "$surface")

    def __init__(
        self,
        keys: Keys | None = None,
        active: Collection[str] = (),
        view: str = "",
        *,
        first: str = "",
    ) -> None:
        """`active` are ids of the commands that work in the current view, whose title is `view`. The page begins with these
        commands, or with the section titled `first`."""
        super().__init__()
        self._sections = tuple(sections(keys, active, view))
        if first:
            self._sections = tuple(
                sorted(self._sections, key=lambda section: section.title != first)
            )
        search = first_key("dialog.search", keys)
        self._field = Field(placeholder=f"{search} searches this page", enter="Read", id="help")
        self._page = VerticalScroll()
        self._body = Static(markup=False)

    def compose(self) -> ComposeResult:
        with Vertical():
            yield self._field
            with self._page:
                yield self._body

    def on_resize(self) -> None:
        self.call_after_refresh(self._write)

    def _write(self) -> None:
        """Write the sections that match the search."""
        typed = self._field.input.value
        words = typed.casefold().split()
        matching = [section.matching(words) for section in self._sections]
        matching = [section for section in matching if section.rows]
        self._field.show_note(
            "" if matching else f"nothing matches {text.safe_name(typed)}", wrong=True
        )
        self._body.update(page_text(matching, self._page.scrollable_content_region.width))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._write()
        self._page.scroll_home(animate=False)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.set_focus(self._page)

    def action_search(self) -> None:
        self.set_focus(self._field.input)  # immediately: text may follow the key

    def action_back(self) -> None:
        """Leave the field, then the page."""
        if self._field.input.has_focus:
            self.set_focus(self._page)
        else:
            self.dismiss()


def sections(
    keys: Keys | None = None, active: Collection[str] = (), view: str = ""
) -> Iterator[Section]:
    """The sections of the page: first the `active` commands of the view, then all others. `keys` are the user's own. Commands
    that open views are left out if none is active."""
    groups = [group for group in GROUPS if group not in ("app", "view")]
    groups.sort(key=lambda group: SHARED_GROUPS.index(group) + 1 if group in SHARED_GROUPS else 0)
    if view:
        view_commands = [
            command
            for group in groups
            for command in COMMANDS
            if command.group == group and command.id in active
        ]
        yield _commands(f"Keys in {view}", view_commands, keys)
    elsewhere = bool(active) and not any(identifier.startswith("view.") for identifier in active)
    for group in ("app",) if elsewhere else ("view", "app"):
        works = [
            command
            for command in COMMANDS
            if command.group == group and (group == "view" or not active or command.id in active)
        ]
        yield _commands(GROUPS[group], works, keys)
    yield Section(FIGURES, tuple(TERMS.items()))
    yield Section(SEVERAL_IMAGES, IMAGES)
    yield Section("Filters and Find: all terms must match", FILTERS)
    for group in groups:
        others = [
            command
            for command in COMMANDS
            if command.group == group and not (view and command.id in active)
        ]
        yield _commands(GROUPS[group], others, keys)
    yield Section("Settings", tuple(_settings()))


def _settings() -> Iterator[tuple[str, str]]:
    """How to change keys and other settings."""
    file = text.safe_name(str(config_file(os.environ)))
    yield (
        "rebind a key",
        f'write {REBIND_EXAMPLE} = "o" below [keys] in {file}; searching here shows ids',
    )
    yield "all settings", page_address("settings")


def _commands(title: str, commands: Collection[Command], keys: Keys | None) -> Section:
    return Section(
        title,
        tuple((shown_keys(command, keys), _words(command)) for command in commands),
        tuple(command.id for command in commands),
    )


def _words(command: Command) -> str:
    """The help of a command; for a view, after its title."""
    return f"{command.title}: {command.help}" if command.group == "view" else command.help


def page_text(shown: Collection[Section], room: int = 1000) -> Text:
    """Sections as text, wrapped to `room` cells."""
    body = Text()
    for section in shown:
        if not section.rows:
            continue
        body.append("\n" if body else "").append(f"{section.title}\n", "bold")
        width = max(text.cells(name) for name, _ in section.rows)
        for name, meaning in section.rows:
            body.append(f"  {name}{' ' * (width - text.cells(name))}  ", "bold")
            lines = wrap(meaning, room - width - 4)
            body.append(f"\n{' ' * (width + 4)}".join(lines) + "\n")
    return body
