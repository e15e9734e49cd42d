"""Presses the first key of every command where it works, and all keys in every view."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from layerscope.tui.app import LayerscopeApp
from layerscope.tui.commands import COMMANDS
from layerscope.tui.screens.main import MainScreen
from tests.tui.explorer import loaded, settled
from tests.tui.pictures import FIND_FILE, picture_of

SIZE = (120, 24)
TREE = ("tab",)
"""The file tree of the layer that stores most."""
SEARCHED = (*FIND_FILE, "slash", *"import", "enter")
BEFORE: dict[str, tuple[str, ...]] = {
    "app.back": ("2",),
    "view.explore": ("2",),
    "view.file": (*TREE, "plus", "G"),
    "list.up": ("j",),
    "list.page_up": (*TREE, "plus", "G"),
    "list.page_down": (*TREE, "plus"),
    "list.top": ("G",),
    "path.extract": TREE,
    "path.copy": TREE,
    "path.life": TREE,
    "path.pager": TREE,
    "path.editor": TREE,
    "explore.changed_only": ("a",),
    "files.toggle": TREE,
    "files.added": TREE,
    "files.removed": TREE,
    "files.modified": TREE,
    "files.expand": TREE,
    "files.collapse": (*TREE, "enter"),
    "files.expand_all": TREE,
    "files.collapse_all": (*TREE, "plus", "g"),
    "outline.toggle": ("2",),
    "outline.open": ("2", "minus"),
    "outline.close": ("2", "down"),
    "outline.open_all": ("2", "minus"),
    "outline.close_all": ("2",),
    "waste.group": ("2",),
    "life.complete": ("tab", "3", "slash", "ctrl+u", *"/usr/b"),
    "life.edit": ("tab", "3"),
    "find.next": ("4", *"apt"),
    "find.previous": ("4", *"apt", "down", "down"),
    "find.edit": ("4", *"apt", "tab"),
    "file.difference": FIND_FILE,
    "file.bytes": FIND_FILE,
    "file.more": FIND_FILE,
    "content.search": FIND_FILE,
    "content.next": SEARCHED,
    "content.previous": SEARCHED,
    "content.right": FIND_FILE,
    "content.left": (*FIND_FILE, "right"),
    "map.right": ("7",),
    "map.left": ("7", "right"),
    "map.down": ("7", "right", "up"),
    "map.up": ("7", "right", "down"),
    "map.open": ("7",),
    "map.out": ("7", "enter"),
    "map.layer_down": ("7",),
    "map.layer_up": ("7", "comma"),
    "findings.tick": ("8", "down"),
    "findings.group": ("8",),
    "findings.write": ("8", "down"),
    "findings.difference": ("8", "down", "down", "down"),
    "packages.sort": ("9",),
}
"""Keys to press first, for commands that do not work on the first screen."""
WITHOUT_EFFECT = {"file.more", "app.suspend", "app.redraw"}
"""Commands that have no effect here: files of the bundled image are smaller than a chunk, and there is no terminal to suspend
or repaint."""
ELSEWHERE = ("picker", "dialog", "comparison", "series", "fleet")
EXPLORER = [command for command in COMMANDS if command.group not in ELSEWHERE]


def _snapshot(app: LayerscopeApp) -> tuple[object, ...]:
    """Everything that a user could notice: the screen, the focus, the clipboard, and whether the program runs."""
    shown = [
        [(segment.text, segment.style) for segment in strip]
        for strip in app.screen._compositor.render_strips()
    ]
    return shown, app.clipboard, app.focused, app.screen, app.is_running


def test_the_table_has_only_commands_of_the_registry() -> None:
    """`BEFORE` has no unknown ids."""
    assert set(BEFORE) <= {command.id for command in EXPLORER}


@pytest.mark.parametrize("group", dict.fromkeys(command.group for command in EXPLORER))
async def test_every_key_does_something(
    demo_image: Path, group: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each key changes something that the user notices; no file is written, and the explorer keeps running."""
    monkeypatch.chdir(tmp_path)
    app = picture_of(demo_image)
    commands = [command for command in EXPLORER if command.group == group]
    commands.sort(key=lambda command: command.id == "app.quit")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await loaded(pilot)
        for command in commands:
            await _press(pilot, *BEFORE.get(command.id, ()))
            before = _snapshot(app)
            await _press(pilot, command.keys.split(",")[0])
            if command.id == "app.quit":
                assert app._exit
                break
            changed = _snapshot(app) != before
            assert changed or command.id in WITHOUT_EFFECT, command.id
            await pilot.press("escape")
            await settled(pilot)
            assert app.is_running, command.id
            await _reset(pilot)
    assert not list(tmp_path.iterdir())


async def _reset(pilot: Pilot[None]) -> None:
    """Show the image as if it had just been opened, without reading it again."""
    app = pilot.app
    assert isinstance(app, LayerscopeApp)
    app.clear_notifications()
    app.copy_to_clipboard("")
    app.theme = "layerscope-dark"
    while len(app.screen_stack) > 1:
        await app.pop_screen()
    await app.push_screen(MainScreen(app.session))
    await settled(pilot)


@pytest.mark.parametrize("view", list("123456789"))
async def test_any_key_in_any_view_leaves_the_program_running(
    demo_image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, view: str
) -> None:
    """All keys of all commands are pressed in each view, whether they work there or not."""
    monkeypatch.chdir(tmp_path)
    app = picture_of(demo_image)
    keys = dict.fromkeys(
        key for command in EXPLORER if command.id != "app.quit" for key in command.keys.split(",")
    )
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        screen = await loaded(pilot)
        for key in keys:
            while app.screen is not screen:
                app.pop_screen()
                await pilot.pause()
            await screen.action_show_view(_name(view))
            pane = screen.view.panes()[0]
            screen.set_focus(pane)
            app.post_message(_event(key))
            await pilot.pause()
            assert app.is_running, key
    assert not list(tmp_path.iterdir())


def _name(key: str) -> str:
    return next(command.title for command in COMMANDS if command.keys == key).lower()


def _event(key: str) -> Any:
    from textual.events import Key
    from textual.keys import key_to_character

    return Key(key, key_to_character(key))


async def _press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys, and wait until the screen no longer changes."""
    await pilot.press(*({"/": "slash", ".": "full_stop"}.get(key, key) for key in keys))
    await settled(pilot)
