"""Snapshots of the main screens; the baselines are in `snapshots/test_screens/`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from layerscope.tui.app import LayerscopeApp
from tests.tui.explorer import explorer, loaded, settled

SIZES = [pytest.param((160, 48), id="160x48"), pytest.param((80, 24), id="80x24")]
Compare = Callable[..., bool]


def _prepared(*keys: str, theme: str = "dark") -> Callable[[Pilot[Any]], Any]:
    """Load the image, then press keys."""

    async def prepare(pilot: Pilot[Any]) -> None:
        pilot.app.theme = f"layerscope-{theme}"
        await loaded(pilot)
        for key in keys:
            await pilot.press(key)
        await settled(pilot)

    return prepare


@pytest.fixture
def app(demo_image: Path) -> LayerscopeApp:
    """The explorer on the bundled image."""
    return explorer(demo_image)


@pytest.mark.parametrize("size", SIZES)
def test_explore(snap_compare: Compare, app: LayerscopeApp, size: tuple[int, int]) -> None:
    """The first screen."""
    assert snap_compare(app, terminal_size=size, run_before=_prepared())


@pytest.mark.parametrize("size", SIZES)
def test_explore_files(snap_compare: Compare, app: LayerscopeApp, size: tuple[int, int]) -> None:
    """The expanded tree of the layer that changes owners."""
    keys = ("G", "k", "k", "k", "k", "k", "k", "k", "tab", "enter", "down", "enter")
    assert snap_compare(app, terminal_size=size, run_before=_prepared(*keys))


@pytest.mark.parametrize("size", SIZES)
def test_waste(snap_compare: Compare, app: LayerscopeApp, size: tuple[int, int]) -> None:
    """The Waste view."""
    assert snap_compare(app, terminal_size=size, run_before=_prepared("2"))


def test_light(snap_compare: Compare, app: LayerscopeApp) -> None:
    """The light theme."""
    assert snap_compare(
        app, terminal_size=(120, 36), run_before=_prepared("tab", "enter", theme="light")
    )


def test_help(snap_compare: Compare, app: LayerscopeApp) -> None:
    """The help."""
    assert snap_compare(app, terminal_size=(120, 40), run_before=_prepared("question_mark"))
