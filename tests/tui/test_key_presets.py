"""The preset with dive's keys, and hiding paths by change."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from layerscope.browse.choices import Mode
from layerscope.settings import parse_settings
from layerscope.tui.preferences import Preferences
from layerscope.tui.screens.columns import ColumnsScreen
from layerscope.tui.screens.extract import ExtractScreen
from layerscope.tui.screens.find import FindView
from layerscope.tui.screens.main import MainScreen
from layerscope.words import Change
from tests.terminal import TMUX, layerscope, terminal
from tests.tui.explorer import explorer, loaded, settled

DIVE = "[keys]\npreset = 'dive'"


async def _press(pilot: Pilot[None], *keys: str) -> None:
    await pilot.press(*keys)
    await settled(pilot)


async def test_the_keys_of_dive_do_what_they_do_there(demo_image: Path) -> None:
    """The keys do the same as in dive, in the layers and in the files."""
    app = explorer(demo_image)
    preferences = Preferences(parse_settings(DIVE, "config.toml"))
    app.session.preferences = preferences
    app = type(app)(app.session)
    async with app.run_test(size=(160, 48)) as pilot:
        screen = await loaded(pilot)
        assert isinstance(screen, MainScreen)
        explore, pane = screen.explore, screen.explore._files_pane
        for key, mode in (("ctrl+a", Mode.UP_TO), ("ctrl+l", Mode.LAYER)):
            await _press(pilot, key)
            assert pane.mode is mode
        await _press(pilot, "tab", "ctrl+a")
        assert (pane.mode, explore.filter_bar.field.value) == (Mode.LAYER, "!change:added")
        await _press(pilot, "ctrl+a", "ctrl+r")
        assert explore.filter_bar.field.value == "!change:removed"
        await _press(pilot, "ctrl+r", "ctrl+u")
        assert pane.mode is Mode.UP_TO
        assert explore.files.view is not None
        assert explore.files.view.changed_only
        sort = explore.files.view.sort
        await _press(pilot, "ctrl+o")
        assert explore.files.view.sort is not sort
        await _press(pilot, "plus")
        rows = explore.files.row_count()
        await _press(pilot, "ctrl+@")
        assert explore.files.row_count() < rows
        for key, dialog in (("ctrl+b", ColumnsScreen), ("ctrl+e", ExtractScreen)):
            await _press(pilot, key)
            assert isinstance(app.screen, dialog)
            await _press(pilot, "escape")
        await _press(pilot, "ctrl+f")
        assert explore.filter_bar.typing
        await _press(pilot, "ctrl+g")
        assert isinstance(screen.view, FindView)
        await _press(pilot, "escape", "ctrl+c")
        assert app._exit


@pytest.mark.parametrize(
    ("key", "hidden"),
    [
        ("A", {Change.ADDED}),
        ("R", {Change.REMOVED}),
        ("M", {Change.MODIFIED, Change.METADATA}),
    ],
)
async def test_paths_are_hidden_by_their_change(
    demo_image: Path, key: str, hidden: set[Change]
) -> None:
    """A second press shows them again; other terms of the filter stay."""
    app = explorer(demo_image)
    async with app.run_test(size=(160, 48)) as pilot:
        screen = await loaded(pilot)
        explore = screen.explore
        explore.steps.select_layer(6)
        await _press(pilot, "slash", *"type:file", "enter", "plus")
        view = explore.files.view
        assert view is not None
        before = view.matching
        await _press(pilot, key)
        view = explore.files.view
        assert view is not None
        assert (view.matching < before) is any(view.counts[change] for change in hidden)
        shown = {view.row(row).change for row in range(len(view)) if not view.row(row).is_directory}
        assert not shown & hidden
        await _press(pilot, key)
        assert explore.filter_bar.field.value == "type:file"
        assert explore.files.view is not None
        assert explore.files.view.matching == before


@pytest.mark.terminal
@pytest.mark.skipif(TMUX is None, reason="tmux is not installed")
def test_a_terminal_sends_the_keys_of_the_preset(demo_image: Path, tmp_path: Path) -> None:
    """In tmux, keys work that terminals send under another name, such as ctrl+space."""
    config = tmp_path / "config.toml"
    config.write_text(DIVE)
    with terminal(
        layerscope(str(demo_image)), environment={"LAYERSCOPE_CONFIG": str(config)}
    ) as screen:
        screen.wait_for("digests ok")
        screen.keys("Tab", "+")
        screen.wait_for("▾ usr")
        screen.keys("C-Space")
        screen.wait_for("▸ usr")
        screen.keys("C-_")
        screen.wait_for("change:added, setuid")
        screen.keys("Escape")
        screen.wait_until_gone("change:added, setuid")
        screen.keys("C-a")
        screen.wait_for("!change:added")
        screen.keys("C-c")
        screen.wait_for("exit 0")
