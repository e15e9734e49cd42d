"""A real image, loaded into every engine: reports from APIs and stores equal that of the archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engines.conftest import Daemon, Daemons, Podman, need, run
from tests.engines.sample import report_of
from tests.real_images import FLASK, needs_flask

pytestmark = [pytest.mark.engine, needs_flask]

NAME = "localhost/real-image:1"


@pytest.fixture(scope="session")
def loadable(daemons: Daemons) -> Path:
    """The image in a format that every engine loads."""
    need("skopeo")
    copy = ("skopeo", "--insecure-policy", "copy", "-q")
    layout, path = daemons.folder / "real-image", daemons.folder / "real-image.tar"
    gzipped = ("--dest-compress", "--dest-compress-format", "gzip")
    run(
        *copy, *gzipped, f"oci-archive:{FLASK}", f"oci:{layout}:real"
    )  # docker-archive knows no zstd
    run(*copy, f"oci:{layout}:real", f"docker-archive:{path}:{NAME}")
    return path


@pytest.fixture(scope="session")
def expected() -> dict[str, Any]:
    """The archive's report."""
    return report_of(str(FLASK))


@pytest.mark.parametrize("dockerd", ["overlay2"], indirect=True)
def test_dockers_classic_store(dockerd: Daemon, loadable: Path, expected: dict[str, Any]) -> None:
    run("docker", "-H", f"unix://{dockerd.socket}", "load", "-q", "-i", loadable)
    assert report_of(f"docker-store://{NAME}", dockerd.root) == expected


def test_dockers_export(
    docker_engine: Daemon,
    loadable: Path,
    expected: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{docker_engine.socket}")
    run("docker", "-H", f"unix://{docker_engine.socket}", "load", "-q", "-i", loadable)
    assert report_of(f"docker://{NAME}") == expected


@pytest.mark.parametrize("podman", ["overlay"], indirect=True)
def test_podmans_store(podman: Podman, loadable: Path, expected: dict[str, Any]) -> None:
    podman("load", "-q", "-i", loadable)
    assert report_of(f"containers-storage://{NAME}", podman.root) == expected


def test_podmans_export(
    podman_service: Daemon,
    loadable: Path,
    expected: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONTAINER_HOST", f"unix://{podman_service.socket}")
    run("docker", "-H", f"unix://{podman_service.socket}", "load", "-q", "-i", loadable)
    assert report_of(f"podman://{NAME}") == expected


def test_containerds_store(containerd: Daemon, expected: dict[str, Any]) -> None:
    """Its layers are compressed as in the archive."""
    ctr = ("ctr", "-a", containerd.socket, "-n", "default", "images", "import", "--no-unpack")
    run(*ctr, "--base-name", "real-image", "--digests", FLASK)
    reference = next(
        line.split()[0]
        for line in run(
            "ctr", "-a", containerd.socket, "-n", "default", "images", "ls"
        ).splitlines()
        if line.startswith("real-image")
    )
    assert report_of(f"containerd://{reference}", containerd.root) == expected
