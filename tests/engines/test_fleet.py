"""Complete stores of real engines as a fleet, compared with archives of the same images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from layerscope import cli
from tests.engines.conftest import Daemons, docker_daemon, need, podman_store, run
from tests.engines.sample import LAYERS
from tests.images import docker_archive, file, layer_tar, write

pytestmark = pytest.mark.engine

ANSWERS = ("lines", "packages", "duplicates")


def fleet(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """The command's JSON of a fleet, without fields that depend on the source."""
    capsys.readouterr()
    assert cli.run(["fleet", *arguments, "--jobs", "1", "--no-cache", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["fleet"]
    totals = {name: count for name, count in found["totals"].items() if name not in ("blobOnceBytes", "uncompressedLayers")}  # fmt: skip
    images = {
        image["id"]: (image["totals"]["storedBytes"], image["sharedBytes"], image["uniqueBytes"])
        for image in found["images"]
    }
    layers = {(layer["digest"], layer["images"]) for layer in found["layers"]}
    rules = [(row["rule"], row["images"], row["bytes"]) for row in found["rules"]]
    return {"totals": totals, "images": images, "layers": layers, "rules": rules, **{name: found[name] for name in ANSWERS}}  # fmt: skip


@pytest.fixture
def archives(tmp_path: Path) -> list[Path]:
    """Three images; two of them share the layers of the first."""
    tops = [[], [layer_tar([file("app", b"1" * 5_000)])], [layer_tar([file("app", b"2" * 9_000)])]]
    (tmp_path / "images").mkdir()
    return [
        write(tmp_path / f"images/{n}.tar", docker_archive([*LAYERS, *top], tags=(f"fleet:{n}",)))
        for n, top in enumerate(tops)
    ]


def test_docker(
    daemons: Daemons,
    archives: list[Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By its API, which exports each image once, and from its store."""
    daemon = docker_daemon(daemons, "overlay2", "fleet")
    for archive in archives:
        run("docker", "-H", f"unix://{daemon.socket}", "load", "-q", "-i", archive)
    expected = fleet(capsys, str(archives[0].parent))
    assert fleet(capsys, "docker-store://", "--store-root", str(daemon.root)) == expected
    monkeypatch.setenv("DOCKER_HOST", f"unix://{daemon.socket}")
    assert fleet(capsys, "docker://") == expected


def test_podman(daemons: Daemons, archives: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    """From its store."""
    need("podman")
    store = podman_store(daemons, "overlay", "-fleet")
    for archive in archives:
        store("load", "-q", "-i", archive)
    expected = fleet(capsys, str(archives[0].parent))
    assert fleet(capsys, "containers-storage://", "--store-root", str(store.root)) == expected
