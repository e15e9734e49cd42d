"""The image of layerscope itself: built by Buildah on a local Debian base, run, and checked with `layerscope ci`."""

from __future__ import annotations

import ast
import json
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import layerscope
from layerscope.analysis.findings.rules import RULES
from layerscope.cli import run as layerscope_here
from tests.engines.conftest import Daemon, need, run
from tests.engines.sample import TAG
from tests.release.building import ROOT, once

pytestmark = [pytest.mark.engine, pytest.mark.release]

CHROOT = ("--isolation", "chroot")
REPORT = ("layerscope", "report", "--format", "json")
SOCKET = "/run/docker.sock"
"""/var/run is a link to /run; with the isolation used here, Buildah would follow it out of the container."""


@dataclass(frozen=True)
class BuiltImage:
    """The image, in a store of Buildah and as an archive."""

    folder: Path

    @property
    def store(self) -> tuple[str, ...]:
        """Options for Buildah."""
        places = ("--root", str(self.folder / "root"), "--runroot", str(self.folder / "run"))
        return (*places, "--storage-driver", "overlay")

    @property
    def archive(self) -> Path:
        """The path of the saved image."""
        return self.folder / "layerscope.tar"

    def buildah(self, command: str, *words: str | Path) -> str:
        """Run a command of Buildah."""
        return run("buildah", *self.store, command, *words).strip()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuiltImage:
    """The image, built once per test run."""
    need("buildah", "mmdebstrap")
    return BuiltImage(once(tmp_path_factory, "container", _build))


def _build(folder: Path) -> None:
    image = BuiltImage(folder)
    run("mmdebstrap", "--quiet", "--variant=essential", "--include=python3-venv,libstdc++6",
        *(f"--dpkgopt=path-exclude=/usr/share/{each}/*" for each in ("doc", "locale", "man")),
        _codename(), folder / "base.tar", _mirror())  # fmt: skip
    (folder / "Base").write_text("FROM scratch\nADD base.tar /\n")
    image.buildah("build", *CHROOT, "--quiet", "--file", folder / "Base", "--tag", "base", folder)
    image.buildah(
        "build", *CHROOT, "--quiet", *_pip_of_this_machine(folder), "--layers=false",
        "--build-arg", "BASE=localhost/base", "--tag", "layerscope", ROOT,
    )  # fmt: skip
    image.buildah(
        "push", "--quiet", "layerscope", f"docker-archive:{image.archive}:layerscope:test"
    )


def _codename() -> str:
    return platform.freedesktop_os_release()["VERSION_CODENAME"]


def _mirror() -> str:
    """The mirror of Debian that this machine installs from."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    wanted = f" {_codename()} main"
    lines = [line for line in found.stdout.splitlines() if line.endswith(wanted)]
    return lines[0].split()[0] if lines else "http://deb.debian.org/debian"


def _pip_of_this_machine(folder: Path) -> Iterator[str]:
    """Volumes with this machine's configuration of pip, and the files that it refers to."""
    listed = run(sys.executable, "-m", "pip", "config", "list")
    values: dict[str, str] = {}
    for line in sorted(listed.splitlines(), reverse=True):  # the environment comes last, and wins
        key, _, value = line.partition("=")
        values[key.rpartition(".")[2]] = ast.literal_eval(value)
    written = folder / "pip.conf"
    written.write_text(
        "[global]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())
    )
    places = {
        urlsplit(word).path if "index" not in key else str(Path(urlsplit(word).path).parent)
        for key, value in values.items()
        for word in value.split()
        if re.match("file:|/", word)
    }  # an index of files leads to files beside it
    for place in sorted(places):
        if Path(place).exists():
            yield f"--volume={place}:{place}:ro"
    yield f"--volume={written}:/etc/pip.conf:ro"


def _in_container(built: BuiltImage, *words: str, volumes: Mapping[str, Path] | None = None) -> str:
    """Run a command in a container of the image, with volumes; returns stdout."""
    container = built.buildah("from", "--pull-never", "localhost/layerscope")
    mounted = [f"--volume={file}:{place}" for place, file in (volumes or {}).items()]
    try:
        return built.buildah("run", *CHROOT, *mounted, container, "--", *words)
    finally:
        built.buildah("rm", container)


def test_it_reads_an_archive(built: BuiltImage, demo_image: Path) -> None:
    """By a relative name, from a mounted directory."""
    report = json.loads(
        _in_container(built, *REPORT, "demo.tar", volumes={"/work/demo.tar": demo_image})
    )
    assert report["totals"]["wastedBytes"] > 0
    assert layerscope.__version__ in _in_container(built, "layerscope", "--version")


def test_it_asks_the_engine_behind_the_socket(built: BuiltImage, podman_service: Daemon) -> None:
    """As with `docker run -v /var/run/docker.sock:/var/run/docker.sock`."""
    found = json.loads(
        _in_container(built, *REPORT, f"docker://{TAG}", volumes={SOCKET: podman_service.socket})
    )
    assert found["image"]["source"]["kind"] == "docker"
    assert found["totals"]["layers"] == 3


def test_its_own_gate_passes(built: BuiltImage, tmp_path: Path) -> None:
    """Its own layers have no waste, no findings and no pip."""
    rules = "".join(f'[rules.{rule.name}]\nseverity = "error"\n' for rule in RULES)
    config = tmp_path / "gate.toml"
    config.write_text(f"{rules}[ci]\nbase = 1\nmax-new-waste = 0\n[[ignore]]\nbase-image = true\n")
    assert layerscope_here(["ci", str(built.archive), "--config", str(config)]) == 0
    written = tmp_path / "report.json"
    dockerfile = ("--dockerfile", str(ROOT / "Dockerfile"))
    where = ("--format", "json", "--files", "--output", str(written))
    assert layerscope_here(["report", str(built.archive), *dockerfile, *where]) == 0
    report = json.loads(written.read_bytes())
    layers = report["layers"][1:]
    assert report["totals"]["avoidableOwnBytes"] == 0
    assert [finding for finding in report["findings"] if not finding["base"]] == []
    assert sum(layer["wastedBytes"] + layer["hidesBytes"] for layer in layers) == 0
    paths = [entry["path"] for layer in layers for entry in layer["files"]]
    assert any(path.endswith("/layerscope/__init__.py") for path in paths)
    assert not [path for path in paths if re.search(r"\.pyc$|/site-packages/pip/|/bin/pip", path)]


def test_it_starts_layerscope(built: BuiltImage, tmp_path: Path) -> None:
    """Its cache is writable for any user."""
    written = tmp_path / "report.json"
    layerscope_here(["report", str(built.archive), "--format", "json", "-o", str(written)])
    config = json.loads(written.read_bytes())["image"]["config"]
    assert (config["entrypoint"], config["workingDir"]) == (["layerscope"], "/work")
    environment = dict(entry.split("=", 1) for entry in config["env"])
    assert environment["LAYERSCOPE_CACHE_DIR"].startswith("/cache/")
    shown = _in_container(built, "stat", "--format", "%a", "/cache")
    assert shown == "1777"
