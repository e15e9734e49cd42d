"""Engines with stores of their own, started for the benchmark and ended with it. They need root."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 60


class EngineError(Exception):
    """An engine is not there, does not start, or cannot load the image; `str()` of it says what."""


@contextmanager
def folder_in(place: Path) -> Iterator[Path]:
    """A folder for stores; what is mounted in it and lies in it goes at the end. Sockets lie in it: its name is short."""
    folder = Path(tempfile.mkdtemp(prefix="ls-", dir=place))
    try:
        yield folder
    finally:
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in reversed([mount for mount in mounts if mount.startswith(f"{folder}/")]):
            subprocess.run(["umount", "-l", mount], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def dockerd(folder: Path, archive: Path) -> Iterator[tuple[str, Path]]:
    """Docker with its classic store and an image in it: its address, and the root of the store."""
    _need("dockerd", "containerd", "docker")
    root, host = folder / "docker", f"unix://{folder}/d.sock"
    command = [
        "dockerd", "--iptables=false", "--ip6tables=false", "--bridge=none", "--ip-forward=false",
        "--ip-masq=false", "--storage-driver=overlay2", "--group=root", f"--data-root={root}",
        f"--exec-root={folder}/exec", f"--pidfile={folder}/pid", "-H", host,
    ]  # fmt: skip

    def ready() -> bool:
        asked = ["docker", "-H", host, "version"]
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0

    with _running(command, folder / "dockerd.log", ready):
        _run("docker", "-H", host, "load", "-q", "-i", archive)
        yield host, root


def podman_load(folder: Path, archive: Path) -> Path:
    """A store of Podman with an image in it: its root."""
    _need("podman")
    root = folder / "podman"
    options = ("--root", root, "--runroot", folder / "run", "--storage-driver", "overlay")
    _run("podman", *options, "load", "-q", "-i", archive)
    return root


@contextmanager
def _running(command: Sequence[str], log: Path, ready: Callable[[], bool]) -> Iterator[None]:
    """A program that serves, until the end."""
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace").strip().splitlines()[-1:]
                raise EngineError(f"{command[0]} does not start: {' '.join(said)}")
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _need(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise EngineError(f"not installed: {', '.join(missing)}")
    if os.geteuid() != 0:
        raise EngineError("an engine with a store of its own needs root")


def _run(*command: str | Path) -> None:
    hosts = ("DOCKER_HOST", "CONTAINER_HOST")
    environment = {name: value for name, value in os.environ.items() if name not in hosts}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise EngineError(f"{command[0]}: {(done.stderr or done.stdout).strip()[-300:]}")
