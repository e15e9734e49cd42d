"""The wheel installs and works on every Python that it is for."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import layerscope
from tests.release.building import Clean, interpreter

pytestmark = pytest.mark.release


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_a_clean_environment_runs_it(
    version: str, wheel: Path, demo_image: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Version, report, gate and listing."""
    clean = _environment(version, wheel, tmp_path, request)
    shown = clean("--version")
    assert shown.stdout == f"layerscope, version {layerscope.__version__}\n"
    report = clean("report", demo_image, "--format", "json")
    assert (report.returncode, report.stderr) == (0, "")
    assert json.loads(report.stdout)["totals"]["wastedBytes"] > 0
    gate = clean("ci", demo_image, "--no-secrets", "medium")
    assert gate.returncode == 1
    assert "no-secrets" in gate.stdout
    listed = clean("ls", demo_image, "/app")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "app.py" in listed.stdout


def _environment(version: str, wheel: Path, folder: Path, request: pytest.FixtureRequest) -> Clean:
    """A clean environment: for the Python of the tests, the one that other tests use."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        shared: Clean = request.getfixturevalue("clean")
        return shared
    return Clean.make(folder, interpreter(version), wheel)
