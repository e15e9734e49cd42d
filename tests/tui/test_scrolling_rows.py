"""Lists whose number of rows changes while they are scrolled."""

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
    """An image with layers of 300, 100 and two files; the instruction of the second is long."""
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
    """After a switch from the end of 300 rows to a layer of 100, the last rows are on screen, and the scrollbar fits."""
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


async def test_the_scrollbar_is_hidden_when_all_rows_fit(tmp_path: Path) -> None:
    """The scrollbar appears again when rows do not fit."""
    async with explorer(_image(tmp_path)).run_test(size=(100, 24)) as pilot:
        explore = await _explore(pilot)
        explore.steps.focus()
        for keys, shown in ((("j", "j"), False), (("k",), True)):
            await pilot.press(*keys)
            await pilot.pause()
            assert explore.files.show_vertical_scrollbar is shown


async def test_details_scroll_only_as_far_as_their_text(tmp_path: Path) -> None:
    """A long instruction can be scrolled to its end; a short one after it cannot be scrolled."""
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
