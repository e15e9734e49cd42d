"""Snapshots of the File view and of the extraction dialog; the baselines are in `snapshots/test_file_screens/`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from layerscope.tui.app import LayerscopeApp
from layerscope.tui.pointing import ShowFile
from tests.tui.explorer import explorer, loaded

Compare = Callable[..., bool]


def _showing(path: str, *keys: str, theme: str = "dark") -> Callable[[Pilot[Any]], Any]:
    """Show a file, then press keys."""

    async def prepare(pilot: Pilot[Any]) -> None:
        pilot.app.theme = f"layerscope-{theme}"
        screen = await loaded(pilot)
        assert screen.session.opened is not None
        filesystem = screen.session.opened.filesystem
        path_id = filesystem.table.find(path.encode())
        assert path_id is not None
        screen.post_message(ShowFile(filesystem.rows_of(path_id).stop - 1))
        for key in ("", *keys):
            if key:
                await pilot.press(key)
            await pilot.pause()
            await pilot.app.workers.wait_for_complete()
            await pilot.pause()

    return prepare


@pytest.fixture
def app(demo_image: Path) -> LayerscopeApp:
    """The explorer on the bundled image."""
    return explorer(demo_image)


def test_source(snap_compare: Compare, app: LayerscopeApp) -> None:
    """A source file with highlighting."""
    assert snap_compare(app, terminal_size=(160, 48), run_before=_showing("app/app.py"))


def test_bytes(snap_compare: Compare, app: LayerscopeApp) -> None:
    """A binary file with capabilities."""
    assert snap_compare(app, terminal_size=(80, 24), run_before=_showing("usr/bin/ping"))


def test_difference(snap_compare: Compare, app: LayerscopeApp) -> None:
    """The difference of a file in a layer."""
    prepare = _showing("var/lib/dpkg/status", "D", "down", theme="light")
    assert snap_compare(app, terminal_size=(120, 36), run_before=prepare)


def test_extract(snap_compare: Compare, app: LayerscopeApp) -> None:
    """The dialog that asks for the target."""
    prepare = _showing("app/app.py", "slash", *"shop", "enter", "e")
    assert snap_compare(app, terminal_size=(80, 24), run_before=prepare)
