"""A temporary user for a test, with subordinate IDs and a home."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.engines.conftest import need

HERE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class ProgramResult:
    """Exit code and output of a program."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class User:
    """A user other than root."""

    name: str
    uid: int
    gid: int
    home: Path

    def command(self, *words: str | Path) -> list[str]:
        """A command line that root runs as this user."""
        ids = ["--reuid", str(self.uid), "--regid", str(self.gid), "--clear-groups"]
        # setpriv would start the program with root's permissions; env starts it with the user's.
        return ["setpriv", *ids, "--", "env", *map(str, words)]

    def environment(self, **more: str) -> dict[str, str]:
        """A minimal environment with these variables."""
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        runtime = {"XDG_RUNTIME_DIR": str(self.home / "run")}
        return {"PATH": path, "HOME": str(self.home), "USER": self.name, **runtime, **more}

    def run(self, *words: str | Path, **more: str) -> ProgramResult:
        """Run a program as this user, in its home."""
        process = subprocess.run(
            self.command(*words), capture_output=True, text=True, check=False, timeout=120,
            cwd=self.home, env=self.environment(**more),
        )  # fmt: skip
        return ProgramResult(process.returncode, process.stdout, process.stderr)

    def layerscope(self, *words: str | Path, **more: str) -> ProgramResult:
        """Run the program as this user."""
        interpreter, paths = self.python()
        return self.run(interpreter, "-m", "layerscope", *words, PYTHONPATH=paths, **more)

    def python(self) -> tuple[str, str]:
        """An interpreter and its PYTHONPATH; skips the test if the user cannot run any."""
        paths = os.pathsep.join(
            [str(HERE), *(path for path in sys.path if "site-packages" in path)]
        )
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        for interpreter in (sys.executable, f"/usr/bin/python{version}"):
            tried = self.run(interpreter, "-c", "import layerscope.cli, numpy", PYTHONPATH=paths)
            if tried.code == 0:
                return interpreter, paths
        pytest.skip("another user may not use this Python or this folder")


@contextmanager
def new_user() -> Iterator[User]:
    """A user who is removed afterwards, with the home."""
    need("useradd", "userdel", "setpriv")
    name = f"ls{uuid.uuid4().hex[:8]}"
    home = Path(tempfile.mkdtemp(prefix="lsu-", dir="/tmp"))
    subprocess.run(["useradd", "-M", "-d", str(home), "-s", "/bin/sh", name], check=True)
    try:
        number, group = (
            int(subprocess.run(["id", which, name], capture_output=True, check=True).stdout)
            for which in ("-u", "-g")
        )
        (home / "run").mkdir(mode=0o700)
        for path in (home, home / "run"):
            os.chown(path, number, group)
        yield User(name, number, group, home)
    finally:
        subprocess.run(["userdel", name], capture_output=True, check=False)
        shutil.rmtree(home, ignore_errors=True)
