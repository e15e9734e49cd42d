"""The mouse in every view: tabs, rows, the wheel and double clicks do what keys do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from textual.events import MouseScrollDown, MouseScrollUp
from textual.pilot import Pilot

from layerscope.browse.choices import Sort
from layerscope.tui.commands import first_key
from layerscope.tui.screens.main import MainScreen
from layerscope.tui.view import VIEWS
from layerscope.tui.widgets.line_list import LineList
from tests.tui.explorer import loaded, screen_text, settled
from tests.tui.pictures import FIND_FILE, picture_of

WIDE, LOW_HEIGHT = (160, 48), (120, 16)
LISTS: dict[str, tuple[tuple[str, ...], str]] = {
    "explore": ((), "#steps"),
    "files": (("g", "j", "j", "tab", "plus", "g"), "#files"),
    "waste": (("2",), "#waste-list"),
    "life": (("tab", "3"), "#events"),
    "find": (("4", "ctrl+u", *"apt"), "#matches"),
    "file": (("4", "ctrl+u", *FIND_FILE[1:]), "#content"),
    "dockerfile": (("6",), "#listing"),
    "findings": (("8",), "#finding-list"),
}
"""Keys that open a list, and its selector."""
LONG = [name for name in LISTS if name != "life"]
"""Lists with more rows than a low terminal."""


async def test_a_click_on_the_name_of_a_view_opens_it(demo_image: Path) -> None:
    """Each title in the header opens its view."""
    app = picture_of(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        for spec in (*VIEWS[1:], VIEWS[0]):
            at = screen_text(app)[1].index(f"{first_key(f'view.{spec.name}')} {spec.title}")
            await pilot.click("#header", offset=(at + 3, 1))
            await settled(pilot)
            assert screen.view.id == spec.name


async def _open_list(pilot: Pilot[None], screen: MainScreen, place: str) -> LineList:
    """Open a list from anywhere, with the cursor on its first row."""
    keys, name = LISTS[place]
    await screen.show_view("explore")
    screen.set_focus(screen.explore.steps)
    screen.explore.steps.select_layer(0)
    await pilot.press(*keys)
    await settled(pilot)
    rows = screen.view.query_one(name, LineList)
    rows.go_to(0)
    await settled(pilot)
    return rows


async def test_a_click_puts_the_cursor_on_a_row(demo_image: Path) -> None:
    """A click also gives the list the focus."""
    app = picture_of(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        for place in LISTS:
            rows = await _open_list(pilot, screen, place)
            await pilot.click(rows, offset=(30, 1))
            await settled(pilot)
            assert (place, rows.cursor, rows.has_focus) == (place, 1, True)


async def test_the_wheel_scrolls_every_list(demo_image: Path) -> None:
    """The wheel scrolls down and up again; the cursor stays."""
    app = picture_of(demo_image)
    async with app.run_test(size=LOW_HEIGHT) as pilot:
        screen = await loaded(pilot)
        for place in LONG:
            rows = await _open_list(pilot, screen, place)
            before = screen_text(app)
            await pilot._post_mouse_events([MouseScrollDown], rows)  # there is no other way
            await settled(pilot)
            assert (place, rows.cursor, screen_text(app) != before) == (place, 0, True)
            for _ in range(3):
                await pilot._post_mouse_events([MouseScrollUp], rows)
            await settled(pilot)
            assert screen_text(app) == before, place


@pytest.mark.parametrize("place", ["waste", "find", "dockerfile", "life"])
async def test_a_double_click_shows_a_row_in_the_tree_or_its_step(
    demo_image: Path, place: str
) -> None:
    """A double click opens a row as Enter does."""
    keys, name = LISTS[place]
    app = picture_of(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        await pilot.press(*keys)
        await settled(pilot)
        await pilot.double_click(name, offset=(30, 1))
        await settled(pilot)
        assert screen.view is screen.explore


UNFOCUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "duplicates": (("2",), "#duplicate-list"),
    "waste": (("2", "tab"), "#waste-list"),
    "files": (("j", "j", "j", "j", "tab", "plus", "g", "tab", "tab"), "#files"),
    "files-details": (("j", "j", "j", "j", "tab", "plus", "g", "tab"), "#files"),
    "steps": (("j", "j", "j", "j", "tab"), "#steps"),
}
"""Keys after which a list is visible while another pane has the focus, and its selector."""


@pytest.mark.parametrize(
    ("place", "size"), [*((place, (80, 24)) for place in UNFOCUSED), ("duplicates", WIDE)]
)
async def test_nothing_moves_under_a_click(
    demo_image: Path, place: str, size: tuple[int, int]
) -> None:
    """A click selects the row that was pressed; panes are resized only when keys are used."""
    keys, name = UNFOCUSED[place]
    app = picture_of(demo_image)
    async with app.run_test(size=size) as pilot:
        screen = await loaded(pilot)
        await pilot.press(*keys)
        await settled(pilot)
        rows = screen.view.query_one(name, LineList)
        assert not rows.has_focus
        y, wanted = (1, rows.scroll_offset.y + 1)
        if wanted == rows.cursor:
            y, wanted = y - 1, wanted - 1
        region = rows.region
        await pilot.click(offset=(region.x + 30, region.y + y))
        await settled(pilot)
        assert rows.has_focus
        assert (rows.cursor, rows.region) == (wanted, region)
        await pilot.press("down")
        await settled(pilot)
        by_keys = rows.region
        await pilot.press("tab", "shift+tab")
        await settled(pilot)
        assert (rows.has_focus, rows.region) == (True, by_keys)
        assert by_keys.height >= region.height


def _find(lines: list[str], words: str) -> tuple[int, int]:
    """Column and line of words on screen, below the header."""
    y = next(y for y, line in enumerate(lines) if words in line and y > 2)
    return lines[y].index(words), y


async def test_a_click_on_an_arrow_opens_and_closes_a_directory(demo_image: Path) -> None:
    """Each click on an arrow toggles the directory. Files have no arrow: a click left of the name opens nothing."""
    app = picture_of(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        files = screen.explore.files
        await pilot.press("g", "tab")
        await settled(pilot)
        rows = files.row_count()
        x, y = _find(screen_text(app), "▸ usr")
        await pilot.click(offset=(x, y))
        await settled(pilot)
        opened = files.row_count()
        assert opened > rows
        await pilot.click(offset=(x, y))
        await settled(pilot)
        assert files.row_count() == rows
        await pilot.press("slash", *"passw", "enter")
        await settled(pilot)
        x, y = _find(screen_text(app), "passwd")
        await pilot.click(offset=(x - 2, y))
        await settled(pilot)
        assert screen.view is screen.explore


async def test_a_click_on_a_box_marks_a_finding_as_fixed(demo_image: Path) -> None:
    """A second click unmarks it; a click beside the box only selects."""
    for size in (WIDE, (80, 24)):
        app = picture_of(demo_image)
        async with app.run_test(size=size) as pilot:
            screen = await loaded(pilot)
            await pilot.press("8")
            await settled(pilot)
            x, y = _find(screen_text(app), "[ ]")
            await pilot.click(offset=(x + 4, y))
            await settled(pilot)
            assert not screen.session.fixed
            for column, fixed in ((x, 1), (x + 2, 0)):
                await pilot.click(offset=(column, y))
                await settled(pilot)
                assert len(screen.session.fixed) == fixed


SORTED = {" size": "size", "share": "size", "name": "name", "layer": "layer", "mode": None}
"""Column titles of the file tree, and the order of each."""


@pytest.mark.parametrize("title", SORTED)
async def test_a_click_on_a_column_sorts_by_it(demo_image: Path, title: str) -> None:
    """A click on a sortable column sorts the tree, saves the order and marks the title; on others it does nothing."""
    app = picture_of(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        files = screen.explore.files
        files.choose(("mode", "layer", "share"))
        start = "change"
        files.change(lambda view: view.set_sort(Sort(start)))
        await settled(pilot)
        line = screen_text(app)[4]
        at = line.rindex(title) + 1
        await pilot.click(offset=(at, 4))
        await settled(pilot)
        assert files.view is not None
        assert files.view.sort.value == (SORTED[title] or start)
        assert screen.session.preferences.sort == (SORTED[title] or "size")
        right = screen_text(app)[4].partition("│")[2]
        marks = {"size": "size ▾", "name": "name ▴", "layer": "by layer ▾", None: " ▾   name"}
        assert marks[SORTED[title]] in right
        assert right.count("▾") + right.count("▴") == 1


TITLES: dict[str, tuple[tuple[str, ...], Sequence[tuple[str, str, str]]]] = {
    "find": (
        ("4", *"so.1"),
        [
            ("size", "by size", "size ▾"),
            ("layer", "by layer", "layer▾"),
            ("state", "by layer", "layer▾"),
            ("path", "by name", "path ▴"),
            ("path", "by best match", "path  "),
        ],
    ),
    "packages": (
        ("9",),
        [
            ("package", "by name", "package ▴"),
            ("files", "by files", "files ▾"),
            ("manager", "by manager", "manager▴"),
            ("layer", "by layer", "layer▾"),
            ("share", "by size", "size ▾"),
        ],
    ),
}
"""Keys that open a list; then column titles, each with the pane title and the column mark after a click on it."""


@pytest.mark.parametrize("size", [WIDE, (80, 24)], ids=["wide", "small"])
@pytest.mark.parametrize("view", TITLES)
async def test_a_click_on_a_column_title_sorts(
    demo_image: Path, view: str, size: tuple[int, int]
) -> None:
    """A click sorts the rows in Find and Packages, and titles show the order. In Find, a second click sorts by best match."""
    keys, clicks = TITLES[view]
    app = picture_of(demo_image)
    async with app.run_test(size=size) as pilot:
        await loaded(pilot)
        await pilot.press(*keys)
        await settled(pilot)
        rows = [screen_text(app)]
        for title, order, mark in clicks:
            y = next(y for y, line in enumerate(rows[0]) if "size" in line and y > 3)
            await pilot.click(offset=(screen_text(app)[y].index(title) + 1, y))
            await settled(pilot)
            shown = screen_text(app)
            assert order in shown[3]
            assert mark in shown[y].ljust(size[0])
            assert (shown[y + 1 :] == rows[-1][y + 1 :]) is (title == "state")
            rows.append(shown)
        assert rows[-1][3:] == rows[0][3:]


HINTS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "metadata": ((), "m shows metadata", "m hides metadata"),
    "waste": (("2",), "b: by instruction", "b: by directory"),
    "findings": (("8",), "b: by instruction", "b: by rule"),
    "packages": (("9",), "s: by name", "s: by manager"),
    "compared": (("x",), "Esc ends", "m shows metadata"),
    "dockerfile": (("6",), "Enter shows the step", "Esc Dockerfile"),
    "columns": (("c",), "Esc closes", "Enter Open"),
}
"""Keys that show a hint, the hint, and text on screen after a click on it."""


@pytest.mark.parametrize("place", HINTS)
async def test_a_click_on_a_hint_runs_its_command(demo_image: Path, place: str) -> None:
    """A click on the part of a title that names a key runs its command."""
    keys, hint, brings = HINTS[place]
    app = picture_of(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        await loaded(pilot)
        await pilot.press(*keys)
        await settled(pilot)
        x, y = _find(screen_text(app), hint)
        await pilot.click(offset=(x + 2, y))
        await settled(pilot)
        assert brings in "\n".join(screen_text(app))


@pytest.mark.parametrize("key", ["question_mark", "c", "e", "ctrl+p"])
async def test_a_click_beside_a_dialog_closes_it(demo_image: Path, key: str) -> None:
    """A click outside a dialog closes it, one inside does not."""
    app = picture_of(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        await pilot.press("tab", key)
        await settled(pilot)
        assert app.screen is not screen
        await pilot.click(offset=(80, 24 if key != "ctrl+p" else 4))
        await settled(pilot)
        assert app.screen is not screen
        await pilot.click(offset=(1, 46))
        await settled(pilot)
        assert app.screen is screen
