"""A real image, converted by real tools into every form: the accounting stays the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from layerscope.opening.open import open_image
from layerscope.report.schema import document
from layerscope.sources import Request
from tests.real_images import FLASK, needs_flask

pytestmark = needs_flask
Make = Callable[[Path, Path], Path]
"""Makes a form of the image in a folder, given a layout of it with gzip layers."""


def _run(*command: str | Path) -> None:
    local = {name: value for name, value in os.environ.items() if name != "CONTAINER_HOST"}
    subprocess.run(
        [str(word) for word in command], check=True, capture_output=True, timeout=300, env=local
    )


def _copied(scheme: str, name: str, *options: str) -> Make:
    """The image, copied by skopeo."""

    def make(folder: Path, gzipped: Path) -> Path:
        target = folder / name
        tagged = scheme in ("docker-archive", "oci-archive", "oci")
        source = f"oci:{gzipped}:flask" if scheme == "docker-archive" else f"oci-archive:{FLASK}"
        _copy(source, f"{scheme}:{target}{':flask:latest' if tagged else ''}", *options)
        return target

    return make


def _copy(source: str, target: str, *options: str) -> None:
    _run("skopeo", "--insecure-policy", "copy", *options, source, target)


@pytest.fixture(scope="module")
def gzipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layout with gzip layers: older tools convert only these to Docker's formats."""
    if shutil.which("skopeo") is None:
        pytest.skip("skopeo is not installed")
    layout = tmp_path_factory.mktemp("flask") / "gzipped"
    gzip = ("--dest-compress", "--dest-compress-format", "gzip")
    _copy(f"oci-archive:{FLASK}", f"oci:{layout}:flask", *gzip)
    return layout


@pytest.fixture(scope="module")
def original() -> dict[str, Any]:
    """The accounting of the archive itself."""
    return _accounting(FLASK)


def _saved(folder: Path, gzipped: Path) -> Path:
    """The image, loaded and saved by podman."""
    target, loaded = folder / "podman.tar", folder / "loaded.tar"
    _copy(f"oci:{gzipped}:flask", f"docker-archive:{loaded}:localhost/flask:latest")
    with tempfile.TemporaryDirectory(
        prefix="ls-", dir="/tmp"
    ) as run:  # podman wants a short path here
        podman = ("podman", "--root", folder / "root", "--runroot", run, "--storage-driver", "vfs")
        _run(*podman, "load", "--input", loaded)
        _run(
            *podman,
            "save",
            "--format",
            "docker-archive",
            "--output",
            target,
            "localhost/flask:latest",
        )
        _run(*podman, "rmi", "--all", "--force")
    return target


FORMS = [
    pytest.param("skopeo", _copied("docker-archive", "docker.tar"), id="docker-archive"),
    pytest.param("skopeo", _copied("oci", "layout"), id="oci-directory"),
    pytest.param("skopeo", _copied("oci-archive", "oci.tar"), id="oci-archive"),
    pytest.param("skopeo", lambda _, gzipped: gzipped, id="oci-gzip"),
    pytest.param("skopeo", _copied("dir", "dir"), id="dir"),
    pytest.param("podman", _saved, id="podman-save"),
]


def _accounting(image: Path) -> dict[str, Any]:
    """Figures that do not depend on how layers are stored."""
    report = document(open_image(Request(str(image))))
    kept = (
        "entries",
        "whiteouts",
        "tarBytes",
        "storedBytes",
        "netBytes",
        "wastedBytes",
        "hidesBytes",
        "changes",
    )
    totals = {key: value for key, value in report["totals"].items() if key != "compressedBytes"}
    layers = [
        {key: layer[key] for key in (*kept, "diffId", "verified")} for layer in report["layers"]
    ]
    steps = [
        {key: value for key, value in step.items() if key != "comment"} for step in report["steps"]
    ]
    return {
        "totals": totals,
        "layers": layers,
        "steps": steps,
        "waste": report["waste"],
        "duplicates": report["duplicates"],
    }


@pytest.mark.parametrize(("tool", "make"), FORMS)
def test_every_form_gives_the_same_accounting(
    tool: str, make: Make, tmp_path: Path, gzipped: Path, original: dict[str, Any]
) -> None:
    """Totals, layers, steps, waste and duplicates equal those of the original archive."""
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    assert original == _accounting(make(tmp_path, gzipped))
