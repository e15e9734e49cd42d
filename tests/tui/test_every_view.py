"""Snapshots of every view that no other test takes; the baselines are in `snapshots/test_every_view/`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from layerscope.tui.screens.error import ErrorScreen
from layerscope.tui.view import VIEWS
from tests.held_worker import MODULE, Gate
from tests.images import file, layer_tar, oci_directory
from tests.tui.explorer import loaded, settled
from tests.tui.pictures import (
    VIEW_KEYS,
    empty_image,
    hostile_image,
    picture_of,
    showing,
)

Compare = Callable[..., bool]
NARROW, SMALL, MIDDLE, WIDE = (50, 24), (80, 24), (120, 30), (160, 48)
ALL = [spec.name for spec in VIEWS]
HOSTILE_KEYS = {
    **VIEW_KEYS,
    "explore": ("tab", "plus"),
    "life": ("tab", "plus", "down", "down", "3"),
    "find": ("4", *"l"),
    "file": ("2", "down", "5"),
}
"""Keys that show the worst names in each view."""


def test_no_view_is_left_out() -> None:
    """Each view has keys, and thus snapshots."""
    assert list(VIEW_KEYS) == ALL


@pytest.mark.parametrize(
    ("view", "size"),
    [
        pytest.param("file", SMALL, id="file-80x24"),
        pytest.param("dockerfile", SMALL, id="dockerfile-80x24"),
        pytest.param("dockerfile", WIDE, id="dockerfile-160x48"),
        *(pytest.param(view, NARROW, id=f"{view}-narrow") for view in ALL),
    ],
)
def test_size(snap_compare: Compare, demo_image: Path, view: str, size: tuple[int, int]) -> None:
    """Each view at sizes from narrow to wide."""
    prepare = showing(*VIEW_KEYS[view])
    assert snap_compare(picture_of(demo_image), terminal_size=size, run_before=prepare)


@pytest.mark.parametrize("view", ["life", "find", "file", "dockerfile", "map"])
def test_light(snap_compare: Compare, demo_image: Path, view: str) -> None:
    """Views in the light theme."""
    prepare = showing(*VIEW_KEYS[view], theme="light")
    assert snap_compare(picture_of(demo_image), terminal_size=MIDDLE, run_before=prepare)


@pytest.mark.parametrize("view", ["life", "find", "file", "dockerfile", "map"])
def test_without_colours(
    snap_compare: Compare, demo_image: Path, monkeypatch: pytest.MonkeyPatch, view: str
) -> None:
    """Without colours, glyphs show changes and the cursor is visible."""
    monkeypatch.setenv("NO_COLOR", "1")
    prepare = showing(*VIEW_KEYS[view])
    assert snap_compare(picture_of(demo_image), terminal_size=MIDDLE, run_before=prepare)


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light"])
async def test_the_colours_of_the_terminal(demo_image: Path, theme: str) -> None:
    """Every pane of every view is drawn in the terminal's own colours, and again after a switch to another theme."""
    app = picture_of(demo_image)
    async with app.run_test(size=MIDDLE) as pilot:
        screen = await loaded(pilot)
        app.theme = theme
        for keys in VIEW_KEYS.values():
            await pilot.press(*keys)
            await settled(pilot)
            for pane in screen.view.panes():
                screen.set_focus(pane)
                await pilot.press("j")
                await settled(pilot)
        app.theme = "layerscope-dark"
        await settled(pilot)


@pytest.mark.parametrize("view", ALL)
def test_empty(snap_compare: Compare, tmp_path: Path, view: str) -> None:
    """Each view shows a message for an image without layers."""
    app = picture_of(empty_image(tmp_path / "empty.tar"))
    assert snap_compare(app, terminal_size=SMALL, run_before=showing(*VIEW_KEYS[view][:2]))


@pytest.mark.parametrize("view", [view for view in ALL if view != "findings"])
def test_hostile(snap_compare: Compare, tmp_path: Path, view: str) -> None:
    """Names and contents that would act on a terminal or on the layout are escaped."""
    app = picture_of(hostile_image(tmp_path / "hostile.tar"))
    assert snap_compare(app, terminal_size=SMALL, run_before=showing(*HOSTILE_KEYS[view]))


@pytest.mark.parametrize("view", ["explore", "findings"])
def test_hostile_wide(snap_compare: Compare, tmp_path: Path, view: str) -> None:
    """The same names in a wide terminal."""
    app = picture_of(hostile_image(tmp_path / "hostile.tar"))
    assert snap_compare(app, terminal_size=WIDE, run_before=showing(*HOSTILE_KEYS[view]))


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_unreadable(
    snap_compare: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, theme: str
) -> None:
    """A dialog reports layers that vanish after the image was opened."""
    monkeypatch.chdir(tmp_path)
    oci_directory(Path("image"), [layer_tar([file("a", b"a" * 9000)])])
    gate = Gate(monkeypatch, tmp_path, "layerscope.opening.sending:read_cached_image")
    app = picture_of(Path("image"), worker=MODULE)
    for blob in Path("image/blobs/sha256").iterdir():
        blob.unlink()
    gate.open()

    prepare = showing(theme=theme, ready=lambda app: _has_dialog(app.screen))
    assert snap_compare(app, terminal_size=SMALL, run_before=prepare)


def _has_dialog(screen: object) -> None:
    assert isinstance(screen, ErrorScreen)
