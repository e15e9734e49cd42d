"""The explorer with a worker that fails: a dialog reports it, and the screen stays."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from layerscope.opening import remote
from layerscope.opening.loading import WorkerError
from layerscope.tui.app import LayerscopeApp
from layerscope.tui.screens.error import ErrorScreen
from tests import bad_worker
from tests.held_worker import MODULE, Gate
from tests.images import docker_archive, file, layer_tar, write
from tests.test_channel import has_ended
from tests.tui.explorer import explorer, loaded, screen_text, settled, until

SIZE = (120, 30)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    layers = [layer_tar([file("etc/motd", b"hello"), file("copy", b"x" * 70_000)])]
    return write(tmp_path / "image.tar", docker_archive(layers))


async def wait_for(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    """Wait for a condition that does not depend on messages."""
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        await pilot.pause(0.02)


def worker_of(app: LayerscopeApp) -> int:
    process = app.session.remote.process.process
    assert process is not None
    return process.pid


def dialog(app: LayerscopeApp) -> str:
    """The text of the dialog; empty without one."""
    return " ".join(" ".join(screen_text(app)).replace("│", " ").split()) if isinstance(app.screen, ErrorScreen) else ""  # fmt: skip


@pytest.mark.parametrize("place", ["layerscope.layers.reading:index_layer", "layerscope.opening.open:find_duplicates"])  # fmt: skip
@pytest.mark.parametrize("numbers", [(signal.SIGKILL,), (signal.SIGSTOP,)], ids=["killed", "stopped"])  # fmt: skip
async def test_a_worker_that_fails_while_it_opens(
    image: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    numbers: tuple[signal.Signals, ...],
) -> None:
    """The dialog can be closed, the steps stay, and `q` quits."""
    monkeypatch.setattr(remote, "HEARTBEAT_TIMEOUT", 4.0)
    gate = Gate(monkeypatch, tmp_path, place)
    app = explorer(image, worker=MODULE)
    async with app.run_test(size=SIZE) as pilot:
        await wait_for(pilot, lambda: gate.reached > 0)
        for number in numbers:
            os.kill(worker_of(app), number)
        await wait_for(pilot, lambda: isinstance(app.screen, ErrorScreen))
        await pilot.pause()
        assert "the process that reads the image failed" in dialog(app)
        await pilot.press("escape")
        assert not isinstance(app.screen, ErrorScreen)
        assert "COPY layer0" in "\n".join(screen_text(app))
        await pilot.press("q")
    assert app.return_code == 0
    assert has_ended(worker_of(app))


async def test_a_worker_that_is_gone_when_a_file_is_opened(image: Path) -> None:
    """File shows the reason in place of the content."""
    app = explorer(image)
    async with app.run_test(size=SIZE) as pilot:
        await loaded(pilot)
        os.kill(worker_of(app), signal.SIGKILL)
        await pilot.press("tab", "enter")
        await settled(pilot)
        await until(pilot, lambda: "the process that reads" in "\n".join(screen_text(app)))
        await pilot.press("q")
    assert app.return_code == 0


async def shows_error(image: Path, *words: str) -> None:
    """Check that a failing worker shows a dialog with these words, and that the program can be quit."""
    app = explorer(image, worker=bad_worker.MODULE)
    async with app.run_test(size=SIZE) as pilot:
        await wait_for(pilot, lambda: isinstance(app.screen, ErrorScreen))
        await pilot.pause()
        for word in words:
            assert word in dialog(app)
        await pilot.press("escape", "q")
    assert app.return_code == 0


@pytest.mark.parametrize("name", ["results before the image", "an index that is not there", "sends zeros"])  # fmt: skip
async def test_a_worker_that_sends_nonsense(
    image: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Before there is a screen, nonsense raises `WorkerError`; later it is shown in a dialog."""
    monkeypatch.setenv(bad_worker.NAME, name)
    if name != "an index that is not there":
        with pytest.raises(WorkerError):
            explorer(image, worker=bad_worker.MODULE)
        return
    await shows_error(image, "its results are gone")


async def test_a_fault_of_the_worker_can_be_reported(
    image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(bad_worker.NAME, "broken")
    await shows_error(image, "This is a bug in layerscope", "copies the error report")


async def test_a_full_disk_is_reported(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dialog names the full folder, and suggests TMPDIR."""
    monkeypatch.setenv(bad_worker.NAME, "full")
    await shows_error(image, "no space left in", "set TMPDIR")
