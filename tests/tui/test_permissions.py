"""Actions that are not permitted notify and do nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from layerscope.image.dockerfile import read_dockerfile
from layerscope.tui.app import LayerscopeApp
from layerscope.tui.permissions import Permissions
from layerscope.tui.preferences import DEFAULT_THEME, Preferences
from layerscope.tui.screens.main import MainScreen
from layerscope.tui.screens.write_fixes import WriteFixesScreen
from tests.cli.test_fix import DOCKERFILE, STEPS, image
from tests.tui.explorer import explorer, loaded, screen_text, settled

WIDE = (120, 40)


def reading(*, dockerfile: bool) -> LayerscopeApp:
    """The explorer as in a page that may neither write nor start programs."""
    image(Path("image.tar"), STEPS)
    Path("Dockerfile").write_text(DOCKERFILE)
    written = read_dockerfile(Path("Dockerfile")) if dockerfile else None
    app = explorer(Path("image.tar"), rules={}, dockerfile=written)
    app.session.permissions = Permissions(writing=False, programs=False)
    return app


def notifications(pilot: Pilot[Any]) -> list[str]:
    """The notifications since the last call."""
    messages = [one.message for one in pilot.app._notifications]
    pilot.app.clear_notifications()
    return messages


async def test_nothing_is_saved_and_no_program_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keys notify; the footer and the palette do not offer the commands."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAGER", f"touch {tmp_path}/owned")
    async with reading(dockerfile=True).run_test(size=WIDE, notifications=True) as pilot:
        screen = await loaded(pilot)
        await pilot.press("tab")
        for key, words in (("e", "only reads"), ("p", "no other programs"), ("E", "no other programs")):  # fmt: skip
            await pilot.press(key)
            await settled(pilot)
            assert pilot.app.screen is screen
            assert [words in each for each in notifications(pilot)] == [True]
        assert "Extract" not in screen_text(pilot.app)[-1]
        commands = [each.title for each in pilot.app.get_system_commands(screen)]
        assert "Screenshot" not in commands
    assert {each.name for each in tmp_path.iterdir()} == {"image.tar", "Dockerfile"}


@pytest.mark.parametrize("dockerfile", [True, False])
async def test_a_patch_can_be_seen_but_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dockerfile: bool
) -> None:
    """The patch is written neither into the Dockerfile nor as a file."""
    monkeypatch.chdir(tmp_path)
    async with reading(dockerfile=dockerfile).run_test(size=WIDE, notifications=True) as pilot:
        await loaded(pilot)
        await pilot.press("8", "space", "w")
        await settled(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, WriteFixesScreen)
        text = "\n".join(screen_text(pilot.app))
        assert "Patch of 1 fix" in text
        assert "copies" in text
        assert "writes" not in text
        assert "saves the patch" not in text
        await pilot.press("enter")
        await settled(pilot)
        assert any("only reads" in each for each in notifications(pilot))
        assert not screen.has_class("-saving")
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(pilot.app.screen, MainScreen)
    assert Path("Dockerfile").read_text() == DOCKERFILE
    assert {each.name for each in tmp_path.iterdir()} == {"image.tar", "Dockerfile"}


def test_choices_are_read_but_not_written(tmp_path: Path) -> None:
    """Preferences without `persist` use saved choices, but save none."""
    state = tmp_path / "state.json"
    Preferences(state=state).save_theme("nord")
    before = state.read_bytes()
    preferences = Preferences(state=state, persist=False)
    assert preferences.theme == "nord" != DEFAULT_THEME
    preferences.save_theme("dracula")
    assert preferences.theme == "dracula"
    assert state.read_bytes() == before
