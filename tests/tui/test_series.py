"""The explorer of a series: bytes and causes of its updates, and opening the comparison of two releases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from layerscope.opening.options import Options
from layerscope.sources.base import Request
from layerscope.tui.preferences import Preferences
from layerscope.tui.screens.error import ErrorScreen
from layerscope.tui.series.app import SeriesApp, SeriesState
from tests.analysis.series.releases import Made, release
from tests.images import file, write
from tests.tui.explorer import screen_text, until

SIZES = [pytest.param((160, 48), id="160x48"), pytest.param((80, 24), id="80x24")]


def _release(number: int) -> bytes:
    requirements = b"flask==%d\n" % (1 if number < 3 else 2)
    return release(
        [
            Made("COPY . /app", [file("app/requirements.txt", requirements), file("app/x", b"%d" % number)]),
            Made("RUN pip install -r /app/requirements.txt", [file("lib", b"l" * 300_000, mtime=number)]),
        ],
        compress=None,
        layout=False,
    )  # fmt: skip


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SeriesApp:
    """The explorer on three releases; the last one has other dependencies."""
    monkeypatch.chdir(tmp_path)
    requests = []
    for number in (1, 2, 3):
        write(tmp_path / f"app-{number}.tar", _release(number))
        requests.append(Request(f"app-{number}.tar"))
    return SeriesApp(SeriesState(requests), Options(rules={}), Preferences())


async def _loaded(pilot: Pilot[None]) -> SeriesApp:
    app = pilot.app
    assert isinstance(app, SeriesApp)
    await until(pilot, lambda: app.series_state.opened is not None)
    await pilot.pause(0.2)
    return app


async def _press(pilot: Pilot[None], *keys: str) -> str:
    for key in keys:
        await pilot.press(key)
    await pilot.pause(0.2)
    return "\n".join(screen_text(pilot.app))


@pytest.mark.parametrize("size", [(160, 48), (80, 24), (60, 20)])
async def test_updates_show_bytes_and_causes(app: SeriesApp, size: tuple[int, int]) -> None:
    """The details of an update show the step, the cause and the files."""
    async with app.run_test(size=size) as pilot:
        await _loaded(pilot)
        text = "\n".join(screen_text(app))
        assert "3 releases" in text
        assert "Another order" in text
        text = await _press(pilot, "j")
        assert "app-1.tar → app-2.tar" in text
        assert "COPY . /app" in text
        assert "copied files changed" in text
        assert "~ /app/x" in text
        assert "requirements.txt" in await _press(pilot, "j")


async def test_enter_compares_the_releases_of_an_update(app: SeriesApp) -> None:
    """The explorer ends with the number of the chosen update; on the first row Enter does nothing."""
    async with app.run_test(size=(100, 30)) as pilot:
        await _loaded(pilot)
        await _press(pilot, "enter")
        assert app.chosen is None
        await _press(pilot, "j", "j", "enter")
        assert app.chosen == 1
    assert app.series_state.row == 2


async def test_releases_that_were_read_are_not_read_again(app: SeriesApp) -> None:
    """After a comparison, updates and cursor are restored without opening a release."""
    async with app.run_test(size=(100, 30)) as pilot:
        await _loaded(pilot)
    app.series_state.row = 2
    again = SeriesApp(app.series_state, Options(rules={}), Preferences())
    async with again.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "app-2.tar → app-3.tar" in "\n".join(screen_text(again)))
        assert not again._open_images


async def test_the_better_order_is_copied(app: SeriesApp) -> None:
    """`y` on all updates copies the better order, on one the name of its release."""
    async with app.run_test(size=(100, 30)) as pilot:
        await _loaded(pilot)
        await _press(pilot, "y")
        assert "COPY requirements.txt /app/" in app.clipboard
        await _press(pilot, "j", "y")
        assert app.clipboard == "app-2.tar"


async def test_a_missing_release_is_reported(tmp_path: Path) -> None:
    """The error names the release."""
    path = write(tmp_path / "app-1.tar", _release(1))
    requests = [Request(str(path)), Request(str(tmp_path / "missing.tar"))]
    app = SeriesApp(SeriesState(requests), Options(rules={}), Preferences())
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, ErrorScreen))
        assert "missing.tar" in "\n".join(screen_text(app))


def _prepared(*keys: str, theme: str = "dark") -> Callable[[Pilot[Any]], Any]:
    async def prepare(pilot: Pilot[Any]) -> None:
        pilot.app.theme = f"layerscope-{theme}"
        await _loaded(pilot)
        await _press(pilot, *keys)

    return prepare


@pytest.mark.parametrize("size", SIZES)
def test_picture(snap_compare: Callable[..., bool], app: SeriesApp, size: tuple[int, int]) -> None:
    """The whole series."""
    assert snap_compare(app, terminal_size=size, run_before=_prepared())


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_picture_of_an_update(
    snap_compare: Callable[..., bool], app: SeriesApp, theme: str
) -> None:
    """The last update."""
    prepared = _prepared("G", theme=theme)
    assert snap_compare(app, terminal_size=(100, 30), run_before=prepared)
