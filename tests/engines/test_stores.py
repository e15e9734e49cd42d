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


def test_podman(podman: Podman, archive: Path) -> None:
    """Its store says of an image what the saved image says."""
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


def test_docker(dockerd: Daemon, archive: Path) -> None:
    """The same for Docker's classic store, while the engine runs."""
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


def test_containerd(containerd: Daemon, archive: Path) -> None:
    """The same for its content store, while it holds the lock of its database."""
    assert report_of(f"containerd://{TAG}", containerd.root) == report_of(str(archive))
    opened = open_image(Request(TAG, store_root=containerd.root))
    assert opened.image.source_kind == "containerd"
    assert opened.image.tags == (f"docker.io/library/{TAG}",)
    assert all(opened.verified(number) for number in range(3))


def test_containerd_in_the_namespace_of_docker(containerd: Daemon, archive: Path) -> None:
    """As Docker has it from version 29 on: found without a word about namespaces."""
    run("ctr", "-a", containerd.socket, "-n", "moby", "images", "import", "--no-unpack",
        "--base-name", "inner", "--digests", archive)  # fmt: skip
    assert report_of(f"containerd://{TAG}", containerd.root) == report_of(str(archive))


def test_buildah(podman: Podman, tmp_path: Path) -> None:
    """An image that Buildah made, against what Podman saves of it."""
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


def test_docker_says_where_its_store_is(
    docker_engine: Daemon, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own data folder is found through its socket, and its containerd's too."""
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
    """From the configuration that its process was started with."""
    monkeypatch.setenv("CONTAINERD_ADDRESS", str(containerd.socket))
    assert report_of(f"containerd://{TAG}") == report_of(str(archive))
    assert open_image(Request(f"containerd://{TAG}")).image.location == str(containerd.root)
