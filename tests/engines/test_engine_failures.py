"""Engines that stop, die or are closed, and stores that change while they are read."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from layerscope.errors import CancelledError, ExitCode, LayerscopeError
from layerscope.opening.open import open_image
from layerscope.progress import NullProgress
from layerscope.sources import Request
from tests.engines.conftest import Daemon, Daemons, docker_daemon, need, podman_store, run
from tests.engines.sample import TAG, report_of
from tests.engines.tap import proxied
from tests.engines.users import new_user
from tests.images import docker_archive, file, layer_tar
from tests.terminal import TMUX, layerscope, terminal

pytestmark = pytest.mark.engine

LARGE = "layerscope-large:1"
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def large(daemons: Daemons) -> Path:
    """An archive that does not fit into the buffers of a socket."""
    path = daemons.folder / "large.tar"
    layers = [layer_tar([file("large", os.urandom(24 * MEGABYTE))])]
    path.write_bytes(docker_archive(layers, tags=[LARGE]))
    return path


@pytest.fixture(scope="module", params=["docker", "podman"])
def victim(request: pytest.FixtureRequest, daemons: Daemons, large: Path) -> Callable[[], Daemon]:
    """Starts an engine with the large image that a test may stop or kill; its attribute `scheme` names the engine."""
    serial = iter(range(100))

    def start() -> Daemon:
        name = f"v{next(serial)}"
        if request.param == "docker":
            daemon = docker_daemon(daemons, "vfs", name)
            run("docker", "-H", f"unix://{daemon.socket}", "load", "-q", "-i", large)
            return daemon
        need("podman")
        store = podman_store(daemons, "overlay")
        store("load", "-q", "-i", large)
        path = daemons.folder / f"{name}.sock"
        process = daemons.start(
            *store.command, "system", "service", "--time=0", f"unix://{path}",
            ready=path.exists, name=f"podman-{name}",
        )  # fmt: skip
        return Daemon(path, store.root, process.pid)

    start.scheme = request.param  # type: ignore[attr-defined]
    return start


def scheme_of(victim: Callable[[], Daemon]) -> str:
    """The scheme of the engine."""
    return str(victim.scheme)  # type: ignore[attr-defined]


def variable_of(scheme: str) -> str:
    """The variable that names the engine's socket."""
    return "DOCKER_HOST" if scheme == "docker" else "CONTAINER_HOST"


@contextmanager
def stopped_in_export(daemon: Daemon, folder: Path) -> Iterator[str]:
    """The address of an engine that stops after sending part of an image."""
    try:
        with proxied(
            daemon.socket, folder / "tap", MEGABYTE, lambda: os.kill(daemon.pid, signal.SIGSTOP)
        ) as url:
            yield url
    finally:
        with suppress(ProcessLookupError):
            os.kill(daemon.pid, signal.SIGCONT)


@pytest.fixture
def folder(daemons: Daemons) -> Path:
    """A folder with a short name, for a socket."""
    path = daemons.folder / f"t{time.monotonic_ns()}"
    path.mkdir()
    return path


def test_a_stopped_engine_is_abandoned(
    victim: Callable[[], Daemon], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelling works in the middle of an export; the engine works again once it continues."""
    daemon, scheme = victim(), scheme_of(victim)

    class Stops(NullProgress):
        received = 0
        last = time.monotonic()

        def advance(self, done: int) -> None:
            self.received += done
            self.last = time.monotonic()

        def cancelled(self) -> bool:
            return self.received > 0 and time.monotonic() - self.last > 0.5

    progress = Stops()
    with stopped_in_export(daemon, folder) as url:
        monkeypatch.setenv(variable_of(scheme), url)
        with pytest.raises(CancelledError):
            open_image(Request(f"{scheme}://{LARGE}", progress=progress))
        assert MEGABYTE / 2 < progress.received < 24 * MEGABYTE
        assert time.monotonic() - progress.last < 5
    monkeypatch.setenv(variable_of(scheme), f"unix://{daemon.socket}")
    assert open_image(Request(f"{scheme}://{LARGE}")).accounting.stored == 24 * MEGABYTE


@pytest.mark.skipif(TMUX is None, reason="tmux is not installed")
@pytest.mark.parametrize(
    ("words", "key", "code"), [(("report",), "C-c", 130), ((), "q", 0)], ids=["report", "explorer"]
)
def test_the_explorer_can_be_left_while_an_engine_hangs(
    victim: Callable[[], Daemon], folder: Path, words: tuple[str, ...], key: str, code: int
) -> None:
    """Ctrl-C ends a report with 130; the explorer shows the steps, and `q` quits it."""
    daemon, scheme = victim(), scheme_of(victim)
    with stopped_in_export(daemon, folder) as url:
        command = layerscope(*words, f"{scheme}://{LARGE}", "--no-cache")
        with terminal(command, environment={variable_of(scheme): url}) as screen:
            screen.wait_for(f"Exporting from {scheme}")
            time.sleep(0.5)
            assert f"Exporting from {scheme}" in screen.text()
            screen.keys(key)
            screen.wait_for(f"exit {code}")


def test_a_killed_engine_is_reported(
    victim: Callable[[], Daemon], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of an export: the error is one line, with exit code 4."""
    daemon, scheme = victim(), scheme_of(victim)
    with proxied(
        daemon.socket, folder / "tap", MEGABYTE, lambda: os.kill(daemon.pid, signal.SIGKILL)
    ) as url:
        monkeypatch.setenv(variable_of(scheme), url)
        with pytest.raises(LayerscopeError, match=rf"{scheme}://.* broke") as caught:
            open_image(Request(f"{scheme}://{LARGE}"))
    assert caught.value.exit_code == ExitCode.UNREACHABLE
    assert "\n" not in caught.value.message
    assert caught.value.hint is not None


@pytest.mark.parametrize("scheme", ["docker", "podman"])
def test_a_socket_of_root_is_explained(scheme: str, request: pytest.FixtureRequest) -> None:
    """For a user without access; without a scheme, stores are still tried."""
    name = "docker_engine" if scheme == "docker" else "podman_service"
    daemon: Daemon = request.getfixturevalue(name)
    variables = {variable_of(scheme): f"unix://{daemon.socket}"}
    with new_user() as user:
        daemon.socket.parent.chmod(0o755)
        daemon.socket.chmod(0o660)
        forced = user.layerscope("report", f"{scheme}://{TAG}", **variables)
        asked = user.layerscope("report", TAG, **variables)
    for ran in (forced, asked):
        assert (ran.code, ran.out) == (4, "")
        assert "permission denied" in ran.err
        assert "sudo layerscope" in ran.err
        assert ("docker group" in ran.err) == (scheme == "docker")


def test_images_open_correctly_during_commits(daemons: Daemons, archive: Path) -> None:
    """Buildah commits during a hundred opens: the sample image never changes, and a moving name is one of its images."""
    need("podman", "buildah")
    store = podman_store(daemons, "overlay", "busy")
    store("load", "-q", "-i", archive)
    buildah = ("buildah", *store.command[1:])
    finished, errors = threading.Event(), []
    commits = 0

    def commit() -> None:
        nonlocal commits
        while not finished.is_set():
            container = run(*buildah, "from", "--pull-never", TAG).strip()
            data = daemons.folder / "busy-file"
            data.write_bytes(b"x" * (1000 if commits % 2 else 2000))
            run(*buildah, "copy", "-q", container, data, f"/data/{commits % 2}")
            run(*buildah, "commit", "-q", "--rm", container, "moving:1")
            run(*store.command, "image", "prune", "-f")
            commits += 1

    def guarded() -> None:
        try:
            commit()
        except BaseException as error:
            errors.append(error)

    expected = report_of(str(archive))
    stored = expected["totals"]["storedBytes"]
    known = {stored + 1000: "/data/1", stored + 2000: "/data/0"}
    thread = threading.Thread(target=guarded)
    thread.start()
    opens = moved = 0
    try:
        deadline = time.monotonic() + 120
        while (opens < 100 or commits < 6) and not errors:
            assert time.monotonic() < deadline
            assert report_of(f"containers-storage://{TAG}", store.root) == expected
            opens += 1
            with suppress(LayerscopeError):
                report = report_of("containers-storage://moving:1", store.root)
                path = known[report["totals"]["storedBytes"]].removeprefix("/")
                (added,) = [each["path"] for each in report["layers"][-1]["files"] if each["bytes"]]
                assert added == path
                moved += 1
    finally:
        finished.set()
        thread.join()
    assert not errors
    assert moved > 10
