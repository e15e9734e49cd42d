"""Response times of the explorer on a million entries, in a pseudo terminal: `python -m bench.responsiveness [IMAGE]`.

Times are from a key, or from the start of the program, to the last byte that it writes in answer. While the image loads, rows are
repainted for other reasons, too: then a key counts as answered when the cursor has moved.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pexpect

from bench import million
from bench.bytecode import compile_program
from bench.images import FOLDER
from tests.emulator import Emulator

WIDTH, HEIGHT = 160, 48
QUIET = 0.3
"""Seconds without output after which an answer counts as complete."""
PATIENCE = 120.0

KEYS: tuple[tuple[str, str, int, float], ...] = (
    ("another layer", "j", 5, 50),
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
"""Action, its key, number of repetitions, and maximum milliseconds."""
_CURSOR = "005f5f"
"""The background of the row with the cursor."""
_EXTRA_SECONDS = 6.0
"""Seconds to go on pressing keys after the figures appear: duplicates, findings and digests are computed then."""
_BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("bare")
Bare().run()
"""


class Explorer:
    """The program in a pseudo terminal."""

    def __init__(self, image: Path, cache: str, *, with_memory: bool = False) -> None:
        """`with_memory` measures memory, and must not be combined with timing: the system stops the program while it adds up its pages."""
        environment = {**os.environ, "TERM": "xterm-256color", "LAYERSCOPE_CACHE_DIR": cache}
        environment.pop("COLORTERM", None)
        self.started = time.monotonic()
        self.child = _spawn(["-m", "layerscope", str(image)], environment)
        self.terminal = Emulator(WIDTH, HEIGHT)
        """Receives the output until the image is loaded."""
        self.memory = 0
        """Peak memory of all its processes together, in bytes; shared pages count once."""
        if with_memory:
            threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while (now := sum(map(_resident, _process_tree(self.child.pid)))) or not self.memory:
            self.memory = max(self.memory, now)
            time.sleep(0.1)

    def wait_for(self, words: str) -> float:
        """Seconds from the start until `words` are written."""
        self.child.expect_exact(words)
        taken = time.monotonic() - self.started
        self.terminal.receive(self.child.before + self.child.after)
        return taken

    def settle(self, quiet: float = QUIET) -> float:
        """Wait until the output stops after at least one byte; returns the time of the last byte."""
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
        """Read remaining output of earlier actions."""
        while True:
            try:
                self.child.read_nonblocking(1 << 16, timeout=QUIET)
            except pexpect.TIMEOUT:
                return

    def press_all(self, report: Callable[[str, float, float], None]) -> None:
        """Press `KEYS`, and call `report` with the action, its median seconds, and the maximum."""
        for words, key, times, limit in KEYS:
            taken = [self.press(key) for _ in range(times)]
            report(words, statistics.median(taken) / 1000, limit / 1000)
        self.press("\x1b[27u")  # leaves the field

    def quit(self) -> float:
        """Seconds from `q` to the end of the program."""
        pressed = time.monotonic()
        self.child.send("q")
        self.child.expect(pexpect.EOF)
        return time.monotonic() - pressed

    def key_waits(self) -> tuple[float, float]:
        """Maximum and median seconds of key presses until the image is loaded; the keys move the cursor down and up."""
        terminal = self.terminal
        self.child.send("g")
        while terminal.row_on(_CURSOR) is None:
            terminal.receive(self._read())
        row, step, waits, loaded = 0, 1, [], PATIENCE
        while time.monotonic() - self.started < loaded:
            row, key = row + step, b"j" if step > 0 else b"k"
            step = -step if row in (0, million.LAYERS - 1) else step
            before, pressed = terminal.row_on(_CURSOR), time.monotonic()
            self.child.send(key)
            while terminal.row_on(_CURSOR) == before and time.monotonic() - pressed < PATIENCE:
                terminal.receive(self._read())
            waits.append(time.monotonic() - pressed)
            time.sleep(0.02)
            if loaded == PATIENCE and "efficiency" in "\n".join(terminal.lines()):
                loaded = time.monotonic() - self.started + _EXTRA_SECONDS
        return max(waits), statistics.median(waits)

    def _read(self) -> bytes:
        try:
            data: bytes = self.child.read_nonblocking(1 << 16, timeout=1)
        except pexpect.TIMEOUT:
            return b""
        return data


def _spawn(arguments: list[str], environment: dict[str, str]) -> pexpect.spawn:
    child = pexpect.spawn(
        sys.executable, arguments, dimensions=(HEIGHT, WIDTH), env=environment, timeout=PATIENCE
    )
    child.delaybeforesend = None  # else it would sleep 50 ms before each key
    return child


def _process_tree(pid: int) -> list[int]:
    """The IDs of a process and its descendants."""
    pids = [pid]
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                pids += _process_tree(int(child))
    return pids


def _resident(pid: int) -> int:
    """Memory of a process in bytes; each process gets its share of shared pages."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("Pss:")).split()[1])
    return 0


def _bare() -> float:
    """Seconds until a minimal Textual app shows its only word."""
    started = time.monotonic()
    child = _spawn(["-c", _BARE], {**os.environ, "TERM": "xterm-256color"})
    child.expect_exact("bare")
    taken = time.monotonic() - started
    child.close(force=True)
    return taken


def _tar(image: Path) -> float:
    """Seconds that `tar tvf` takes for all layers."""
    started = time.monotonic()
    for number in range(million.LAYERS):
        subprocess.run(  # noqa: S602  # a pipe of two programs
            f"tar -xOf {shlex.quote(str(image))} {number}/layer.tar | tar -tvf - > /dev/null",
            shell=True,
            check=True,
        )
    return time.monotonic() - started


def main() -> None:
    """Measure and print."""
    image = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER / "million.tar"
    if not image.exists():
        FOLDER.mkdir(exist_ok=True)
        print(f"making {image.name} …")
        million.make(image)
    compile_program()
    bare, tar = statistics.median(_bare() for _ in range(5)), _tar(image)
    with tempfile.TemporaryDirectory() as cache:
        first, leaving = [], []
        for _ in range(5):
            cold = Explorer(image, cache)
            first.append(cold.wait_for("Steps"))
            time.sleep(0.3)
            leaving.append(cold.quit())
        _print_row("first frame", statistics.median(first), 2 * bare)
        _print_row("quit while layers are read", max(leaving), 0.5)
        cold = Explorer(image, cache)
        cold.wait_for("Steps")
        longest, median = cold.key_waits()
        _print_row("longest wait of a key meanwhile", longest, 0.1)
        _print_row("a key meanwhile", median, 0.05)
        cold.child.close(force=True)
        shutil.rmtree(cache)
        cold = Explorer(image, cache)
        _print_row("all layers stacked and counted", cold.wait_for("efficiency"), 1.5 * tar)
        cold.settle(1.0)
        cold.press_all(_print_row)
        _print_row("quit", cold.quit(), 0.5)
        warm = Explorer(image, cache)
        warm.wait_for("Steps")
        _print_row("the second time: all counted", warm.wait_for("efficiency"), 0.8)
        warm.child.close(force=True)
        for times, name in enumerate(("peak memory of all processes", "the second time")):
            if not times:
                shutil.rmtree(cache)
            with_memory = Explorer(image, cache, with_memory=True)
            with_memory.wait_for("efficiency")
            with_memory.settle(3.0)
            with_memory.press_all(lambda *_: None)
            with_memory.quit()
            print(f"{name:<34}{with_memory.memory / 1e6:8.0f} MB   (wanted: 500 MB at most)")


def _print_row(words: str, seconds: float, limit: float) -> None:
    print(f"{words:<34}{seconds:8.3f} s    (wanted: {limit:g} s at most)")


if __name__ == "__main__":
    main()
