"""`layerscope flask:latest` in a real terminal, answered by each of the sources in turn."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.engines.conftest import Daemon, Daemons, Podman, run
from tests.engines.sample import LAYERS
from tests.images import docker_archive
from tests.terminal import TMUX, layerscope, terminal

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(TMUX is None, reason="tmux is not installed"),
]
NAME = "flask:latest"


@pytest.fixture(scope="module")
def flask(daemons: Daemons) -> Path:
    """An archive with an image of that name only."""
    path = daemons.folder / "flask.tar"
    path.write_bytes(docker_archive(LAYERS, tags=[NAME], config={"author": "flask"}))
    return path


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, str]:
    """An environment in which no engine and no store has images."""
    conf = tmp_path / "storage.conf"
    conf.write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{tmp_path}/none"\n')
    return {
        "DOCKER_HOST": f"unix://{tmp_path}/none",
        "CONTAINER_HOST": f"unix://{tmp_path}/none",
        "CONTAINERS_STORAGE_CONF": str(conf),
        "CONTAINERD_ADDRESS": "/run/containerd/containerd.sock",
        "LAYERSCOPE_CACHE_DIR": str(tmp_path / "cache"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }


def explored(environment: dict[str, str], source: str, *words: str) -> None:
    """Open the image in the explorer and check that the header names the source, steps and files are shown, and `q` quits."""
    with terminal(layerscope(NAME, *words), environment=environment, width=160) as screen:
        screen.wait_for("digests ok")
        shown = screen.text()
        header = "\n".join(shown.splitlines()[:3])
        assert re.search(rf"flask:latest  linux/amd64  {source}\s", header), shown
        assert "COPY layer2" in shown
        screen.keys("Tab", "g")
        screen.wait_for("▸ data")
        screen.keys("q")
        screen.wait_for("exit 0")


def test_docker_answers(docker_engine: Daemon, flask: Path, nowhere: dict[str, str]) -> None:
    """Through its API."""
    host = f"unix://{docker_engine.socket}"
    run("docker", "-H", host, "load", "-q", "-i", flask)
    try:
        explored({**nowhere, "DOCKER_HOST": host}, "docker")
    finally:
        run("docker", "-H", host, "rmi", NAME)


def test_dockers_store_answers(docker_engine: Daemon, flask: Path, nowhere: dict[str, str]) -> None:
    """Without a running engine."""
    host = f"unix://{docker_engine.socket}"
    run("docker", "-H", host, "load", "-q", "-i", flask)
    try:
        explored(nowhere, "docker-store", "--store-root", str(docker_engine.root))
    finally:
        run("docker", "-H", host, "rmi", NAME)


def test_podman_answers(podman_service: Daemon, flask: Path, nowhere: dict[str, str]) -> None:
    """Through its API, without Docker."""
    host = f"unix://{podman_service.socket}"
    run("docker", "-H", host, "load", "-q", "-i", flask)
    try:
        explored({**nowhere, "CONTAINER_HOST": host}, "podman")
    finally:
        run("docker", "-H", host, "rmi", NAME)


def test_podmans_store_answers(
    podman: Podman, flask: Path, nowhere: dict[str, str], tmp_path: Path
) -> None:
    """Its configuration names the folder."""
    conf = tmp_path / "own.conf"
    conf.write_text(f'[storage]\ndriver = "{podman.driver}"\ngraphroot = "{podman.root}"\n')
    podman("load", "-q", "-i", flask)
    try:
        explored({**nowhere, "CONTAINERS_STORAGE_CONF": str(conf)}, "containers-storage")
    finally:
        podman("rmi", NAME)


def test_containerd_answers(containerd: Daemon, flask: Path, nowhere: dict[str, str]) -> None:
    """While it runs."""
    address = ("ctr", "-a", containerd.socket, "images")
    run(*address, "import", "--no-unpack", flask)
    try:
        explored(nowhere, "containerd", "--store-root", str(containerd.root))
    finally:
        run(*address, "rm", f"docker.io/library/{NAME}")
