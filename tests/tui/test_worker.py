"""The explorer with a worker that fails: a dialog says so, and what was shown stays."""

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
    """Wait for something that no message brings about."""
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        await pilot.pause(0.02)


def worker_of(app: LayerscopeApp) -> int:
    process = app.session.remote.process.process
    assert process is not None
    return process.pid


def dialog(app: LayerscopeApp) -> str:
    """The words of the dialog; empty without one."""
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
    """Keys are answered, the dialog closes, and q quits at once."""
    monkeypatch.setattr(remote, "HEARTBEAT_TIMEOUT", 1.5)
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
    """The tree stays; in place of the content is the reason."""
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
    """A worker that fails ends in a dialog with these words, which can be left."""
    app = explorer(image, worker=bad_worker.MODULE)
    async with app.run_test(size=SIZE) as pilot:
        await wait_for(pilot, lambda: isinstance(app.screen, ErrorScreen))
        await pilot.pause()
        for word in words:
            assert word in dialog(app)
        await pilot.press("escape", "q")
    assert app.return_code == 0


@pytest.mark.parametrize("name", ["results before the image", "an index that is not there", "sends zeros"])  # fmt: skip
async def test_a_worker_that_says_nonsense(
    image: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Before there is a screen it is an error as any other."""
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


async def test_no_room_for_what_is_shown(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dialog says where, and what to do."""
    monkeypatch.setenv(bad_worker.NAME, "full")
    await shows_error(image, "no space left in", "set TMPDIR")
