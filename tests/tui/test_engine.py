"""The explorer on an image of a running engine: its steps first, its layers once they are exported."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from layerscope.layers.store import Store
from layerscope.opening.open import Options, open_image
from layerscope.sources import Request
from layerscope.tui.app import LayerscopeApp
from tests.sources.fake_engine import FakeEngine, serving
from tests.tui.explorer import exploring, loaded, screen_text, settled, until


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    """An engine that DOCKER_HOST names."""
    with tempfile.TemporaryDirectory(prefix="ls-") as folder, serving(Path(folder) / "s") as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.url)
        yield engine


def explorer(cache: Store | None = None) -> LayerscopeApp:
    """The explorer on the engine's image, not running yet."""
    return exploring(Request("docker://demo"), Options(cache=cache))


@pytest.fixture
def cached(engine: FakeEngine, tmp_path: Path) -> Store:
    """A cache with the results for the engine's image."""
    store = Store(tmp_path / "cache")
    open_image(Request("docker://demo"), Options(cache=store))
    engine.asked.clear()
    return store


async def test_steps_are_shown_while_the_engine_exports(engine: FakeEngine) -> None:
    """The engine's description of the image is shown first; the exported config then replaces it."""
    engine.silence.clear()
    app = explorer()
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.pause(0.3)
        await pilot.press("m")
        shown = "\n".join(screen_text(app))
        assert "layer1" in shown
        assert "A=1" in shown
        assert "Exporting from docker" in shown
        engine.silence.set()
        screen = await loaded(pilot)
        shown = "\n".join(screen_text(app))
        assert screen.session.opened is not None
        assert screen.session.image is screen.session.opened.image
        assert "A=1" not in shown
        assert "docker" in shown
        assert "digests ok" in shown


async def test_a_failed_export_is_reported(engine: FakeEngine) -> None:
    """The engine's message is shown."""
    engine.tail = b'{"message":"disk is full"}'
    app = explorer()
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: "disk is full" in "\n".join(screen_text(app)))


async def test_quitting_does_not_wait_for_the_engine(engine: FakeEngine) -> None:
    """`q` quits at once while the engine does not answer."""
    engine.silence.clear()
    app = explorer()
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.pause(0.2)
        await pilot.press("q")
    assert app.return_code == 0


async def test_a_cached_image_is_exported_when_a_file_is_opened(
    engine: FakeEngine, cached: Store
) -> None:
    """Everything but contents comes from the cache; the header shows the export while it runs."""
    engine.silence.clear()
    app = explorer(cached)
    async with app.run_test(size=(120, 30)) as pilot:
        screen = await loaded(pilot)
        assert screen.session.opened is not None
        assert not any(path.endswith("/get") for path, _ in engine.asked)
        await pilot.press("g", "down", "tab", "enter")
        for _ in range(100):
            await pilot.pause(0.02)
            if "Exporting from docker" in "\n".join(screen_text(app)):
                break
        else:
            pytest.fail("the export is not shown")
        engine.silence.set()
        await settled(pilot)
        shown = "\n".join(screen_text(app))
        assert "  1  22\n" in shown.replace(" \n", "\n")
        assert "Exporting" not in shown


async def test_quitting_does_not_wait_for_an_export_started_by_opening_a_file(
    engine: FakeEngine, cached: Store
) -> None:
    """`q` quits at once while the engine does not answer."""
    engine.silence.clear()
    app = explorer(cached)
    async with app.run_test(size=(120, 30)) as pilot:
        await loaded(pilot)
        await pilot.press("tab", "enter")
        await pilot.pause(0.3)
        started = time.monotonic()
        await pilot.press("q")
    assert time.monotonic() - started < 5
    assert app.return_code == 0
