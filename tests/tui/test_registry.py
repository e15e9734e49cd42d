"""The registry of commands in palette, footer, help and keys; and errors as dialogs."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.command import CommandPalette
from textual.theme import BUILTIN_THEMES

from layerscope.errors import UsageError
from layerscope.settings import Settings, parse_settings
from layerscope.tui.app import LayerscopeApp
from layerscope.tui.commands import COMMANDS, GROUPS, shown_keys
from layerscope.tui.keys import key_name, keymap
from layerscope.tui.palette import CommandProvider
from layerscope.tui.preferences import Preferences
from layerscope.tui.screens.error import ErrorScreen
from layerscope.tui.screens.help import page_text, sections
from layerscope.tui.screens.waste import WasteView
from layerscope.tui.theme_names import THEME_NAMES, check_theme
from layerscope.tui.view import VIEWS
from layerscope.tui.widgets.file_tree import FileTree
from tests.tui.explorer import explorer, loaded, screen_text, settled

KEYS = "[keys]\nexplore.sort = 'S'\napp.help = 'f1'\napp.palette = 'f2'\nfiles.expand_all = 'E'\nlist.down = ['down', 'J']"


def test_terminals_can_send_every_key() -> None:
    """Every default key is one that terminals send."""
    for command in COMMANDS:
        for key in command.keys.split(","):
            assert key_name(key) == key


def test_no_two_commands_of_a_group_have_one_key() -> None:
    """Keys inside a group are unique."""
    for group in GROUPS:
        keys = [
            key for command in COMMANDS if command.group == group for key in command.keys.split(",")
        ]
        assert len(keys) == len(set(keys)), group


async def test_every_command_is_in_the_palette_where_it_works(demo_image: Path) -> None:
    """Over all views, the palette offers every command; it does not offer commands that do not work."""
    app = explorer(demo_image)
    offered: set[str] = set()
    async with app.run_test(size=(160, 48)) as pilot:
        screen = await loaded(pilot)
        for spec in VIEWS:
            view = await screen.show_view(spec.name)
            await pilot.pause()
            for pane in view.panes() or [view]:
                pane.focus()
                await pilot.pause()
                available = {command.id for command in CommandProvider(screen).available()}
                offered |= available
                assert "app.quit" in available
        await screen.show_view("waste")
        await pilot.pause()
        assert "explore.sort" not in {command.id for command in CommandProvider(screen).available()}
    other_screens = ("picker", "dialog", "comparison", "series", "fleet")
    elsewhere = {command.id for command in COMMANDS if command.group in other_screens}
    assert offered == {command.id for command in COMMANDS} - {"app.palette"} - elsewhere


async def test_a_command_is_run_from_the_palette(demo_image: Path) -> None:
    """The palette also runs a command of a pane without the focus."""
    app = explorer(demo_image)
    async with app.run_test(size=(160, 48)) as pilot:
        screen = await loaded(pilot)
        rows = screen.explore.files.row_count()
        await pilot.press("ctrl+p")
        await pilot.pause()
        assert isinstance(app.screen, CommandPalette)
        await pilot.press(*"expand all")
        await pilot.pause(0.5)
        await pilot.press("enter")
        await pilot.pause(0.3)
        assert screen.explore.files.row_count() > rows


async def test_keys_can_be_changed(demo_image: Path) -> None:
    """Keys of app, screen, view and widgets can be rebound. Help and footer show the new ones; the old ones do nothing."""
    app = explorer(demo_image)
    preferences = Preferences(parse_settings(KEYS, "config.toml"))
    app = LayerscopeApp(_with(app, preferences))
    async with app.run_test(size=(160, 48)) as pilot:
        screen = await loaded(pilot)
        explore = screen.explore
        assert explore.files.view is not None
        await pilot.press("s")
        assert explore.files.view.sort.value == "size"
        await pilot.press("S")
        assert explore.files.view.sort.value == "name"
        await pilot.press("J")
        assert explore.steps.cursor == 3
        await pilot.press("up", "tab", "plus")
        rows = explore.files.row_count()
        await pilot.press("E")
        assert explore.files.row_count() > rows
        assert "S Sort" in screen_text(app)[-1]
        assert "F1 Help" in screen_text(app)[-1]
        await pilot.press("question_mark")
        assert app.screen is screen
        await pilot.press("f1")
        await pilot.pause()
        assert app.screen is not screen
        page = page_text(list(sections(preferences.keys))).plain
        assert "\n  S " in page
        await pilot.press("escape", "ctrl+p")
        await pilot.pause()
        assert app.screen is screen
        await pilot.press("f2")
        await pilot.pause()
        assert isinstance(app.screen, CommandPalette)


def _with(app: LayerscopeApp, preferences: Preferences):  # type: ignore[no-untyped-def]
    app.session.preferences = preferences
    return app.session


def test_changed_keys_are_written_for_people() -> None:
    """Textual's key names are shown as people write them."""
    command = next(command for command in COMMANDS if command.id == "files.toggle")
    assert shown_keys(command) == "Space"
    assert shown_keys(command, {"files.toggle": ("ctrl+f", "slash", "pageup")}) == "^f / PgUp"
    assert keymap({}) == {}


@pytest.fixture
def forgiving(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors become dialogs, as they do for users."""
    monkeypatch.setattr(LayerscopeApp, "forgiving", True)


def _broken(*_: object) -> None:
    raise ZeroDivisionError("[b]no[/b]")


@pytest.mark.usefixtures("forgiving")
async def test_a_view_that_raises_shows_a_dialog_and_the_program_continues(
    demo_image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dialog says that this is a bug, with the exception; everything else still works."""
    monkeypatch.setattr(WasteView, "stacked", _broken)
    app = explorer(demo_image)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await loaded(pilot)
        await pilot.press("2")
        await pilot.pause()
        assert isinstance(app.screen, ErrorScreen)
        text = "\n".join(screen_text(app))
        assert "This is a bug in layerscope" in text
        assert "ZeroDivisionError: [b]no[/b]" in text
        await pilot.press("y", "escape", "1", "down")
        await pilot.pause()
        assert "ZeroDivisionError" in app.clipboard
        assert screen.view is screen.explore
        assert screen.explore.steps.cursor == 3


@pytest.mark.usefixtures("forgiving")
@pytest.mark.parametrize("method", ["action_expand_all", "paint_row", "action_move"])
async def test_actions_and_painting_may_raise(
    demo_image: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """After an action or a row that raises, the program continues and can be quit."""
    app = explorer(demo_image)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await loaded(pilot)
        await pilot.press("tab")
        monkeypatch.setattr(FileTree, method, _broken)
        await pilot.press("plus", "down")
        await pilot.pause()
        await pilot.pause()
        assert isinstance(app.screen, ErrorScreen)
        await pilot.press("escape")
        await pilot.pause()
        await pilot.press("shift+tab", "down")
        assert screen.explore.steps.cursor == 3
        await pilot.press("q")
    assert not app.is_running


@pytest.mark.usefixtures("forgiving")
async def test_a_worker_that_raises_shows_a_dialog(
    demo_image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a thread fails to compute the tree, the tree stays as it was, and the change can be tried again."""
    app = explorer(demo_image)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await loaded(pilot)
        files = screen.explore.files
        files.at_once = 0
        with monkeypatch.context() as patch:
            patch.setattr("layerscope.tui.widgets.tree_work.prepare", _broken)
            await pilot.press("s")
            await pilot.pause(0.2)
            assert isinstance(app.screen, ErrorScreen)
        await pilot.press("escape")
        assert files.view is not None
        assert files.view.sort.value == "size"
        await pilot.press("s")
        await pilot.pause(0.2)
        assert files.view.sort.value == "name"


def test_an_unknown_theme_is_reported() -> None:
    """The error has the line of the settings, and suggests similar names."""
    with pytest.raises(UsageError, match=r"c.toml, line 1: unknown theme `no`"):
        check_theme(parse_settings("theme = 'no'", "c.toml"))
    with pytest.raises(UsageError) as raised:
        check_theme(Settings(theme="drakula"))
    assert raised.value.hint is not None
    assert raised.value.hint.startswith("did you mean dracula")
    for name in (*THEME_NAMES, "layerscope-light"):
        check_theme(Settings(theme=name))


def test_all_themes_can_be_configured() -> None:
    """`THEME_NAMES` has all of Textual's themes."""
    assert ("dark", "light", *BUILTIN_THEMES) == THEME_NAMES


OWN_KEYS = """[keys]
"app.back" = "f6"
"view.waste" = "W"
"explore.metadata" = "M"
"waste.group" = "f7"
"path.life" = "f8"
"list.open" = "o"
"dialog.close" = "f9"
"""


@pytest.mark.parametrize(
    ("pressed", "hint"),
    [
        ((), "W Waste"),
        ((), "M shows metadata"),
        (("x",), "F6 ends"),
        (("slash", *"nothing-like-this"), "F6 clears the filter"),
        (("W",), "F7: by instruction"),
        (("3", "slash", "ctrl+u"), "press F8 on a file"),
        (("5",), "press o."),
        (("6",), "o shows the step"),
        (("c",), "F9 closes"),
    ],
)
async def test_hints_show_the_users_keys(
    demo_image: Path, pressed: tuple[str, ...], hint: str
) -> None:
    """Titles, empty states and dialogs show the keys that the user bound."""
    preferences = Preferences(parse_settings(OWN_KEYS, "config.toml"))
    app = LayerscopeApp(_with(explorer(demo_image), preferences))
    async with app.run_test(size=(160, 48)) as pilot:
        await loaded(pilot)
        await pilot.press(*pressed)
        await settled(pilot)
        assert hint in "\n".join(screen_text(app))
