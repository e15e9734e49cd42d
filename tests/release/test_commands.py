"""Every command runs from a wheel in a clean environment, as somebody has it who just installed it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

import layerscope
from layerscope.cli import group
from tests.release.building import Clean
from tests.terminal import TMUX, terminal

pytestmark = pytest.mark.release


@dataclass(frozen=True, slots=True)
class Run:
    """A command line, in a folder with `demo.tar` and a `docker` whose builds fail with 7."""

    words: str
    shows: str
    """Text on stdout or stderr."""
    codes: tuple[int, ...] = (0,)


RUNS: dict[str, tuple[Run, ...]] = {
    "open": (Run("demo.tar", "stored"), Run("--version", f"version {layerscope.__version__}")),
    "report": (
        Run("report demo.tar", "What to fix first"),
        Run("report demo.tar --format html", "<!DOCTYPE html>"),
    ),
    "ci": (
        Run("ci demo.tar", "passes"),
        Run("ci demo.tar --no-secrets medium --format sarif", "2.1.0", (1,)),
    ),
    "fix": (Run("fix demo.tar", "+++ b/Dockerfile"),),
    "diff": (Run("diff demo.tar demo.tar", "No differences"),),
    "series": (Run("series demo.tar demo.tar", "2 releases"),),
    "sbom": (
        Run("sbom demo.tar", "CycloneDX"),
        Run("sbom demo.tar --format spdx", "SPDX-2.3"),
    ),
    "fleet": (Run("fleet demo.tar", "1 image"),),
    "log": (Run("log demo.tar /app/.env", "/app/.env"),),
    "ls": (Run("ls demo.tar /app", "app.py"),),
    "cat": (Run("cat demo.tar /usr/lib/os-release", "Debian"),),
    "extract": (Run("extract demo.tar /etc/os-release --output out", ""),),
    "ask": (Run("ask . rules", "no runs of layerscope fleet", (2,)),),
    "save": (Run("save demo.tar -o demo.saved", ""),),
    "images": (
        Run("images", "no engine is listening", (0, 4)),
    ),  # stores of this machine are found
    "build": (Run("build -t app .", "docker build failed with exit code 7", (7,)),),
    "demo": (Run("demo --save saved.tar", ""), Run("demo", "flask-demo")),
    "web": (Run("web demo.tar", "pip install 'layerscope[web]'", (2,)),),
    "rules": (Run("rules", "apt-lists"),),
    "cache": (Run("cache info", "entries"), Run("cache clear", "")),
    "completion": (Run("completion bash", "complete -o nosort"),),
}
"""At least one run for each command of the help; and the one that has no name, an image."""


@pytest.fixture
def folder(tmp_path: Path, demo_image: Path) -> Path:
    """Where the commands run."""
    (tmp_path / "demo.tar").symlink_to(demo_image)
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text("#!/bin/sh\nexit 7\n")
    docker.chmod(0o755)
    return tmp_path


def test_every_command_has_a_run() -> None:
    """A new command needs a line above."""
    assert set(RUNS) == set(group.COMMANDS)


@pytest.mark.parametrize(
    "tried", [run for runs in RUNS.values() for run in runs], ids=lambda run: run.words
)
def test_a_command_runs(tried: Run, clean: Clean, folder: Path) -> None:
    """With the exit code and the output that it should have."""
    path = f"{folder / 'bin'}:{clean.environment()['PATH']}"
    ran = clean(*tried.words.split(), folder=folder, PATH=path)
    assert ran.returncode in tried.codes, ran.stderr
    assert tried.shows in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr


def test_reports_are_those_of_the_sources(clean: Clean, folder: Path) -> None:
    """Nothing that a report needs is missing from the wheel."""
    ran = clean("report", "demo.tar", "--format", "json", folder=folder)
    assert ran.stderr == ""
    report = json.loads(ran.stdout)
    assert report["totals"]["avoidableBytes"] > 0
    assert {"deleted-later", "secret-environment-file"} <= {
        finding["rule"] for finding in report["findings"]
    }


def test_a_saved_file_opens(clean: Clean, folder: Path) -> None:
    """By its name, like the image."""
    assert clean("save", "demo.tar", "-o", "demo.saved", folder=folder).returncode == 0
    ran = clean("report", "demo.saved", folder=folder)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "What to fix first" in ran.stdout


def test_the_extras_bring_what_their_commands_need(
    wheel: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Runs of a fleet, questions about them, and the explorer in a browser."""
    place = tmp_path_factory.mktemp("extras")
    with_extras = Clean.make(place, Path(sys.executable), wheel, "[fleet,web]")
    ran = with_extras("fleet", "demo.tar", "--output", "runs", folder=folder)
    assert (ran.returncode, ran.stderr) == (0, "")
    asked = with_extras("ask", "runs", "rules", folder=folder)
    assert (asked.returncode, asked.stderr) == (0, "")
    assert "deleted-later" in asked.stdout
    web = subprocess.Popen(
        [with_extras.program, "web", "demo.tar"],
        cwd=folder,
        env=with_extras.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert web.stdout is not None
        address = web.stdout.readline().strip()
        with urllib.request.urlopen(address, timeout=60) as page:  # noqa: S310  # our own
            assert b"<html" in page.read().lower()
    finally:
        web.terminate()
        web.communicate(timeout=60)


@pytest.mark.terminal
@pytest.mark.skipif(TMUX is None, reason="tmux not installed")
def test_the_explorer_opens(clean: Clean) -> None:
    """In a terminal, from the wheel."""
    command = [str(clean.program), "demo"]
    with terminal(command, environment=clean.environment()) as screen:
        screen.wait_for("avoidable")
        screen.keys("q")
        screen.wait_for("exit 0")
