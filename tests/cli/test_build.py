"""`layerscope build`: the user's own build, then the explorer; an engine in a thread and a script replace the real ones."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import Ran
from tests.images import write
from tests.sources.fake_engine import IMAGE_ID, FakeEngine, serving

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """#!/bin/sh
printf '%s\\n' "$0" "$@" > "$SEEN"
echo building
echo more >&2
[ -n "$FAIL" ] && exit "$FAIL"
while [ $# -gt 0 ]; do
  if [ "$1" = --iidfile ]; then printf %s "$BUILT" > "$2"; fi
  shift
done
"""


class Builder:
    """Runs builds with fake engines on PATH."""

    def __init__(self, folder: Path, engine: FakeEngine) -> None:
        self.folder = folder
        self.engine = engine

    def program(self, name: str) -> None:
        """A build program on PATH."""
        write(self.folder / "bin" / name, SCRIPT.encode()).chmod(0o755)

    def __call__(self, *args: str, built: str = IMAGE_ID, fail: str = "") -> Ran:
        bins = f"{self.folder}/bin"
        environment = {
            **os.environ, "PATH": bins, "DOCKER_HOST": self.engine.url, "BUILT": built, "FAIL": fail,
            "SEEN": f"{self.folder}/seen", "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "layerscope", "build", *args],
            capture_output=True, text=True, check=False, timeout=60, env=environment, cwd=self.folder,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    @property
    def arguments(self) -> list[str]:
        """The arguments that the program was started with, after its name."""
        name, *words = (self.folder / "seen").read_text().splitlines()
        return [Path(name).name, *words]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Builder]:
    """Builds with an engine that has the built image."""
    with serving(tmp_path / "engine.sock") as engine:
        yield Builder(tmp_path, engine)


def test_a_build_gets_its_arguments_and_its_image_opens(build: Builder) -> None:
    """Arguments are passed on unchanged, even those named like our options; stdout has only the report."""
    build.program("docker")
    words = ["-t", "app", "-fhello", "--no-cache", "--help", "--engine", "x", "a b;$(c)", "."]
    code, out, err = build("--pull", *words)
    assert (code, build.arguments[0]) == (0, "docker")
    assert build.arguments[1:3] == ["build", "--iidfile"]
    assert build.arguments[4:] == ["--pull", *words]
    assert out.startswith("demo:latest")
    assert "building" not in out
    assert "building\nmore\n" in err


def test_a_failed_build_passes_its_exit_code_on(build: Builder) -> None:
    """Nothing is opened after a failed build."""
    build.program("docker")
    code, out, err = build(".", fail="17")
    assert (code, out) == (17, "")
    assert err.endswith("layerscope: docker build failed with exit code 17\n")


def test_the_first_engine_on_path_builds(build: Builder) -> None:
    """Docker, Podman and Buildah are searched in this order; `--engine` names another program."""
    build.program("buildah")
    build.program("podman")
    assert build(".").code == 0
    assert build.arguments[0] == "podman"
    assert build("--engine", "buildah", ".").code == 0
    assert build.arguments[0] == "buildah"
    assert build("--engine=podman", ".").code == 0
    assert build.arguments[0] == "podman"


def test_no_engine_is_a_usage_error(build: Builder) -> None:
    """The error lists the programs that were searched for."""
    code, _, err = build("--engine", "nobody", ".")
    assert code == 2
    assert "nobody not found on PATH" in err


def test_the_users_iidfile_is_kept(build: Builder) -> None:
    """The file of `--iidfile` is read and not removed."""
    build.program("docker")
    assert build("--iidfile", "mine", ".").code == 0
    assert build.arguments[1:] == ["build", "--iidfile", "mine", "."]
    assert (build.folder / "mine").read_text() == IMAGE_ID


@pytest.mark.parametrize(
    ("built", "words"),
    [
        ("", "did not report an image ID"),
        ("../x", "did not report"),
        ("sha256:" + "0" * 64, "--load"),
    ],
)
def test_a_build_without_an_image_is_reported(build: Builder, built: str, words: str) -> None:
    """An image that the build did not leave in the engine cannot be opened."""
    build.program("docker")
    code, out, err = build(".", built=built)
    assert (code, out) == (3, "")
    assert words in err


def test_only_a_leading_help_option_is_ours(build: Builder) -> None:
    """Help is printed without running a build."""
    code, out, _ = build("--help")
    assert code == 0
    assert "--engine NAME" in out
    assert not (build.folder / "seen").exists()
