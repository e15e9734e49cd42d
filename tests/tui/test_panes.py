"""Panes: clicks, the wheel, splitters, the base image, and the lit title."""

from __future__ import annotations

from pathlib import Path

from textual.events import MouseScrollDown
from textual.pilot import Pilot
from textual.widget import Widget

from layerscope.tui.screens.explore import MIN_PANE_SIZE, SPLITTER_STEP, ExploreView
from layerscope.tui.widgets.pane import Pane, PaneTitle
from tests.tui.explorer import explorer, loaded, screen_text, settled

WIDE, SMALL = (160, 48), (80, 24)


def _left(explore: ExploreView) -> Widget:
    return explore.query_one("#left")


async def _drag(pilot: Pilot[None], line: str, by: tuple[int, int]) -> None:
    """Drag a splitter by some cells."""
    region = pilot.app.screen.query_one(line).region
    x, y = region.x + min(4, region.width - 1), region.y + min(4, region.height - 1)
    await pilot.mouse_down(offset=(x, y))
    await pilot.hover(offset=(x + by[0], y + by[1]))
    await pilot.mouse_up(offset=(x + by[0], y + by[1]))
    await pilot.pause()


async def test_a_click_selects_a_step(demo_image: Path) -> None:
    """A click on a step moves the cursor, and the tree shows its layer."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        explore = (await loaded(pilot)).explore
        await pilot.click("#steps", offset=(30, 4))
        await pilot.pause()
        assert explore.steps.cursor == 4
        assert explore.files.view is not None
        assert explore.files.view.layer == 3


async def test_a_double_click_on_a_step_goes_to_its_files(demo_image: Path) -> None:
    """A double click opens a step as Enter does."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        explore = (await loaded(pilot)).explore
        await pilot.double_click("#steps", offset=(30, 4))
        await pilot.pause()
        assert explore.files.has_focus


async def test_a_click_on_the_arrow_opens_a_directory(demo_image: Path) -> None:
    """A single click on the arrow toggles a directory; elsewhere on the row it takes a double click."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        explore = (await loaded(pilot)).explore
        closed = explore.files.row_count()
        line = next(line for line in screen_text(app) if "▸ usr" in line)
        arrow = line.index("▸") - explore.files.region.x
        await pilot.click("#files", offset=(arrow, 0))
        assert explore.files.row_count() > closed
        await pilot.click("#files", offset=(arrow, 0))
        assert explore.files.row_count() == closed
        await pilot.click("#files", offset=(arrow + 10, 1))
        assert (explore.files.cursor, explore.files.row_count()) == (1, closed)
        await pilot.double_click("#files", offset=(arrow + 10, 1))
        assert explore.files.row_count() > closed


async def test_the_wheel_scrolls_and_leaves_the_cursor(demo_image: Path) -> None:
    """The wheel scrolls the list without moving the cursor."""
    app = explorer(demo_image)
    async with app.run_test(size=SMALL) as pilot:
        explore = (await loaded(pilot)).explore
        explore.files.focus()
        await pilot.press("plus", "g")
        await pilot._post_mouse_events(  # the only way to turn the wheel in a test
            [MouseScrollDown], "#files"
        )
        await pilot.pause(0.3)
        assert explore.files.scroll_offset.y > 0
        assert explore.files.cursor == 0


async def test_the_line_between_left_and_right_can_be_dragged(demo_image: Path) -> None:
    """Both sides follow the mouse, and keep their minimum width."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        explore = (await loaded(pilot)).explore
        before = _left(explore).size.width
        await _drag(pilot, "#across", (10, 0))
        assert _left(explore).size.width == before + 10
        await _drag(pilot, "#across", (-70, 0))
        assert _left(explore).size.width == MIN_PANE_SIZE[0]
        await _drag(pilot, "#across", (127, 0))
        assert explore.query_one("#files-pane").size.width == MIN_PANE_SIZE[0]


async def test_the_line_above_the_details_can_be_dragged(demo_image: Path) -> None:
    """Dragging the splitter up enlarges the details; the upper pane keeps its minimum height."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        explore = (await loaded(pilot)).explore
        above = explore.query_one("#above")
        before = above.size.height
        await _drag(pilot, "#above-details", (0, -6))
        assert above.size.height == before - 6
        await _drag(pilot, "#above-details", (0, -above.size.height))
        assert above.size.height == MIN_PANE_SIZE[1]


async def test_brackets_move_the_line(demo_image: Path) -> None:
    """`[` and `]` move the splitter by keys."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        explore = (await loaded(pilot)).explore
        before = _left(explore).size.width
        await pilot.press("right_square_bracket", "right_square_bracket")
        await pilot.pause()
        assert _left(explore).size.width == before + 2 * SPLITTER_STEP
        await pilot.press("left_square_bracket")
        await pilot.pause()
        assert _left(explore).size.width == before + SPLITTER_STEP


async def test_resizing_keeps_the_chosen_proportions(demo_image: Path) -> None:
    """In a narrow terminal the splitter is horizontal; the share chosen for a wide one is restored with it."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        explore = (await loaded(pilot)).explore
        await _drag(pilot, "#across", (20, 0))
        chosen = _left(explore).size.width
        await pilot.resize_terminal(*SMALL)
        await pilot.pause()
        assert _left(explore).size.width == SMALL[0]
        lower = _left(explore).size.height
        await pilot.press("right_square_bracket")
        await pilot.pause()
        assert _left(explore).size.height == lower + SPLITTER_STEP
        assert any(line.startswith("─" * SMALL[0]) for line in screen_text(app)[4:])
        await pilot.resize_terminal(*WIDE)
        await pilot.pause()
        assert _left(explore).size.width == chosen


async def test_the_end_of_the_base_image_can_be_moved(demo_image: Path) -> None:
    """A line marks the steps of the base image, the details give the reason, and `<` and `>` move its end."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        session = screen.session
        assert (session.base_steps, session.base_layers) == (2, 1)
        await pilot.press("m", "g", "down")
        await pilot.pause()
        text = screen_text(app)
        assert any(line.startswith("│0 ") for line in text)
        assert any(line.startswith("╰·") for line in text)
        assert "base image (estimated: " in "\n".join(text)
        await pilot.press("greater_than_sign", "greater_than_sign", "greater_than_sign")
        assert (session.base_steps, session.base_layers) == (5, 2)
        text = screen_text(app)
        assert any(line.startswith("╰1 ") for line in text)
        assert "base image (set by you)" in "\n".join(text)
        await pilot.press(*["less_than_sign"] * 9)
        assert session.base_steps == 0
        assert "base" not in "\n".join(screen_text(app)[3:30])
        await pilot.press("greater_than_sign", "greater_than_sign", "m")
        assert any(line.startswith("╰0 ") for line in screen_text(app))


async def test_the_title_is_lit_where_the_focus_is(demo_image: Path) -> None:
    """Only the title of the pane with the focus is lit."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        screen = await loaded(pilot)
        for view in ("explore", "waste", "map"):
            await screen.show_view(view)
            for _ in screen.view.panes():
                await pilot.press("tab")
                await settled(pilot)
                lit = app.theme_variables["emphasis"]
                for pane in screen.view.query(Pane):
                    title = pane.query(PaneTitle).first()
                    style = title.get_component_rich_style("title--name", partial=True)
                    color = style.color
                    shown = None if color is None else color.get_truecolor().hex
                    assert (shown == lit.lower()) == pane.has_focus_within, pane
