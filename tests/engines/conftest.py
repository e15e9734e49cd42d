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
    """Skip the test without these programs or without root; on a CI server, fail it instead."""
    missing = [program for program in programs if shutil.which(program) is None]
    reason = f"{', '.join(missing)} not installed" if missing else ""
    reason = reason or ("" if os.geteuid() == 0 else "engines with stores of their own need root")
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


def _environment() -> dict[str, str]:
    """The environment without DOCKER_HOST and CONTAINER_HOST, which would make Podman a remote client."""
    hosts = ("DOCKER_HOST", "CONTAINER_HOST")
    return {name: value for name, value in os.environ.items() if name not in hosts}


def run(*command: str | Path) -> str:
    """Run a program and return its output. Fails the test with stderr."""
    process = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=_environment(),
    )
    assert process.returncode == 0, f"{command}: {process.stderr}{process.stdout}"
    return process.stdout


@dataclass(frozen=True)
class Daemon:
    """A running engine."""

    socket: Path
    root: Path
    """The data folder."""
    pid: int = 0


class Daemons:
    """Starts daemons, and stops them."""

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
        """Start a program and wait until it is `ready`."""
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
        """Stop all daemons, and remove their mounts and data."""
        for process in reversed(self._running):
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pid_file in self.folder.glob("*/exec/containerd/containerd.pid"):
            with suppress(OSError, ValueError):  # a Docker that was killed leaves its containerd
                os.kill(int(pid_file.read_text()), signal.SIGTERM)
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in reversed([mount for mount in mounts if mount.startswith(f"{self.folder}/")]):
            subprocess.run(["umount", "-l", mount], capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def daemons() -> Iterator[Daemons]:
    """Daemons in a folder with a short name: paths of sockets have at most 107 bytes."""
    daemons = Daemons(Path(tempfile.mkdtemp(prefix="ls-", dir="/tmp")))
    daemons.folder.chmod(0o711)  # the modes of the sockets decide who may use them
    try:
        yield daemons
    finally:
        daemons.stop()


@pytest.fixture(scope="session")
def archive(daemons: Daemons) -> Path:
    """The sample image as an archive."""
    path = daemons.folder / "sample.tar"
    path.write_bytes(SAMPLE)
    return path


@dataclass(frozen=True)
class Podman:
    """A store of Podman, and the command that uses it."""

    root: Path
    driver: str
    command: tuple[str, ...]

    def __call__(self, *arguments: str | Path) -> str:
        return run(*self.command, *arguments)


def podman_store(daemons: Daemons, driver: str, name: str = "") -> Podman:
    """A store of Podman with a driver: the one that tests share, or with a `name`, another one."""
    root = daemons.folder / f"p-{driver}{name}"
    options = [
        "--root",
        root,
        "--runroot",
        daemons.folder / f"r-{driver}{name}",
        "--storage-driver",
        driver,
    ]
    return Podman(root, driver, ("podman", *map(str, options)))


@pytest.fixture(scope="session", params=["overlay", "vfs"])
def podman(request: pytest.FixtureRequest, daemons: Daemons, archive: Path) -> Podman:
    """Podman with the sample image."""
    need("podman")
    store = podman_store(daemons, request.param)
    store("load", "-q", "-i", archive)
    return store


@pytest.fixture(scope="session")
def registry_address() -> str:
    """The address at which the registry of the tests listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture(scope="session")
def podman_service(daemons: Daemons, archive: Path, registry_address: str) -> Daemon:
    """Podman's API with the sample image."""
    need("podman")
    store = podman_store(daemons, "overlay")
    store("load", "-q", "-i", archive)
    path = daemons.folder / "podman.sock"
    registries = daemons.folder / "registries.conf"
    registries.write_text(f'[[registry]]\nlocation = "{registry_address}"\ninsecure = true\n')
    process = daemons.start(
        *store.command, "system", "service", "--time=0", f"unix://{path}",
        ready=path.exists, name="podman",
        environment={"CONTAINERS_REGISTRIES_CONF": str(registries)},
    )  # fmt: skip
    return Daemon(path, store.root, process.pid)


@pytest.fixture(scope="session", params=["overlay2", "vfs"])
def dockerd(request: pytest.FixtureRequest, daemons: Daemons, archive: Path) -> Daemon:
    """Docker with the sample image in its classic store, for each driver."""
    return docker_with_sample(daemons, archive, request.param)


@pytest.fixture(scope="session")
def docker_engine(daemons: Daemons, archive: Path) -> Daemon:
    """A running Docker with the sample image."""
    return docker_with_sample(daemons, archive, "overlay2")


def docker_with_sample(daemons: Daemons, archive: Path, driver: str) -> Daemon:
    """Docker with a driver and the sample image, started once."""
    folder = daemons.folder / f"d-{driver}"
    if folder.exists():
        return Daemon(folder / "docker.sock", folder / "root")
    daemon = docker_daemon(daemons, driver, folder.name)
    run("docker", "-H", f"unix://{daemon.socket}", "load", "-q", "-i", archive)
    return daemon


def docker_daemon(daemons: Daemons, driver: str, name: str) -> Daemon:
    """A new Docker without images."""
    need("dockerd", "containerd", "docker")
    folder = daemons.folder / name
    folder.mkdir()
    path = folder / "docker.sock"
    host = f"unix://{path}"

    def ready() -> bool:
        process = subprocess.run(
            ["docker", "-H", host, "version"], capture_output=True, check=False, timeout=60
        )
        return process.returncode == 0

    process = daemons.start(
        "dockerd", "--iptables=false", "--ip6tables=false", "--bridge=none", "--ip-forward=false",
        "--ip-masq=false", f"--storage-driver={driver}", "--group=root",
        "--data-root", folder / "root", "--exec-root", folder / "exec",
        "--pidfile", folder / "pid", "-H", host, ready=ready, name=f"dockerd-{name}",
    )  # fmt: skip
    return Daemon(path, folder / "root", process.pid)


@pytest.fixture(scope="session")
def containerd(daemons: Daemons, archive: Path) -> Daemon:
    """containerd with the sample image in its namespace `default`."""
    need("containerd", "ctr")
    folder = daemons.folder / "c"
    folder.mkdir()
    path = folder / "containerd.sock"
    config = folder / "config.toml"
    config.write_text(
        'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
        f'root = "{folder}/root"\nstate = "{folder}/state"\n[grpc]\naddress = "{path}"\n'
    )

    def ready() -> bool:
        process = subprocess.run(
            ["ctr", "-a", str(path), "version"], capture_output=True, check=False, timeout=60
        )
        return process.returncode == 0

    daemons.start("containerd", "-c", config, ready=ready, name="containerd")
    run("ctr", "-a", path, "images", "import", "--no-unpack", archive)
    return Daemon(path, folder / "root")


__all__ = ["TAG"]
