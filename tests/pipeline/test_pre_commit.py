"""The hooks for pre-commit: it accepts them, and their commands do what they say."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline.steps import HOSTILE, ROOT, Ended, Machine, load

HOOKS = {hook["id"]: hook for hook in load(".pre-commit-hooks.yaml")[0]}


def _run(machine: Machine, hook: str, *words: str) -> Ended:
    """Run a hook's command as pre-commit does: its words, and then those given."""
    command = shlex.join([*shlex.split(HOOKS[hook]["entry"]), *words])
    return machine.run(command, {}, "sh")


def test_pre_commit_accepts_them() -> None:
    """Every key and value."""
    command = [
        sys.executable,
        "-m",
        "pre_commit",
        "validate-manifest",
        str(ROOT / ".pre-commit-hooks.yaml"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "name", [".layerscope.toml", "apps/web/.layerscope.toml", ".dive-ci", "x/.dive-ci.yml"]
)
def test_rules_are_checked(name: str) -> None:
    """Those files, and none of a name that only looks alike."""
    pattern = HOOKS["layerscope-config"]["files"]
    assert re.search(pattern, name)
    assert not re.search(pattern, f"{name}.bak")


def test_every_file_is_checked(machine: Machine) -> None:
    """All errors are shown, not only those of the first file."""
    for number, text in enumerate(("[ci]\nmax-layers = 4\n", "[ci]\nno-such-key = 1\n", "[ci")):
        (machine.work / f"{number}.toml").write_text(text)
    assert _run(machine, "layerscope-config", "0.toml").code == 0
    ended = _run(machine, "layerscope-config", "0.toml", "1.toml", "2.toml")
    assert ended.code == 1
    assert "1.toml" in ended.err
    assert "2.toml" in ended.err
    _run(machine, "layerscope-config", HOSTILE)
    machine.assert_untouched()


def test_an_image_is_checked(machine: Machine) -> None:
    """The one that `args` name."""
    assert _run(machine, "layerscope-ci", "app.tar").code == 0
    assert _run(machine, "layerscope-ci", "app.tar", "--max-wasted", "1kB").code == 1


@pytest.mark.release
def test_pre_commit_runs_them(tmp_path: Path) -> None:
    """In an environment that it makes itself, from this repository."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)

    run("git", "init", "--quiet")
    (tmp_path / ".layerscope.toml").write_text("[ci]\nmax-layers = many\n")
    run("git", "add", ".")
    done = run(
        sys.executable,
        "-m",
        "pre_commit",
        "try-repo",
        str(ROOT),
        "layerscope-config",
        "--all-files",
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert ".layerscope.toml, line 2" in done.stdout
