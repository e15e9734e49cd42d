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
"""What leads to a list, and its name."""
LONG = [name for name in LISTS if name != "life"]
"""Those with more rows than a low terminal has."""


async def test_a_click_on_the_name_of_a_view_opens_it(demo_image: Path) -> None:
    """Each of them, and the first one again."""
    app = picture_of(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        for spec in (*VIEWS[1:], VIEWS[0]):
            at = screen_text(app)[1].index(f"{first_key(f'view.{spec.name}')} {spec.title}")
            await pilot.click("#header", offset=(at + 3, 1))
            await settled(pilot)
            assert screen.view.id == spec.name


async def _come_to(pilot: Pilot[None], screen: MainScreen, place: str) -> LineList:
    """A list with the cursor in its first row, from wherever one is."""
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
    """Lists; it has the focus then, also where another pane had it."""
    app = picture_of(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        for place in LISTS:
            rows = await _come_to(pilot, screen, place)
            await pilot.click(rows, offset=(30, 1))
            await settled(pilot)
            assert (place, rows.cursor, rows.has_focus) == (place, 1, True)


async def test_the_wheel_moves_what_is_seen(demo_image: Path) -> None:
    """Down and up again, in every list; the cursor stays."""
    app = picture_of(demo_image)
    async with app.run_test(size=LOW_HEIGHT) as pilot:
        screen = await loaded(pilot)
        for place in LONG:
            rows = await _come_to(pilot, screen, place)
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
    """As Enter does."""
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
"""What leads to where a list is seen while another pane has the focus, and its name."""


@pytest.mark.parametrize(
    ("place", "size"), [*((place, (80, 24)) for place in UNFOCUSED), ("duplicates", WIDE)]
)
async def test_nothing_moves_under_a_click(
    demo_image: Path, place: str, size: tuple[int, int]
) -> None:
    """The row that is pressed is the one that is selected; panes share the room anew only when keys are used."""
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
    """Column and line at which words stand on the screen, below the header."""
    y = next(y for y, line in enumerate(lines) if words in line and y > 2)
    return lines[y].index(words), y


async def test_a_click_on_an_arrow_opens_and_closes_a_directory(demo_image: Path) -> None:
    """Each click, also two in a row; left of a file's name there is none, so that nothing opens."""
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
    """And unmarks it; beside the box it only selects."""
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
    """Where the column has an order; the order is kept for the next time, and the heading marks it."""
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
"""Keys, and column titles with what the title says and how the column is marked after a click on each."""


@pytest.mark.parametrize("size", [WIDE, (80, 24)], ids=["wide", "small"])
@pytest.mark.parametrize("view", TITLES)
async def test_a_click_on_a_column_title_sorts(
    demo_image: Path, view: str, size: tuple[int, int]
) -> None:
    """In Find and Packages; the rows are in that order, and the title says so. Again on the same: the best match, in Find."""
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
"""Keys, a hint in a title, and what its command brings."""


@pytest.mark.parametrize("place", HINTS)
async def test_a_click_on_a_hint_runs_its_command(demo_image: Path, place: str) -> None:
    """Of the words in a title that name a key."""
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
    """One within it does not."""
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
