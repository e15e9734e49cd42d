"""Engines with their own stores, which run during the benchmark. They need root."""

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
    """An engine is not installed, does not start, or cannot load the image; the text says which."""


@contextmanager
def temporary_folder_in(place: Path) -> Iterator[Path]:
    """A folder for stores; its mounts and contents are removed at the end. Its name is short because it contains sockets."""
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
    """Run Docker with its classic store and an image in it; yields its address and the root of the store."""
    _require("dockerd", "containerd", "docker")
    root, host = folder / "docker", f"unix://{folder}/d.sock"
    command = [
        "dockerd", "--iptables=false", "--ip6tables=false", "--bridge=none", "--ip-forward=false",
        "--ip-masq=false", "--storage-driver=overlay2", "--group=root", f"--data-root={root}",
        f"--exec-root={folder}/exec", f"--pidfile={folder}/pid", "-H", host,
    ]  # fmt: skip

    def ready() -> bool:
        command_line = ["docker", "-H", host, "version"]
        return subprocess.run(command_line, capture_output=True, check=False).returncode == 0

    with _running(command, folder / "dockerd.log", ready):
        _run("docker", "-H", host, "load", "-q", "-i", archive)
        yield host, root


def podman_load(folder: Path, archive: Path) -> Path:
    """Load an image into a new store of Podman; returns its root."""
    _require("podman")
    root = folder / "podman"
    options = ("--root", root, "--runroot", folder / "run", "--storage-driver", "overlay")
    _run("podman", *options, "load", "-q", "-i", archive)
    return root


@contextmanager
def _running(command: Sequence[str], log: Path, ready: Callable[[], bool]) -> Iterator[None]:
    """Run a server inside the `with` block. Raises `EngineError` if it does not start."""
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                last_line = log.read_text(errors="replace").strip().splitlines()[-1:]
                raise EngineError(f"{command[0]} does not start: {' '.join(last_line)}")
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _require(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise EngineError(f"not installed: {', '.join(missing)}")
    if os.geteuid() != 0:
        raise EngineError("an engine with a store of its own needs root")


def _run(*command: str | Path) -> None:
    hosts = ("DOCKER_HOST", "CONTAINER_HOST")
    environment = {name: value for name, value in os.environ.items() if name not in hosts}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if result.returncode != 0:
        raise EngineError(f"{command[0]}: {(result.stderr or result.stdout).strip()[-300:]}")
