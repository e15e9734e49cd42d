"""The mouse in every view: tabs, rows, the wheel and double clicks do what keys do."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import MouseScrollDown, MouseScrollUp
from textual.pilot import Pilot

from layerscope.tui.commands import first_key
from layerscope.tui.screens.main import MainScreen
from layerscope.tui.view import VIEWS
from layerscope.tui.widgets.line_list import LineList
from tests.tui.explorer import loaded, screen_text, settled
from tests.tui.pictures import FIND_FILE, picture_of

WIDE, LOW = (160, 48), (120, 16)
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
    async with app.run_test(size=LOW) as pilot:
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
