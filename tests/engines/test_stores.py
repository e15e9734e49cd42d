"""Stores that real engines wrote, read directly."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerscope.limits import DEFAULT_LIMITS
from layerscope.opening.open import open_image
from layerscope.sources import Request
from layerscope.sources.containerd_roots import process_root
from layerscope.sources.engine_roots import reported_roots
from tests.engines.conftest import Daemon, Podman, need, run
from tests.engines.sample import TAG, report_of

pytestmark = pytest.mark.engine


def test_podmans_store(podman: Podman, archive: Path) -> None:
    """The report equals that of the saved image."""
    expected = report_of(str(archive))
    assert report_of(f"containers-storage://{TAG}", podman.root) == expected
    image_id = podman("image", "inspect", "--format", "{{.Id}}", TAG).strip()
    assert report_of(f"containers-storage://{image_id[:10]}", podman.root) == expected
    opened = open_image(Request(TAG, store_root=podman.root))
    assert opened.image.source_kind == "containers-storage"
    assert opened.image.location == str(podman.root)
    assert opened.image.id == f"sha256:{image_id}"
    assert opened.image.tags == (f"localhost/{TAG}",)
    assert all(opened.verified(number) for number in range(3))


def test_dockers_classic_store(dockerd: Daemon, archive: Path) -> None:
    """The report equals that of the saved image, while the engine runs."""
    expected = report_of(str(archive))
    assert report_of(f"docker-store://{TAG}", dockerd.root) == expected
    opened = open_image(Request(TAG, store_root=dockerd.root))
    assert opened.image.source_kind == "docker-store"
    assert opened.image.tags == (TAG,)
    inspected = run(
        "docker", "-H", f"unix://{dockerd.socket}", "image", "inspect", "-f", "{{.Id}}", TAG
    )
    assert opened.image.id == inspected.strip()
    assert all(opened.verified(number) for number in range(3))


def test_containerds_store(containerd: Daemon, archive: Path) -> None:
    """The report equals that of the saved image, while containerd holds the lock of its database."""
    assert report_of(f"containerd://{TAG}", containerd.root) == report_of(str(archive))
    opened = open_image(Request(TAG, store_root=containerd.root))
    assert opened.image.source_kind == "containerd"
    assert opened.image.tags == (f"docker.io/library/{TAG}",)
    assert all(opened.verified(number) for number in range(3))


def test_containerd_in_the_namespace_of_docker(containerd: Daemon, archive: Path) -> None:
    """Docker uses it from version 29 on; the namespace is found without a setting."""
    run("ctr", "-a", containerd.socket, "-n", "moby", "images", "import", "--no-unpack",
        "--base-name", "inner", "--digests", archive)  # fmt: skip
    assert report_of(f"containerd://{TAG}", containerd.root) == report_of(str(archive))


def test_an_image_made_by_buildah(podman: Podman, tmp_path: Path) -> None:
    """The report equals that of the image saved by Podman."""
    need("buildah")
    (tmp_path / "new").write_bytes(b"new" * 100)
    buildah = ("buildah", *podman.command[1:])
    container = run(*buildah, "from", "--pull-never", TAG).strip()
    run(*buildah, "copy", container, tmp_path / "new", "/data/deep/new")
    run(*buildah, "config", "--env", "A=2", container)
    run(*buildah, "commit", "-q", container, "built:1")
    run(*buildah, "rm", container)
    podman("save", "-q", "-o", tmp_path / "built.tar", "built:1")
    found = report_of("containers-storage://built:1", podman.root)
    assert found == report_of(str(tmp_path / "built.tar"))
    assert found["totals"]["layers"] == 4


def test_docker_reports_its_folders(
    docker_engine: Daemon, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its data folder, and that of its containerd, are found through its socket."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{docker_engine.socket}")
    assert report_of(f"docker-store://{TAG}") == report_of(str(archive))
    opened = open_image(Request(f"docker-store://{TAG}"))
    assert opened.image.location == str(docker_engine.root)
    (reported,) = reported_roots(DEFAULT_LIMITS)
    assert (reported.root, reported.is_only) == (docker_engine.root, True)
    socket = docker_engine.root.parent / "exec/containerd/containerd.sock"
    assert process_root(str(socket)) == docker_engine.root / "containerd/daemon"


def test_containerd_is_found_by_its_address(
    containerd: Daemon, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the configuration of its process."""
    monkeypatch.setenv("CONTAINERD_ADDRESS", str(containerd.socket))
    assert report_of(f"containerd://{TAG}") == report_of(str(archive))
    assert open_image(Request(f"containerd://{TAG}")).image.location == str(containerd.root)
