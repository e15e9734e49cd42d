"""Real engines, each with a store of its own, started here and ended by their process IDs."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.engines.sample import SAMPLE, TAG

START_SECONDS = 60


def need(*programs: str) -> None:
    """Skip the test without these programs, and root's rights; on a build server they must be there."""
    missing = [program for program in programs if shutil.which(program) is None]
    why = f"{', '.join(missing)} not installed" if missing else ""
    why = why or ("" if os.geteuid() == 0 else "engines with stores of their own need root")
    if why and os.environ.get("CI") == "true":
        pytest.fail(why)
    if why:
        pytest.skip(why)


def _environment() -> dict[str, str]:
    """Our environment without the engines of other tests, which would make Podman a remote client."""
    hosts = ("DOCKER_HOST", "CONTAINER_HOST")
    return {name: value for name, value in os.environ.items() if name not in hosts}


def run(*command: str | Path) -> str:
    """Run a program and return its output. Fails the test with stderr."""
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=_environment(),
    )
    assert done.returncode == 0, f"{command}: {done.stderr}{done.stdout}"
    return done.stdout


@dataclass(frozen=True)
class Daemon:
    """A running engine."""

    socket: Path
    root: Path
    """Where it keeps its images."""
    pid: int = 0


class Keeper:
    """Starts programs that serve, and ends them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: list[subprocess.Popen[bytes]] = []

    def start(
        self,
        *command: str | Path,
        ready: Callable[[], bool],
        name: str,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a program and wait until it serves."""
        log = self.folder / f"{name}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True,
                env={**_environment(), **(environment or {})},
            )  # fmt: skip
        self._running.append(process)
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{name} does not start: {log.read_text()[-2000:]}")
            time.sleep(0.1)
        return process

    def stop(self) -> None:
        """End all that was started, and drop what they mounted and stored."""
        for process in reversed(self._running):
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for left in self.folder.glob("*/exec/containerd/containerd.pid"):
            with suppress(OSError, ValueError):  # a Docker that was killed leaves its containerd
                os.kill(int(left.read_text()), signal.SIGTERM)
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in reversed([mount for mount in mounts if mount.startswith(f"{self.folder}/")]):
            subprocess.run(["umount", "-l", mount], capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def keeper() -> Iterator[Keeper]:
    """In a folder with a short name: those of sockets may have 107 bytes."""
    kept = Keeper(Path(tempfile.mkdtemp(prefix="ls-", dir="/tmp")))
    kept.folder.chmod(0o711)  # sockets inside say themselves who may use them
    try:
        yield kept
    finally:
        kept.stop()


@pytest.fixture(scope="session")
def archive(keeper: Keeper) -> Path:
    """The sample image, saved."""
    path = keeper.folder / "sample.tar"
    path.write_bytes(SAMPLE)
    return path


@dataclass(frozen=True)
class Podman:
    """A store of Podman, and how it is called."""

    root: Path
    driver: str
    command: tuple[str, ...]

    def __call__(self, *arguments: str | Path) -> str:
        return run(*self.command, *arguments)


def podman_store(keeper: Keeper, driver: str, name: str = "") -> Podman:
    """A store of Podman with a driver: the one that tests share, or one of another name."""
    root = keeper.folder / f"p-{driver}{name}"
    options = [
        "--root",
        root,
        "--runroot",
        keeper.folder / f"r-{driver}{name}",
        "--storage-driver",
        driver,
    ]
    return Podman(root, driver, ("podman", *map(str, options)))


@pytest.fixture(scope="session", params=["overlay", "vfs"])
def podman(request: pytest.FixtureRequest, keeper: Keeper, archive: Path) -> Podman:
    """Podman with the sample image."""
    need("podman")
    store = podman_store(keeper, request.param)
    store("load", "-q", "-i", archive)
    return store


@pytest.fixture(scope="session")
def registry_address() -> str:
    """Where a registry of the tests listens, once it runs."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture(scope="session")
def podman_service(keeper: Keeper, archive: Path, registry_address: str) -> Daemon:
    """Podman's API with the sample image."""
    need("podman")
    store = podman_store(keeper, "overlay")
    store("load", "-q", "-i", archive)
    path = keeper.folder / "podman.sock"
    registries = keeper.folder / "registries.conf"
    registries.write_text(f'[[registry]]\nlocation = "{registry_address}"\ninsecure = true\n')
    process = keeper.start(
        *store.command, "system", "service", "--time=0", f"unix://{path}",
        ready=path.exists, name="podman",
        environment={"CONTAINERS_REGISTRIES_CONF": str(registries)},
    )  # fmt: skip
    return Daemon(path, store.root, process.pid)


@pytest.fixture(scope="session", params=["overlay2", "vfs"])
def dockerd(request: pytest.FixtureRequest, keeper: Keeper, archive: Path) -> Daemon:
    """Docker with the sample image, with its classic store, for each driver."""
    return docker_with(keeper, archive, request.param)


@pytest.fixture(scope="session")
def docker_engine(keeper: Keeper, archive: Path) -> Daemon:
    """A running Docker with the sample image."""
    return docker_with(keeper, archive, "overlay2")


def docker_with(keeper: Keeper, archive: Path, driver: str) -> Daemon:
    """Docker with a driver and the sample image, started once."""
    folder = keeper.folder / f"d-{driver}"
    if folder.exists():
        return Daemon(folder / "docker.sock", folder / "root")
    daemon = docker_daemon(keeper, driver, folder.name)
    run("docker", "-H", f"unix://{daemon.socket}", "load", "-q", "-i", archive)
    return daemon


def docker_daemon(keeper: Keeper, driver: str, name: str) -> Daemon:
    """A new Docker without images."""
    need("dockerd", "containerd", "docker")
    folder = keeper.folder / name
    folder.mkdir()
    path = folder / "docker.sock"
    host = f"unix://{path}"

    def ready() -> bool:
        asked = subprocess.run(
            ["docker", "-H", host, "version"], capture_output=True, check=False, timeout=60
        )
        return asked.returncode == 0

    process = keeper.start(
        "dockerd", "--iptables=false", "--ip6tables=false", "--bridge=none", "--ip-forward=false",
        "--ip-masq=false", f"--storage-driver={driver}", "--group=root",
        "--data-root", folder / "root", "--exec-root", folder / "exec",
        "--pidfile", folder / "pid", "-H", host, ready=ready, name=f"dockerd-{name}",
    )  # fmt: skip
    return Daemon(path, folder / "root", process.pid)


@pytest.fixture(scope="session")
def containerd(keeper: Keeper, archive: Path) -> Daemon:
    """containerd with the sample image in its namespace `default`."""
    need("containerd", "ctr")
    folder = keeper.folder / "c"
    folder.mkdir()
    path = folder / "containerd.sock"
    config = folder / "config.toml"
    config.write_text(
        'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
        f'root = "{folder}/root"\nstate = "{folder}/state"\n[grpc]\naddress = "{path}"\n'
    )

    def ready() -> bool:
        asked = subprocess.run(
            ["ctr", "-a", str(path), "version"], capture_output=True, check=False, timeout=60
        )
        return asked.returncode == 0

    keeper.start("containerd", "-c", config, ready=ready, name="containerd")
    run("ctr", "-a", path, "images", "import", "--no-unpack", archive)
    return Daemon(path, folder / "root")


__all__ = ["TAG"]
