"""Lists whose rows become more or fewer while they are scrolled; the screen is not laid out for it."""

from __future__ import annotations

from pathlib import Path

from textual.geometry import Size
from textual.pilot import Pilot

from layerscope.tui.screens.explore import ExploreView
from tests.images import docker_archive, file, layer_tar, write
from tests.tui.explorer import explorer, loaded, screen_text


async def _explore(pilot: Pilot[None]) -> ExploreView:
    explore = (await loaded(pilot)).explore
    explore.files.focus()
    await pilot.pause()
    return explore


def _image(tmp_path: Path) -> Path:
    """Layers of 300, of 100 and of two files; the second was made by a long instruction."""
    layers = [
        layer_tar([file(f"{layer}{number:03d}", b"x") for number in range(count)])
        for layer, count in zip("abc", (300, 100, 2), strict=True)
    ]
    history = [
        {"created_by": "RUN short"},
        {"created_by": "RUN " + " && ".join(f"command {number}" for number in range(30))},
        {"created_by": "RUN last"},
    ]
    return write(tmp_path / "many.tar", docker_archive(layers, history=history))


async def test_fewer_rows_never_leave_the_list_scrolled_past_its_end(tmp_path: Path) -> None:
    """At the bottom of 300 rows, another layer of 100: the last of them are on screen, and the scrollbar fits."""
    app = explorer(_image(tmp_path))
    async with app.run_test(size=(100, 24)) as pilot:
        explore = await _explore(pilot)
        files = explore.files
        await pilot.press("G")
        await pilot.pause()
        assert files.scroll_offset.y == 300 - files.size.height
        explore.steps.focus()
        await pilot.press("j")
        await pilot.pause()
        assert files.row_count() == 100
        assert files.scroll_offset.y == 100 - files.size.height
        bar = files.vertical_scrollbar
        assert (bar.window_virtual_size, bar.position) == (100, files.scroll_offset.y)
        assert any("b099" in line for line in screen_text(app))


async def test_the_scrollbar_goes_where_all_rows_fit(tmp_path: Path) -> None:
    """It comes back where they do not."""
    async with explorer(_image(tmp_path)).run_test(size=(100, 24)) as pilot:
        explore = await _explore(pilot)
        explore.steps.focus()
        for keys, shown in ((("j", "j"), False), (("k",), True)):
            await pilot.press(*keys)
            await pilot.pause()
            assert explore.files.show_vertical_scrollbar is shown


async def test_details_take_the_room_that_they_need(tmp_path: Path) -> None:
    """A long instruction can be scrolled to its end, a short one after it has nothing to scroll."""
    async with explorer(_image(tmp_path)).run_test(size=(160, 30)) as pilot:
        explore = await _explore(pilot)
        explore.steps.focus()
        heights: list[Size] = []
        for key in ("j", "k"):
            await pilot.press(key)
            await pilot.pause()
            heights.append(explore.details.virtual_size)
        assert heights[0].height > 30
        assert heights[1].height < 30
