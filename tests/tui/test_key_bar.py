"""The footer: keys that work here, never cut, and always help."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerscope.tui.commands import COMMANDS
from layerscope.tui.view import VIEWS
from layerscope.tui.widgets.key_bar import GAP, PINNED_RANK, Hint, fitting
from tests.tui.explorer import explorer, loaded, screen_text, settled

WIDE, SMALL = (160, 48), (80, 24)


@pytest.mark.parametrize("width", [20, 40, 60, 80, 110, 160])
def test_nothing_is_cut_and_help_stays(width: int) -> None:
    """At any width the hints fit, the most important ones stay, and help is shown."""
    hints = [
        Hint(command.footer, command.keys, command.keys[:5], command.footer_words)
        for command in COMMANDS
        if command.footer and command.group in ("app", "view", "list", "path", "explore")
    ]
    hints.sort(key=lambda hint: hint.rank)
    left, right = fitting(hints, width)
    assert right[0].words == "Help"
    assert sum(hint.width + GAP for hint in [*left, *right]) - GAP <= width - 2
    assert all(hint.rank >= PINNED_RANK for hint in right)
    assert [hint.rank for hint in left] == sorted(hint.rank for hint in left)
    if width >= 40:
        assert left[0].words == "Open"


@pytest.mark.parametrize("size", [SMALL, (100, 30)], ids=["80", "100"])
async def test_every_view_shows_whole_keys(demo_image: Path, size: tuple[int, int]) -> None:
    """In every view, each hint is shown in full."""
    app = explorer(demo_image)
    titles = {command.footer_words for command in COMMANDS if command.footer}
    titles |= {"Leave", "Show in Explore", "Show life", *(view.title for view in VIEWS)}
    async with app.run_test(size=size) as pilot:
        screen = await loaded(pilot)
        for view in VIEWS:
            await screen.show_view(view.name)
            await settled(pilot)
            line = screen_text(app)[-1]
            assert "Help" in line, view.name
            assert "Quit" in line, view.name
            for hint in line.split("  "):
                if hint.strip():
                    assert hint.strip().partition(" ")[2] in titles, view.name


@pytest.mark.parametrize("keys", [("slash",), ("4",), ("3", "slash"), ("5", "slash")], ids="/435")
async def test_a_field_offers_only_what_works_in_it(
    demo_image: Path, keys: tuple[str, ...]
) -> None:
    """In a field the footer shows Enter, Esc and F1, but no letters: they are text."""
    app = explorer(demo_image)
    async with app.run_test(size=SMALL) as pilot:
        await loaded(pilot)
        await pilot.press(*keys)
        await settled(pilot)
        line = screen_text(app)[-1]
        assert "Esc Leave" in line
        assert "Enter " in line
        assert "F1 Help" in line
        shown = {hint.split()[0] for hint in line.split("  ") if hint.split()}
        assert not any(len(key) == 1 for key in shown), shown
        await pilot.press("f1")
        await pilot.pause()
        assert app.screen is not app.main


async def test_a_click_presses_the_key(demo_image: Path) -> None:
    """A click on a hint in the footer runs its command."""
    app = explorer(demo_image)
    async with app.run_test(size=SMALL) as pilot:
        screen = await loaded(pilot)
        line = screen_text(app)[-1]
        await pilot.click("KeyBar", offset=(line.index("Filter"), 0))
        await settled(pilot)
        assert screen.explore.filter_bar.typing


async def test_esc_is_offered_only_if_there_is_something_to_leave(demo_image: Path) -> None:
    """Esc is not offered on the first screen, but in other views, and while layers are compared."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        assert "Esc" not in screen_text(app)[-1]
        await pilot.press("2")
        await settled(pilot)
        assert "Esc Explore" in screen_text(app)[-1]
        await pilot.press("escape", "x")
        await settled(pilot)
        assert "Esc End" in screen_text(app)[-1]


async def test_details_in_a_small_terminal_show_the_key_that_leaves_them(demo_image: Path) -> None:
    """The footer offers `i` on the first screen and Esc in the details; both return from the details."""
    app = explorer(demo_image)
    async with app.run_test(size=SMALL) as pilot:
        explore = (await loaded(pilot)).explore
        for leave in ("escape", "i"):
            assert "i Details" in screen_text(app)[-1]
            await pilot.press("i")
            await settled(pilot)
            assert explore.details.has_focus
            assert "Esc Back" in screen_text(app)[-1]
            assert "Details" not in screen_text(app)[-1]
            await pilot.press(leave)
            await settled(pilot)
            assert explore.steps.has_focus
