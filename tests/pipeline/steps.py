"""Runs the scripts of CI configurations as a runner does, without a runner: a fake event, and stubs that record calls."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = """"; touch hostile; $(touch hostile) `touch hostile` '; touch hostile; ' & touch hostile #
touch hostile
${{ github.token }}"""
"""A value that makes a file called `hostile` if a script takes it for more than a value."""
OPTION = "--output=hostile"
"""One that does the same if a command takes it for an option."""
_EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")


class Ended(NamedTuple):
    """How a script ended."""

    code: int
    out: str
    err: str


def load(name: str) -> list[Any]:
    """The documents of a YAML file of the repository."""
    return list(yaml.safe_load_all((ROOT / name).read_text()))


class Machine:
    """A directory where scripts run, with `layerscope` of these sources and stubs of other programs on the PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / "work"
        self.bin = folder / "bin"
        for each in (self.work, self.bin, folder / "home"):
            each.mkdir()
        self.stub("layerscope", f'exec {shlex.quote(sys.executable)} -m layerscope "$@"')

    def stub(self, name: str, script: str) -> None:
        """A program on the PATH."""
        (self.bin / name).write_text(f"#!/bin/bash\n{script}\n")
        (self.bin / name).chmod(0o755)

    def recorder(self, name: str, script: str = "") -> None:
        """A program that writes each of its calls down, then runs a script."""
        self.stub(
            name,
            f'printf "%s\\0" "$@" >> {self.folder}/{name}.calls; echo >> {self.folder}/{name}.calls\n{script}',
        )

    def calls(self, name: str) -> list[list[str]]:
        """The arguments of each call of a recorder."""
        path = self.folder / f"{name}.calls"
        text = path.read_text() if path.exists() else ""
        return [call.split("\0") for call in text.split("\0\n") if call]

    def run(self, script: str, variables: Mapping[str, str], *shell: str) -> Ended:
        """Run a script in a shell with these variables."""
        kept = ("XDG_CONFIG_HOME", "LAYERSCOPE_CACHE_DIR", "DOCKER_HOST", "CONTAINER_HOST")
        environment = {
            **{name: os.environ[name] for name in kept},
            "HOME": str(self.folder / "home"),
            "PYTHONPATH": str(ROOT),
            "PATH": f"{self.bin}:/usr/local/bin:/usr/bin:/bin",
            **variables,
        }
        done = subprocess.run(
            [*shell, "-c", script], cwd=self.work, env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    def assert_untouched(self) -> None:
        """No script took a value for a command or an option."""
        assert not list(self.folder.rglob("hostile"))


class Action:
    """The composite action of this repository, with a fake event."""

    def __init__(
        self, machine: Machine, inputs: Mapping[str, str], event: str = "pull_request"
    ) -> None:
        (self.action,) = load("action.yml")
        self.machine = machine
        self._files = {
            name: machine.folder / name
            for name in ("GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")
        }
        for path in self._files.values():
            path.touch()
        self._known = {
            **{
                f"inputs.{name}": self._default(each)
                for name, each in self.action["inputs"].items()
            },
            **{f"inputs.{name}": value for name, value in inputs.items()},
            "github.action_path": str(ROOT),
            "github.event_name": event,
            "github.event.pull_request.number": "7",
            "github.token": "token",
        }

    @staticmethod
    def _default(declared: Mapping[str, Any]) -> str:
        value = str(declared.get("default", ""))
        return "token" if "${{" in value else value

    def evaluate(self, text: str) -> str:
        """Put values in place of expressions, once, as a runner does."""
        return _EXPRESSION.sub(lambda found: self._known[found[1]], text)

    def _holds(self, condition: str) -> bool:
        for part in condition.split("&&"):
            name, wanted = (each.strip() for each in part.split("=="))
            if self._known[name] != wanted.strip("'"):
                return False
        return True

    def run(self, *, without: tuple[str, ...] = ("Install layerscope",)) -> Ended:
        """Run the steps until one fails."""
        out, err = "", ""
        for step in self.action["runs"]["steps"]:
            if step["name"] in without or not self._holds(
                step.get("if", "github.token == 'token'")
            ):
                continue
            assert "${{" not in step["run"], "an expression in a script runs what it stands for"
            variables = {name: self.evaluate(str(value)) for name, value in step["env"].items()}
            runner = {
                **{name: str(path) for name, path in self._files.items()},
                "GITHUB_REPOSITORY": "org/app",
                "RUNNER_TEMP": str(self.machine.folder),
            }
            ended = self.machine.run(
                step["run"],
                {**runner, **variables},
                "bash",
                "--noprofile",
                "--norc",
                "-eo",
                "pipefail",
            )
            out, err = out + ended.out, err + ended.err
            if ended.code:
                return Ended(ended.code, out, err)
        return Ended(0, out, err)

    def file(self, name: str) -> str:
        """What the steps wrote for the runner."""
        return self._files[name].read_text()
