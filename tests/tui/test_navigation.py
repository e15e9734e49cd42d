"""Navigation: commands for the row under the cursor in each view, and the target of Esc."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from layerscope.opening.open import Opened
from layerscope.tui.screens.extract import ExtractScreen
from layerscope.tui.screens.life import LifeView
from layerscope.tui.screens.main import MainScreen
from layerscope.tui.widgets.listing_list import ListingList
from layerscope.words import Change
from tests.tui.explorer import explorer, loaded, screen_text, settled

WIDE, SMALL = (160, 48), (80, 24)
PLACES = {
    "files": ("tab", "plus", "down", "down"),
    "waste": ("2", "down"),
    "duplicates": ("2", "tab"),
    "life": ("tab", "plus", "down", "down", "3"),
    "find": ("4", *"passwd", "tab"),
    "file": ("g", "tab", "plus", "slash", *"passwd", "enter", "G", "enter"),
    "map": ("7",),
}
"""Keys that lead to a path, in each view."""


def _key(character: str) -> str:
    return {"/": "slash"}.get(character, character)


async def _go(pilot: Pilot[None], place: str) -> MainScreen:
    screen = await loaded(pilot)
    for key in PLACES[place]:
        await pilot.press(_key(key))
    await settled(pilot)
    return screen


@pytest.mark.parametrize("place", PLACES)
async def test_a_path_can_be_copied_and_extracted_in_every_view(
    demo_image: Path, place: str
) -> None:
    """y, e and L work in every view that shows paths, on the same one."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen = await _go(pilot, place)
        opened = screen.session.opened
        pointed = screen.pointed()
        assert opened is not None
        assert pointed is not None
        full = "/" + opened.filesystem.table.full(pointed.path).decode()
        filesystem = opened.filesystem
        assert filesystem.paths[pointed.version] == pointed.path
        await pilot.press("y")
        assert app.clipboard == full
        await pilot.press("e")
        await pilot.pause()
        assert isinstance(app.screen, ExtractScreen)
        assert full in "\n".join(screen_text(app))
        await pilot.press("escape")
        await pilot.pause()
        await pilot.press("L")
        await settled(pilot)
        assert isinstance(screen.view, LifeView)
        assert screen.view.path == pointed.path


async def test_an_instruction_is_copied_whole(demo_image: Path) -> None:
    """In the Dockerfile view, with all its lines; there is no path to extract, and that is said."""
    app = explorer(demo_image)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        screen = await loaded(pilot)
        await pilot.press("6")
        await settled(pilot)
        listing = screen.view.query_one(ListingList)
        while not (listing.instruction and listing.instruction.text.startswith("RUN")):
            await pilot.press("down")
        await pilot.press("down", "y")
        await settled(pilot)
        assert app.clipboard.startswith("RUN apt-get update && ")
        assert "build-essential" in app.clipboard
        await pilot.press("e")
        await settled(pilot)
        assert "No file under the cursor" in "\n".join(screen_text(app))


@pytest.mark.parametrize(
    "place", [place for place in PLACES if place not in ("file", "life", "files")]
)
@pytest.mark.parametrize("key", ["5", "L"])
async def test_esc_leads_back_to_where_a_path_was_found(
    demo_image: Path, place: str, key: str
) -> None:
    """The same view, the same pane and the same row."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen = await _go(pilot, place)
        view, focus, pointed = screen.view, screen.focused, screen.pointed()
        await pilot.press(key)
        await settled(pilot)
        assert screen.view is not view
        await pilot.press("escape")
        await settled(pilot)
        assert (screen.view, screen.focused, screen.pointed()) == (view, focus, pointed)
        await pilot.press("escape")
        await settled(pilot)
        assert screen.view is screen.explore


async def test_esc_leads_back_step_by_step(demo_image: Path) -> None:
    """From a file to its life, to the list, to the first screen, and there it ends."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen = await _go(pilot, "waste")
        await pilot.press("5")
        await settled(pilot)
        await pilot.press("L")
        await settled(pilot)
        names = [screen.view.id]
        for _ in range(4):
            await pilot.press("escape")
            await settled(pilot)
            names.append(screen.view.id)
        assert names == ["life", "file", "waste", "explore", "explore"]


async def test_details_are_one_key_away_however_small_the_terminal(
    demo_image: Path, demo_opened: Opened
) -> None:
    """i shows them in place of the steps, i or Esc the steps again; Enter goes on to the files."""
    app = explorer(demo_image)
    added = f"{demo_opened.filesystem.changes.counts(1)[Change.ADDED]:,} added"
    async with app.run_test(size=SMALL) as pilot:
        screen = await loaded(pilot)
        assert "i Details" in screen_text(app)[-1]
        assert added not in "\n".join(screen_text(app))
        await pilot.press("i")
        await settled(pilot)
        shown = "\n".join(screen_text(app))
        assert added in shown
        assert not screen.explore.steps.region
        await pilot.press("G")
        await settled(pilot)
        assert "digests ok" in "\n".join(screen_text(app)[3:])
        await pilot.press("i")
        await settled(pilot)
        assert screen.explore.steps.has_focus
        assert added not in "\n".join(screen_text(app))
        await pilot.press("shift+tab", "escape")
        await settled(pilot)
        assert screen.explore.steps.has_focus
        await pilot.press("i", "enter")
        await settled(pilot)
        assert screen.explore.files.has_focus
        assert screen.explore.steps.region
