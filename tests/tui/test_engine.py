"""The explorer on an image of a running engine: its steps first, its layers once they are exported."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from layerscope.opening import Options
from layerscope.sources import Request, open_source
from layerscope.tui.app import LayerscopeApp
from layerscope.tui.session import Session
from tests.sources.fake_engine import FakeEngine, serving
from tests.tui.explorer import loaded, screen_text


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    """An engine that DOCKER_HOST names."""
    with tempfile.TemporaryDirectory(prefix="ls-") as folder, serving(Path(folder) / "s") as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.url)
        yield engine


def explorer() -> LayerscopeApp:
    """On the engine's image, not running yet."""
    request = Request("docker://demo")
    return LayerscopeApp(Session(request, open_source(request), Options()))


async def test_steps_are_shown_while_the_engine_exports(engine: FakeEngine) -> None:
    """What the engine says gives way to what the image records."""
    engine.silence.clear()
    app = explorer()
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.pause(0.3)
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


async def test_an_export_that_fails_is_told(engine: FakeEngine) -> None:
    """In a dialog; the steps stay."""
    engine.tail = b'{"message":"disk is full"}'
    app = explorer()
    async with app.run_test(size=(120, 30)) as pilot:
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "disk is full" in "\n".join(screen_text(app))


async def test_quitting_does_not_wait_for_the_engine(engine: FakeEngine) -> None:
    """However long it is silent."""
    engine.silence.clear()
    app = explorer()
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.pause(0.2)
        await pilot.press("q")
    assert app.return_code == 0
