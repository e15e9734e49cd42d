"""A real terminal for tests: tmux with its own server, which is ended afterwards."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

TMUX = shutil.which("tmux")
PATIENCE = 30.0
"""Seconds to wait for something to appear: far more than it takes."""


class Terminal:
    """A program in a terminal: type keys, read the screen."""

    def __init__(self, server: str) -> None:
        self._server = server

    def run(self, *words: str) -> str:
        """Run a tmux command; returns its output."""
        done = subprocess.run(
            [str(TMUX), "-L", self._server, *words], capture_output=True, text=True, check=True
        )
        return done.stdout

    def keys(self, *keys: str) -> None:
        """Press keys, by tmux's names."""
        self.run("send-keys", "-t", "t", *keys)

    def type(self, words: str) -> None:
        """Type words, letter by letter."""
        self.run("send-keys", "-t", "t", "-l", words)

    def escape(self) -> None:
        """Press Escape and wait for its effect: followed directly by a key, it would be Alt and that key."""
        before = self.text()
        self.keys("Escape")
        deadline = time.monotonic() + PATIENCE
        shown = [before]
        while shown[-1] == before or len(set(shown[-4:])) > 1:
            assert time.monotonic() < deadline, f"Escape did nothing:\n{before}"
            time.sleep(0.05)
            shown.append(self.text())

    def lines(self) -> list[str]:
        """The screen, line by line."""
        return self.run("capture-pane", "-p", "-t", "t").splitlines()

    def text(self) -> str:
        """The screen."""
        return "\n".join(self.lines())

    def settled(self) -> str:
        """The screen with its colours, once it no longer changes."""
        shown = [""]
        deadline = time.monotonic() + PATIENCE
        while not shown[-1] or len(set(shown[-6:])) > 1 or len(shown) < 6:
            assert time.monotonic() < deadline, f"the screen never rests:\n{shown[-1]}"
            time.sleep(0.05)
            shown.append(self.run("capture-pane", "-e", "-p", "-t", "t"))
        return shown[-1]

    def wait_for(self, words: str) -> str:
        """Wait until the screen shows `words`, and return it. Raises `AssertionError` with the screen."""
        deadline = time.monotonic() + PATIENCE
        while words not in (screen := self.text()):
            assert time.monotonic() < deadline, f"{words!r} never came:\n{screen}"
            time.sleep(0.05)
        return screen

    def wait_for_last_line(self, words: str) -> None:
        """Wait until the last line of the screen shows `words`."""
        deadline = time.monotonic() + PATIENCE
        while words not in (lines := self.lines())[-1]:
            assert time.monotonic() < deadline, f"{words!r} never came:\n{lines}"
            time.sleep(0.05)

    def wait_until_gone(self, words: str) -> None:
        """Wait until the screen no longer shows `words`."""
        deadline = time.monotonic() + PATIENCE
        while words in (screen := self.text()):
            assert time.monotonic() < deadline, f"{words!r} stays:\n{screen}"
            time.sleep(0.05)


@contextmanager
def terminal(
    command: Sequence[str],
    *,
    width: int = 120,
    height: int = 36,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Terminal]:
    """Run a command in a terminal; afterwards the screen shows its exit code as `exit N`."""
    server = f"layerscope-test-{uuid.uuid4().hex[:12]}"
    opened = Terminal(server)
    line = f"{shlex.join(command)}; echo exit $?; exec sleep 600"
    # Textual believes these more than the terminal; what runs the tests may have set them.
    inherited = {
        name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")
    }
    variables = {**inherited, "TERM": "xterm-256color", **(environment or {})}
    subprocess.run(
        [
            str(TMUX),
            "-L",
            server,
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-s",
            "t",
            "-x",
            str(width),
            "-y",
            str(height),
            line,
        ],
        check=True,
        env=variables,
    )
    try:
        yield opened
    finally:
        opened.run("kill-server")


def layerscope(*words: str) -> list[str]:
    """The program's command line."""
    return [sys.executable, "-m", "layerscope", *words]
