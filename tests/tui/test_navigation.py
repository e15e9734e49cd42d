"""Navigation: commands for the row under the cursor in each view, and where Esc returns to."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from layerscope.opening.open import Opened
from layerscope.tui.screens.extract import ExtractScreen
from layerscope.tui.screens.life import LifeView
from layerscope.tui.screens.main import MainScreen
from layerscope.tui.trail import MAX_PLACES
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.listing_list import ListingList
from layerscope.words import Change
from tests.images import CREATED, docker_archive, file, layer_tar, write
from tests.tui.explorer import explorer, loaded, screen_text, settled
from tests.tui.pictures import picture_of

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
"""Keys that put the cursor on a path, in each view."""


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
    """`y`, `e` and `L` act on the path under the cursor in every view that shows paths."""
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
    """`y` in the Dockerfile view copies all lines of an instruction; `e` notifies that there is no file."""
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
async def test_esc_returns_to_the_row_of_a_path(demo_image: Path, place: str, key: str) -> None:
    """Esc returns to the same view, pane and row."""
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


async def test_esc_returns_step_by_step(demo_image: Path) -> None:
    """Esc goes from Life to File, Waste and Explore, and stops there."""
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
    """`i` shows the details in place of the steps; `i` or Esc return to the steps, Enter goes to the files."""
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


OPENED = {
    "waste": ("2", "down", "enter"),
    "duplicates": ("2", "tab", "enter", "down", "enter"),
    "find": ("4", *"passwd", "tab", "enter"),
    "find-field": ("4", *"passwd", "enter"),
    "life": ("tab", "plus", "down", "down", "3", "enter"),
    "dockerfile": ("6", "down", "down", "enter"),
    "findings": ("8", "enter", "down", "enter"),
}
"""Keys that open a row of a view in Explore."""


@pytest.mark.parametrize("place", OPENED)
async def test_esc_returns_from_explore_to_the_view_of_the_opened_row(
    demo_image: Path, place: str
) -> None:
    """Esc restores the view with pane, row and texts, and the footer names it; then the first view as it was left."""
    app = picture_of(demo_image)
    *keys, enter = OPENED[place]
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        explore = screen.explore
        await pilot.press("j", "j", "a", "slash", *"py", "enter", "shift+tab")
        await settled(pilot)
        first = [line.rstrip() for line in screen_text(app)]
        await pilot.press(*(["tab", *keys[3:]] if place == "life" else keys))
        await settled(pilot)
        view, focus, shown = screen.view, screen.focused, screen_text(app)
        assert view is not explore
        await pilot.press(enter)
        await settled(pilot)
        assert screen.view is explore
        title = view.id.title() if view.id else ""
        assert f"Esc {title} " in screen_text(app)[-1]
        await pilot.press("escape")
        await settled(pilot)
        assert (screen.view, screen.focused) == (view, focus)
        assert screen_text(app) == shown
        for _ in range(4):
            if screen.view is not explore:
                await pilot.press("escape")
                await settled(pilot)
        assert screen.view is explore
        if place == "life":
            await pilot.press("shift+tab")
            await settled(pilot)
        assert screen_text(app) == first


async def test_a_number_starts_a_new_trail(demo_image: Path) -> None:
    """After a view was opened by its number, Esc returns to the first view, where it does nothing."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        await pilot.press("2", "down", "enter")
        await settled(pilot)
        await pilot.press("7")
        await settled(pilot)
        await pilot.press("escape")
        await settled(pilot)
        assert screen.view is screen.explore
        assert "Esc" not in screen_text(app)[-1]
        await pilot.press("2", "enter")
        await settled(pilot)
        await pilot.press("1", "escape")
        await settled(pilot)
        assert screen.view is screen.explore


async def test_esc_restores_each_file_and_life(demo_image: Path) -> None:
    """With two files and two lives in turn, Esc restores each with its row."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        await pilot.press("4", *"app.py", "tab", "5")
        await settled(pilot)
        await pilot.press("down", "down", "L")
        await settled(pilot)
        life = screen_text(app)[3:]
        await pilot.press("enter")
        await settled(pilot)
        await pilot.press("down", "enter")
        await settled(pilot)
        file = screen_text(app)[3:]
        await pilot.press("L")
        await settled(pilot)
        assert screen_text(app)[3:] != life
        seen = []
        for _ in range(4):
            await pilot.press("escape")
            await settled(pilot)
            seen.append((screen.view.id, screen_text(app)[3:]))
        assert [name for name, _ in seen] == ["file", "explore", "life", "file"]
        assert seen[0][1] == file
        assert seen[2][1] == life
        shown = "\n".join(seen[3][1])
        assert "/app/app.py" in shown
        rows = screen.view.panes()[0]
        assert isinstance(rows, LineList)
        assert rows.cursor == 2


async def test_the_trail_is_bounded(demo_image: Path) -> None:
    """Of many visited views, the first and the latest are kept, at most `MAX_PLACES`."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        await pilot.press("4", *"app.py", "tab")
        await settled(pilot)
        for _ in range(MAX_PLACES):
            await screen.show_view("file", onward=True)
            await screen.show_view("life", onward=True)
        assert len(screen._trail._places) == MAX_PLACES
        for _ in range(MAX_PLACES):
            await screen.action_back()
        assert screen.view is screen.explore


async def test_copied_text_is_shown_on_one_line(tmp_path: Path) -> None:
    """The notification shows an instruction of several lines on one, and keeps the end of a long path."""
    history = [{"created": CREATED, "created_by": "RUN one \\\n && two"}]
    name = "long/" * 20 + "name.txt"
    image = docker_archive([layer_tar([file(name, b"1")])], history=history)
    app = explorer(write(tmp_path / "image.tar", image))
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        await loaded(pilot)
        await pilot.press("y")
        await settled(pilot)
        assert app.clipboard == "RUN one \\\n && two"
        assert "RUN one \\  && two" in "\n".join(screen_text(app))
        await pilot.press("tab", "plus", "G", "y")
        await settled(pilot)
        assert app.clipboard == f"/{name}"
        shown = "\n".join(screen_text(app))
        assert "long/name.txt" in shown.replace("\n", "")
        assert "…" in shown


async def test_names_that_are_cut_keep_their_ends(tmp_path: Path) -> None:
    """Names keep their end in the tree, at any depth, in the title of File, and in the map."""
    name = f"a-{'rather-' * 20}long-name.tar.gz"
    image = docker_archive([layer_tar([file(name, b"1"), file(f"d/e/{name}", b"1")])])
    app = explorer(write(tmp_path / "image.tar", image))
    async with app.run_test(size=SMALL) as pilot:
        await loaded(pilot)
        await pilot.press("tab", "plus", "G")
        await settled(pilot)
        assert "\n".join(screen_text(app)).count("long-name.tar.gz") == 2
        await pilot.press("enter")
        await settled(pilot)
        assert "long-name.tar.gz" in screen_text(app)[3]
        await pilot.press("7")
        await settled(pilot)
        assert "name.tar.gz" in "\n".join(screen_text(app)[5:])
