"""Life: opening the life of a path, its events, and going on from there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from layerscope.browse.choices import Mode
from layerscope.opening.open import Opened
from layerscope.text import size
from layerscope.tui.screens.life import LifeView
from layerscope.tui.screens.main import MainScreen
from layerscope.words import Change
from tests.images import docker_archive, file, layer_tar, whiteout, write
from tests.tui.explorer import explorer, loaded, screen_text
from tests.tui.test_find import type_text

SIZES = [pytest.param((160, 48), id="160x48"), pytest.param((80, 24), id="80x24")]


async def life_shown(pilot: Pilot[Any]) -> None:
    """Wait until the requested life is shown."""
    for _ in range(100):
        await pilot.pause(0.02)
        if all(worker.is_finished for worker in pilot.app.workers if worker.group == "life"):
            break
    await pilot.pause()


async def life_of(pilot: Pilot[Any], path: str) -> LifeView:
    """Open Life and type a path."""
    screen = await loaded(pilot)
    await pilot.press("3")
    await life_shown(pilot)
    view = screen.view
    assert isinstance(view, LifeView)
    await pilot.press("slash", "ctrl+u")
    await type_text(pilot, path)
    await life_shown(pilot)
    return view


async def test_l_on_a_file_shows_its_life(demo_image: Path, demo_opened: Opened) -> None:
    """`L` in the tree shows the life of the file; Enter on an event shows the tree of its layer."""
    app = explorer(demo_image)
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await loaded(pilot)
        assert screen.session.opened is not None
        table = screen.session.opened.filesystem.table
        path = table.find(b"var/lib/dpkg/status")
        assert path is not None
        screen.explore.reveal(1, path)
        await pilot.press("L")
        await life_shown(pilot)
        view = screen.view
        assert isinstance(view, LifeView)
        text = "\n".join(screen_text(app))
        assert "Life of /var/lib/dpkg/status" in text
        waste = demo_opened.accounting.waste
        wasted = size(int(waste.bytes[waste.paths == path].sum()))
        assert f"{wasted} wasted" in text
        assert " 0 → 1 " in text
        assert "◀ in the final image" in text
        await pilot.press("g", "enter")
        await pilot.pause()
        explore = screen.explore
        assert screen.view is explore
        assert explore.files.view is not None
        assert (explore.files.view.mode, explore.files.view.layer) == (Mode.LAYER, 0)
        assert explore.files.path == path


async def test_3_shows_the_life_of_the_path_under_the_cursor(demo_image: Path) -> None:
    """Opened for the first time, Life shows the path under the cursor of the tree."""
    app = explorer(demo_image)
    async with app.run_test(size=(80, 24)) as pilot:
        screen: MainScreen = await loaded(pilot)
        path = screen.explore.files.path
        await pilot.press("3")
        await life_shown(pilot)
        assert isinstance(screen.view, LifeView)
        assert screen.view.path == path
        assert screen.view.events.row_count()


@pytest.mark.parametrize("typed", ["/etc/passwd", "//etc/passwd"])
async def test_a_path_typed_in_the_view_replaces_the_one_shown(
    demo_image: Path, typed: str
) -> None:
    """The first slash opens the field; a second one may be typed as part of the path."""
    app = explorer(demo_image)
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await loaded(pilot)
        await pilot.press("3")
        await life_shown(pilot)
        view = screen.view
        assert isinstance(view, LifeView)
        assert view.events.has_focus
        assert view.field.input.value
        await type_text(pilot, typed)
        await life_shown(pilot)
        assert view.events.life is not None
        assert view.events.life.full == b"etc/passwd"


async def test_a_typed_path_is_completed_and_checked(demo_image: Path) -> None:
    """Tab completes a path; a note names the missing part while typing."""
    app = explorer(demo_image)
    async with app.run_test(size=(120, 36)) as pilot:
        view = await life_of(pilot, "/var/lib/dpk")
        assert "no layer has dpk in /var/lib" in screen_text(app)[4]
        assert view.field.input.suggestion == "/var/lib/dpkg/"
        await pilot.press("tab")
        await type_text(pilot, "status")
        await life_shown(pilot)
        assert view.field.input.value == "/var/lib/dpkg/status"
        assert view.events.life is not None
        assert view.events.life.full == b"var/lib/dpkg/status"
        await pilot.press("enter")
        assert view.events.has_focus


async def test_a_directory_shows_its_size_after_each_layer(
    demo_image: Path, demo_opened: Opened
) -> None:
    """Layers that only change the contents of the directory are events, too."""
    app = explorer(demo_image)
    async with app.run_test(size=(160, 40)) as pilot:
        view = await life_of(pilot, "/app")
        assert view.events.life is not None
        assert [event.layer for event in view.events.life.events] == [2, 3, 5, 6, 7]
        text = "\n".join(screen_text(app))
        assert "· contents" in text
        added = demo_opened.filesystem.changes.counts(5)[Change.ADDED]
        assert f"inside {added} added" in text
        assert size(demo_opened.accounting.layers[5].stored) in text


async def test_times_in_the_same_minute_are_shown_with_seconds(tmp_path: Path) -> None:
    """If two times differ only in seconds, the seconds are shown."""
    layers = [layer_tar([file("a", b"a", mtime=1_700_000_000 + second)]) for second in (0, 5)]
    app = explorer(write(tmp_path / "image.tar", docker_archive(layers)))
    async with app.run_test(size=(160, 40)) as pilot:
        await life_of(pilot, "/a")
        await pilot.press("enter", "G")
        await life_shown(pilot)
        text = "\n".join(screen_text(app))
        assert "mtime 2023-11-14 22:13:20 → 2023-11-14 22:13:25" in text


async def test_escape_leaves_the_field_then_life(demo_image: Path) -> None:
    """The first Esc goes to the events, the second to Explore."""
    app = explorer(demo_image)
    async with app.run_test(size=(80, 24)) as pilot:
        view = await life_of(pilot, "/app")
        screen = await loaded(pilot)
        await pilot.press("escape")
        assert view.events.has_focus
        await pilot.press("escape")
        assert screen.view is screen.explore


async def test_an_empty_field_shows_a_hint(demo_image: Path) -> None:
    """An empty field shows what to do."""
    app = explorer(demo_image)
    async with app.run_test(size=(80, 24)) as pilot:
        await life_of(pilot, "")
        assert "Type a path above" in "\n".join(screen_text(app))


async def test_hostile_names_stay_text(tmp_path: Path) -> None:
    """A name with an escape sequence is escaped in title and details."""
    layers = [layer_tar([file("\x1b[31m[b]", b"1")]), layer_tar([whiteout("\x1b[31m[b]")])]
    app = explorer(write(tmp_path / "hostile.tar", docker_archive(layers)))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await loaded(pilot)
        screen.explore.files.focus()
        await pilot.press("L")
        await life_shown(pilot)
        text = "\n".join(screen_text(app))
        assert "Life of /\\e[31m[b]" in text
        assert "hides   1 B from layer 0: deleted" in text
        assert "\x1b" not in text


def _typed(path: str) -> Callable[[Pilot[Any]], Any]:
    async def prepare(pilot: Pilot[Any]) -> None:
        await life_of(pilot, path)
        await pilot.press("escape", "g")
        await pilot.pause()

    return prepare


@pytest.mark.parametrize("size", SIZES)
def test_life(snap_compare: Callable[..., bool], demo_image: Path, size: tuple[int, int]) -> None:
    """The life of a file that a later step stored again."""
    app = explorer(demo_image)
    assert snap_compare(app, terminal_size=size, run_before=_typed("/var/lib/dpkg/status"))
