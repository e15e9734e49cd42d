"""Records the first minute with layerscope, on the bundled image in a real pseudo terminal: `make cast`.

The file is an asciicast, version 2 (https://docs.asciinema.org/manual/asciicast/v2/). Its clock is not that of the machine:
whatever a program writes comes at once, and then the reader has the time that the scene gives.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pexpect

from tests.emulator import Emulator

FILE = Path(__file__).resolve().parents[1] / "docs" / "first-minute.cast"
WIDTH, HEIGHT = 120, 32
IMAGE = "flask-demo.tar"
_LETTER = 0.07
"""Seconds between typed letters."""
_QUIET = 1.0
"""Seconds without output after which the output of a program counts as complete."""
_PATIENCE = 60.0
"""Maximum seconds to wait for what a scene shows: far more than it takes."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Text to type, and text that the screen shows then."""

    name: str
    keys: str
    """Text that is typed into the explorer, or into the shell if no explorer is open."""
    shows: str
    seconds: float
    """Seconds for the viewer to look at it."""
    pace: float = _LETTER


SCENES = (
    Scene("What does each step cost?", f"layerscope {IMAGE}\n", "Copied again in layer 6", 6),
    Scene("What is in the largest step?", "\t\r\x1b[B\r", "▾ lib", 5, 0.6),
    Scene("What is wasted, and why?", "2", "seed-data.sql", 5),
    Scene("Where is this file?", "4app/.env", "/app/.env", 4),
    Scene("What happened to it?", "\rL", "Life of /app/.env", 5, 0.6),
    Scene("What should I change?", "8", "Fix · secret-environment-file", 6, 0.6),
    Scene("Back to the shell", "q", f"$ layerscope {IMAGE}", 1, 0.6),
    Scene(
        "The fixes as a patch",
        f"layerscope fix {IMAGE} --only rewritten-for-attributes\n",
        "+COPY --chown",
        6,
    ),
    Scene("The same in CI", f"layerscope ci {IMAGE} --no-secrets medium | head -4\n", "fails", 6),
)


class Replay:
    """A terminal with a second screen for programs that fill it, such as the explorer."""

    def __init__(self) -> None:
        self._shell = self._shown = Emulator(WIDTH, HEIGHT)

    def write(self, text: str) -> None:
        """Process output of the program."""
        for part in re.split("(\x1b\\[\\?1049[hl])", text):
            if part.startswith("\x1b[?1049"):
                self._shown = Emulator(WIDTH, HEIGHT) if part.endswith("h") else self._shell
            else:
                self._shown.receive(part.encode())

    def text(self) -> str:
        """The screen."""
        return "\n".join(self._shown.lines())


class Recorder:
    """Records the output to a terminal."""

    def __init__(self) -> None:
        self.events: list[tuple[float, str, str]] = []
        self.screen = Replay()
        self._clock = 0.0

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._clock += seconds

    def mark(self, name: str) -> None:
        """Mark the end of a scene."""
        self.events.append((round(self._clock, 2), "m", name))

    def write(self, text: str) -> None:
        """Send something to the terminal."""
        self.events.append((round(self._clock, 2), "o", text))
        self.screen.write(text)

    def lines(self) -> Iterator[str]:
        """The file, line by line."""
        header = {
            "version": 2,
            "width": WIDTH,
            "height": HEIGHT,
            "title": "layerscope",
            "env": {"TERM": "xterm-256color"},
        }
        yield json.dumps(header)
        for event in self.events:
            yield json.dumps(event, ensure_ascii=False)


def _read(program: pexpect.spawn[str], recorder: Recorder, expected: str) -> None:
    """Record the output of a program until it has shown the expected text and is silent, or has ended."""
    deadline, piece = time.monotonic() + _PATIENCE, ""
    while True:
        try:
            piece += program.read_nonblocking(65536, _QUIET)
        except pexpect.TIMEOUT:
            if piece:
                recorder.write(piece)
            piece = ""
            if expected in recorder.screen.text():
                return
        except pexpect.EOF:
            if piece:
                recorder.write(piece)
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"{expected!r} never came:\n{recorder.screen.text()}")


def record(folder: Path) -> Recorder:
    """Play all scenes in a folder that holds the image."""
    recorder = Recorder()
    shell = pexpect.spawn(
        "bash", ["--noprofile", "--norc"], cwd=str(folder), dimensions=(HEIGHT, WIDTH), encoding="utf-8",
        env={
            "HOME": str(folder), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PS1": "$ ",
            "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8",
            "LAYERSCOPE_CACHE_DIR": str(folder / ".cache"), "XDG_STATE_HOME": str(folder / ".state"),
            "BASH_SILENCE_DEPRECATION_WARNING": "1",
        },
    )  # fmt: skip
    _read(shell, recorder, "$")
    for scene in SCENES:
        for key in _keys(scene.keys):
            recorder.wait(scene.pace)
            shell.send(key)
            _read_echo(shell, recorder)
        _read(shell, recorder, scene.shows)
        recorder.wait(scene.seconds)
        if scene.shows not in recorder.screen.text():
            raise LookupError(f"{scene.shows!r} is not there:\n{recorder.screen.text()}")
        recorder.mark(scene.name)
    shell.close(force=True)
    return recorder


def _keys(keys: str) -> Iterator[str]:
    """Split keys; the sequence of an arrow key has three characters."""
    while keys:
        length = 3 if keys.startswith("\x1b[") else 1
        yield keys[:length]
        keys = keys[length:]


def _read_echo(program: pexpect.spawn[str], recorder: Recorder) -> None:
    """Record the output right after a key. The pause also matters because Escape followed by a key would be Alt."""
    try:
        recorder.write(program.read_nonblocking(65536, 0.3))
    except pexpect.TIMEOUT:
        return


def main() -> None:
    """Write `docs/first-minute.cast`."""
    from layerscope.demo import save_demo

    with tempfile.TemporaryDirectory() as name:
        save_demo(Path(name) / IMAGE)
        recorder = record(Path(name))
    FILE.write_text("\n".join(recorder.lines()) + "\n")


if __name__ == "__main__":
    main()
