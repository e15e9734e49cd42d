"""Map: tiles, navigation, layers and legend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from layerscope.tui.screens.map import MapView
from tests.images import docker_archive, file, layer_tar, write
from tests.tui.explorer import explorer, loaded, screen_text

WIDE, SMALL = (160, 48), (80, 24)
Compare = Callable[..., bool]


async def _map(pilot: Pilot[Any]) -> MapView:
    """Open the map and wait until it is drawn."""
    screen = await loaded(pilot)
    await pilot.press("7")
    for _ in range(3):
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
    view = screen.view
    assert isinstance(view, MapView)
    return view


def _directory(view: MapView) -> str:
    """The directory that is shown."""
    assert view.map.usage is not None
    return view.map.usage.filesystem.table.full(view.trail[-1].path).decode()


def _selected(view: MapView) -> str:
    """The name of the tile under the cursor."""
    assert view.map.tile is not None
    return view.map.name_of(view.map.tile)


async def test_the_title_shows_path_and_size(demo_image: Path) -> None:
    """The title has the path, its size, and the layer."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        view = await _map(pilot)
        accounting = view.session.opened.accounting if view.session.opened else None
        assert accounting is not None
        title = screen_text(app)[3]
        assert "Map · /" in title
        assert f"{accounting.live / 1e6:.1f} MB · final image" in title
        await pilot.press("enter")
        title = screen_text(app)[3]
        assert "Map · /usr" in title
        assert f"of {accounting.live / 1e6:.1f} MB" in title


async def test_enter_goes_down_and_backspace_up(demo_image: Path) -> None:
    """After going up, the cursor is on the directory that was left."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        view = await _map(pilot)
        assert _selected(view) == "usr/"
        await pilot.press("enter")
        assert _directory(view) == "usr"
        await pilot.press("right")
        inside = _selected(view)
        await pilot.press("enter")
        assert _directory(view) == f"usr/{inside.rstrip('/')}"
        await pilot.press("backspace")
        assert (_directory(view), _selected(view)) == ("usr", inside)
        await pilot.press("backspace", "backspace")
        assert (_directory(view), _selected(view)) == ("", "usr/")


async def test_arrows_move_to_the_tile_beside(demo_image: Path) -> None:
    """Arrow keys and letters move to adjacent tiles, and back."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        view = await _map(pilot)
        await pilot.press("right")
        assert _selected(view) == "var/"
        await pilot.press("h")
        assert _selected(view) == "usr/"
        await pilot.press("l", "j")
        assert _selected(view) == "root/"
        await pilot.press("right")
        assert _selected(view) == "app/"
        await pilot.press("up")
        assert _selected(view) == "var/"


async def test_merged_tiles_can_be_entered(demo_image: Path) -> None:
    """Enter on a merged tile shows its entries as tiles."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        view = await _map(pilot)
        await pilot.press("enter")
        merged = view.map.tiles[-1]
        assert merged.merged
        await pilot.click("#tiles", offset=merged.box.middle)
        await pilot.press("enter")
        assert sum(tile.bytes for tile in view.map.tiles) == merged.bytes
        assert f"all but the {merged.skip} largest" in screen_text(app)[3]
        await pilot.press("backspace")
        assert view.map.tile == merged


async def test_enter_on_a_file_shows_it_in_the_tree(tmp_path: Path) -> None:
    """Explore shows the file in the layer that stores it."""
    layers = [layer_tar([file("a", b"1" * 500)]), layer_tar([file("b", b"2" * 900)])]
    app = explorer(write(tmp_path / "two.tar", docker_archive(layers)))
    async with app.run_test(size=SMALL) as pilot:
        view = await _map(pilot)
        assert _selected(view) == "b"
        await pilot.press("enter")
        await pilot.pause()
        explore = app.main.explore if app.main is not None else None
        assert explore is not None
        assert app.main is not None
        assert app.main.view is explore
        assert explore.files.view is not None
        assert explore.files.view.layer == 1
        assert explore.files.view.filesystem.table.full(explore.files.path or 0) == b"b"
        assert view.map.tile is not None


async def test_a_click_selects_and_a_double_click_goes_in(demo_image: Path) -> None:
    """A click selects a tile, a double click enters it."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        view = await _map(pilot)
        await pilot.click("#tiles", offset=(150, 5))
        assert (_directory(view), _selected(view)) == ("", "var/")
        await pilot.double_click("#tiles", offset=(150, 5))
        assert _directory(view) == "var"


async def test_another_layer_shows_the_disk_usage_after_it(demo_image: Path) -> None:
    """Comma and full stop step through the layers."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        view = await _map(pilot)
        for _ in range(7):
            await pilot.press("comma")
            await app.workers.wait_for_complete()
            await pilot.pause()
        assert view.map.usage is not None
        assert view.map.usage.layer == 0
        assert "after layer 0 of 0–7" in screen_text(app)[3]
        assert {tile.layer for tile in view.map.tiles} == {0}
        await pilot.press("full_stop")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert view.map.usage.layer == 1


async def test_the_legend_names_layers_by_size(demo_image: Path) -> None:
    """The legend lists layers from the largest on."""
    app = explorer(demo_image)
    async with app.run_test(size=WIDE) as pilot:
        await _map(pilot)
        legend = screen_text(app)[-2]
        assert legend.startswith(" ■ 1 RUN apt-get")
        assert legend.index("■ 0 ADD") < legend.index("■ 4 RUN pip")


async def test_an_image_without_bytes_shows_a_message(tmp_path: Path) -> None:
    """An image whose files are all empty shows a message instead of tiles."""
    app = explorer(write(tmp_path / "none.tar", docker_archive([layer_tar([file("a")])])))
    async with app.run_test(size=SMALL) as pilot:
        await _map(pilot)
        assert "No file here has any content." in "\n".join(screen_text(app))
        await pilot.press("enter", "backspace", "left", "comma")


async def test_hostile_names_stay_text(tmp_path: Path) -> None:
    """Control characters in tiles are escaped, and wide ones do not shift lines."""
    names = ["\x1b[31mred", "[bold]x", "漢字漢字漢字漢字", "e\u0301" * 20, "\u202egnp"]
    members = [file(name, b"x" * 500) for name in names]
    app = explorer(write(tmp_path / "odd.tar", docker_archive([layer_tar(members)])))
    async with app.run_test(size=SMALL) as pilot:
        view = await _map(pilot)
        text = "\n".join(screen_text(app))
        assert "\\e[31mred" in text
        assert "[bold]x" in text
        for y in range(view.map.size.height):
            assert view.map.render_line(y).cell_length == view.map.size.width


def _prepared(*keys: str, theme: str) -> Callable[[Pilot[Any]], Any]:
    async def prepare(pilot: Pilot[Any]) -> None:
        pilot.app.theme = theme
        await _map(pilot)
        await pilot.press(*keys)
        await pilot.pause()

    return prepare


@pytest.mark.parametrize(
    ("size", "theme", "keys"),
    [
        pytest.param(WIDE, "layerscope-dark", (), id="160x48"),
        pytest.param(SMALL, "layerscope-light", ("enter", "right"), id="80x24"),
        pytest.param(SMALL, "ansi-dark", ("right",), id="ansi"),
    ],
)
def test_map(
    snap_compare: Compare,
    demo_image: Path,
    size: tuple[int, int],
    theme: str,
    keys: tuple[str, ...],
) -> None:
    """The map, dark, light and in the terminal's own colours."""
    app = explorer(demo_image)
    assert snap_compare(app, terminal_size=size, run_before=_prepared(*keys, theme=theme))
