"""How quick the explorer is on a million entries, in a real pseudo terminal: `python -m bench.responsiveness [IMAGE]`.

Times run from a key, or from the start of the program, to the last byte that it writes in answer.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import pexpect

from bench import million
from bench.bytecode import compile_program
from bench.images import FOLDER

WIDTH, HEIGHT = 160, 48
QUIET = 0.3
"""Seconds without output after which an answer counts as complete."""
PATIENCE = 120.0

KEYS: tuple[tuple[str, str, int, float], ...] = (
    ("another layer", "j", 5, 100),
    ("to the files", "\t", 1, 100),
    ("open a directory", "\r", 1, 100),
    ("open everything", "+", 1, 1000),
    ("a row down", "j", 7, 50),
    ("a page down", "\x1b[6~", 7, 50),
    ("all layers up to here", "a", 2, 300),
    ("filter, a key", "/", 1, 200),
    ("filter, a key more", "p", 1, 200),
    ("filter, a key more", "k", 1, 200),
    ("filter, a key more", "g", 1, 200),
)
"""What is done, its key, how often, and the milliseconds that it should take at most."""


class Explorer:
    """The program in a pseudo terminal."""

    def __init__(self, image: Path, cache: str) -> None:
        environment = {**os.environ, "TERM": "xterm-256color", "LAYERSCOPE_CACHE_DIR": cache}
        self.started = time.monotonic()
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "layerscope", str(image)],
            dimensions=(HEIGHT, WIDTH),
            env=environment,
            timeout=PATIENCE,
        )
        self.child.delaybeforesend = None  # else it would sleep 50 ms before each key

    def seen(self, words: str) -> float:
        """Seconds from the start until `words` are written."""
        self.child.expect_exact(words)
        return time.monotonic() - self.started

    def settle(self, quiet: float = QUIET) -> float:
        """Wait until nothing more is written, and something was; when the last byte came."""
        self.child.expect(r"[\s\S]")
        last = time.monotonic()
        while True:
            try:
                self.child.read_nonblocking(1 << 16, timeout=quiet)
                last = time.monotonic()
            except pexpect.TIMEOUT:
                return last

    def press(self, key: str) -> float:
        """Milliseconds from a key to the last byte of the answer."""
        self._drain()
        pressed = time.monotonic()
        self.child.send(key)
        return 1000 * (self.settle() - pressed)

    def _drain(self) -> None:
        """Read what is still being written in answer to something else."""
        while True:
            try:
                self.child.read_nonblocking(1 << 16, timeout=QUIET)
            except pexpect.TIMEOUT:
                return

    def quit(self) -> float:
        """Seconds from `q` to the end of the program."""
        pressed = time.monotonic()
        self.child.send("q")
        self.child.expect(pexpect.EOF)
        return time.monotonic() - pressed

    def peak(self) -> int:
        """Most memory that the program had, in bytes."""
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        return 1024 * int(
            next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]
        )


def main() -> None:
    """Measure and print."""
    image = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER / "million.tar"
    if not image.exists():
        FOLDER.mkdir(exist_ok=True)
        print(f"making {image.name} …")
        million.make(image)
    compile_program()
    with tempfile.TemporaryDirectory() as cache:
        cold = Explorer(image, cache)
        _tell("first frame", cold.seen("Steps"), 0.6)
        time.sleep(0.3)
        _tell("quit while layers are read", cold.quit(), 0.3)
        cold = Explorer(image, cache)
        cold.seen("Steps")
        _tell("all layers stacked and counted", cold.seen("efficiency"), 8)
        cold.settle(1.0)
        for words, key, times, most in KEYS:
            taken = [cold.press(key) for _ in range(times)]
            _tell(words, statistics.median(taken) / 1000, most / 1000)
        print(f"{'peak memory':<34}{cold.peak() / 1e6:8.0f} MB   (wanted: 700 MB at most)")
        cold.child.close(force=True)
        warm = Explorer(image, cache)
        warm.seen("Steps")
        _tell("the second time: all counted", warm.seen("efficiency"), 0.8)
        warm.child.close(force=True)


def _tell(words: str, seconds: float, most: float) -> None:
    print(f"{words:<34}{seconds:8.3f} s    (wanted: {most:g} s at most)")


if __name__ == "__main__":
    main()
