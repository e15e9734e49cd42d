"""Builds wheel and sdist, and makes environments that hold nothing but the wheel."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RELEASE_TIME = "1774000000"
"""Seconds since 1970 that all files of a test's release have."""


def once(factory: pytest.TempPathFactory, name: str, fill: Callable[[Path], None]) -> Path:
    """A directory that is filled by one worker of a run, and used by all."""
    own = factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder, done = shared / name, shared / f"{name}.done"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)  # half of it, by a test that failed
            folder.mkdir()
            fill(folder)
            done.touch()
    return folder


def run(
    *command: str | Path, folder: Path = ROOT, environment: Mapping[str, str] | None = None
) -> str:
    """Run a program and return its output. Fails the test with all that it said."""
    done = subprocess.run(
        list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True,
        check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
    return done.stdout


def build(source: Path, dist: Path, *, umask: int = 0o022) -> None:
    """Build the sdist of a source tree, and the wheel from the sdist."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(dist), str(source)]
    done = subprocess.run(
        command, umask=umask, env={**os.environ, "SOURCE_DATE_EPOCH": RELEASE_TIME},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def copy_tracked(target: Path) -> None:
    """Copy what git tracks, with the time of now. Skips the test outside a checkout."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    for name in run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").split(
        "\0"
    ):
        if name and (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target / name)
            (target / name).chmod((ROOT / name).stat().st_mode & 0o700)


def interpreter(version: str) -> Path:
    """A Python of that version, such as `3.12`. Skips the test without one."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates: list[str | Path | None] = [
        shutil.which(f"python{version}"),
        *sorted(pyenv.glob(f"versions/{version}.*/bin/python")),
    ]
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        candidates.insert(0, sys.executable)
    for candidate in candidates:
        if candidate is None:
            continue
        ready = subprocess.run(
            [str(candidate), "-c", "import ensurepip"], capture_output=True, check=False
        )
        if ready.returncode == 0:  # a shim of pyenv may stand for a version that is not chosen
            return Path(candidate)
    pytest.skip(f"no Python {version} with ensurepip")


@dataclass(frozen=True)
class Clean:
    """A virtual environment that holds the wheel and what it requires, and a home with nothing in it."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, python: Path, wheel: Path, extras: str = "") -> Clean:
        """Make one, and install the wheel, with extras such as `[web]`. Fails the test if a requirement is missing."""
        run(python, "-m", "venv", "--without-pip", folder / "venv")
        (folder / "home").mkdir()
        pip = (sys.executable, "-m", "pip", "--python", folder / "venv" / "bin" / "python")
        run(*pip, "install", "--quiet", "--no-compile", f"{wheel}{extras}")
        run(*pip, "check")
        return cls(folder)

    @property
    def program(self) -> Path:
        """The command `layerscope`."""
        return self.folder / "venv" / "bin" / "layerscope"

    def environment(self) -> dict[str, str]:
        """Nothing of ours: no engine, no settings, no modules from elsewhere."""
        home = self.folder / "home"
        nobody = f"unix://{home}/nobody.sock"
        return {
            "HOME": str(home),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "DOCKER_HOST": nobody,
            "CONTAINER_HOST": nobody,
        }

    def __call__(
        self, *words: str | Path, folder: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `layerscope` in a folder: the home, if none is given."""
        return subprocess.run(
            [str(self.program), *map(str, words)], cwd=folder or self.folder / "home",
            env={**self.environment(), **variables}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
