"""The file tree expected from tables of contents, before layers are read."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from layerscope.tui.screens.main import MainScreen
from layerscope.tui.widgets.tree_columns import size_of
from tests.held_worker import MODULE, Gate
from tests.images import directory, file, whiteout
from tests.toc_images import Entry, entries_of, estargz, toc_json, write_image, zstd_chunked
from tests.tui.explorer import explorer, loaded, screen_text

BASE = [
    directory("etc"),
    file("etc/passwd", b"root\n"),
    file("etc/zones", b"x" * 3),
    directory("lib"),
    file("lib/large", b"x" * 700),
]
TOP = [whiteout("etc/zones"), file("new", b"content")]
WIDE = (160, 48)
EXPECTED = "from the table of contents"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Gate:
    """A gate: no layer is read before it is set."""
    return Gate(monkeypatch, tmp_path, "layerscope.layers.reading:index_layer")


def image(folder: Path, entries: list[Entry] | None = None) -> Path:
    """Two layers with tables; `entries` replace those of the first."""
    toc = None if entries is None else toc_json(entries)
    return write_image(folder, [zstd_chunked(BASE, toc=toc), estargz(TOP)])


async def expected_screen(pilot: Pilot[None]) -> MainScreen:
    """Wait for the expected tree; return the main screen."""
    screen = next(screen for screen in pilot.app.screen_stack if isinstance(screen, MainScreen))
    for _ in range(200):
        await pilot.pause(0.02)
        if screen.explore.files.row_count():
            break
    for _ in range(3):
        await pilot.pause()
    assert screen.session.opened is None
    return screen


def rows(screen: MainScreen) -> list[str]:
    """Name and size of each row of the tree."""
    view = screen.explore.files.view
    assert view is not None
    tree_rows = (view.row(number) for number in range(len(view)))
    return [f"{row.name.decode()} {size_of(row)}" for row in tree_rows]


async def test_the_expected_tree_is_shown_while_layers_are_read(tmp_path: Path, read: Gate) -> None:
    """The title shows its origin; directories expand, files do not open yet. Nothing moves once the layers are read."""
    app = explorer(image(tmp_path), worker=MODULE)
    async with app.run_test(size=WIDE) as pilot:
        screen = await expected_screen(pilot)
        text = "\n".join(screen_text(app))
        assert EXPECTED in text
        assert "Reading layers" in text
        assert rows(screen) == ["lib 700", "etc 8"]
        screen.set_focus(screen.explore.files)
        await pilot.press("down", "enter")
        assert rows(screen) == ["lib 700", "etc 8", "passwd 5", "zones 3"]
        await pilot.press("down", "enter")
        assert screen.view is screen.explore
        assert not screen.explore.files.points
        before = rows(screen), screen.explore.files.path
        read.open()
        await loaded(pilot)
        assert (rows(screen), screen.explore.files.path) == before
        assert EXPECTED not in "\n".join(screen_text(app))
        await pilot.press("enter")
        await loaded(pilot)
        assert screen.view is not screen.explore


async def test_filter_and_comparison_work_on_the_expected_tree(tmp_path: Path, read: Gate) -> None:
    """Filter and views opened meanwhile stay once the layers are read."""
    app = explorer(image(tmp_path), worker=MODULE)
    async with app.run_test(size=WIDE) as pilot:
        screen = await expected_screen(pilot)
        await pilot.press("/", *"pass", "enter")
        assert rows(screen) == ["etc 5", "passwd 5"]
        await pilot.press("3", "escape", "5", "escape", "1")
        read.open()
        await loaded(pilot)
        assert rows(screen) == ["etc 5", "passwd 5"]
        await pilot.press("escape")
        assert rows(screen) == ["lib 700", "etc 8"]


async def test_wrongly_expected_paths_disappear(tmp_path: Path, read: Gate) -> None:
    """If table and tar differ, the tar takes precedence, with a warning."""
    wrong = [*entries_of(BASE)[:3], {"type": "reg", "name": "etc/backdoor", "size": 9}]
    app = explorer(image(tmp_path, wrong), worker=MODULE)
    async with app.run_test(size=WIDE) as pilot:
        screen = await expected_screen(pilot)
        screen.set_focus(screen.explore.files)
        await pilot.press("enter", "down", "down")
        assert "backdoor 9" in rows(screen)
        read.open()
        await loaded(pilot)
        assert rows(screen) == ["lib 700", "etc 8"]
        assert screen.session.opened is not None
        assert [warning.code for warning in screen.session.opened.warnings] == ["toc-mismatch"]


async def test_esc_returns_to_a_tree_whose_paths_were_renumbered(
    tmp_path: Path, read: Gate
) -> None:
    """The cursor on a path that was only expected is not restored."""
    wrong = [{"type": "reg", "name": f"etc/backdoor{n}", "size": 900 - n} for n in range(30)]
    app = explorer(image(tmp_path, [*entries_of(BASE)[:3], *wrong]), worker=MODULE)
    async with app.run_test(size=WIDE) as pilot:
        screen = await expected_screen(pilot)
        screen.set_focus(screen.explore.files)
        await pilot.press("enter", *["down"] * 30, "2")
        read.open()
        await loaded(pilot)
        await pilot.press("escape")
        await loaded(pilot)
        assert screen.view is screen.explore
        assert screen.explore.files.path is not None
        assert rows(screen)[0] == "lib 700"


async def test_quitting_does_not_wait_for_layers(tmp_path: Path, read: Gate) -> None:
    """`q` quits while the expected tree is shown."""
    app = explorer(image(tmp_path), worker=MODULE)
    async with app.run_test(size=WIDE) as pilot:
        await expected_screen(pilot)
        await pilot.press("q")
        read.open()
    assert app.return_code == 0
