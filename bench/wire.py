"""Bytes that the explorer sends to its terminal, compared with dive: `python -m bench.wire [IMAGE]`.

Everything that a program writes in answer to a key counts, until it is silent for a while. The terminal has 160×48 cells, all colours
and, like most, synchronized updates: it answers the query for them, and their bytes count, too.
"""

from __future__ import annotations

import datetime
import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from fcntl import ioctl
from importlib import metadata
from pathlib import Path

import click
import msgspec

from bench.bytecode import compile_program
from bench.cases import find_program, version_of
from bench.docker_archive import docker_archive
from bench.results import commit
from layerscope.demo import save_demo
from tests.real_images import FLASK

RESULTS = Path(__file__).with_name("wire.json")
WIDTH, HEIGHT = 160, 48
SILENCE = 0.8
"""Seconds without output after which an answer counts as complete."""
PATIENCE = 120.0
_QUESTION, _ANSWER = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
"""The query for synchronized updates, and the answer."""
DOWN, TAB, ESCAPE, FILTER = "\x1b[B", "\t", "\x1b[27u", "\x06"
VIEWS = "23456789"
TYPED = "lib.s"

Counts = dict[str, list[int]]
"""Bytes of each answer, by action."""
ROW, STEP, VIEW, LETTER, START = "row", "step", "view", "letter", "start"
TARGETS = {
    START: ("start, until all results are shown", 60_000),
    ROW: ("a row down, in a list without other panes", 1_500),
    STEP: ("another layer, with all panes", 6_000),
    VIEW: ("another view", 15_000),
    LETTER: ("a letter typed in a filter", 4_000),
}
"""The words for each action, and its maximum bytes."""


class Row(msgspec.Struct, frozen=True):
    """Median bytes of an action."""

    what: str
    ours: int
    peer: int | None
    """None without the peer."""
    target: int


class Results(msgspec.Struct, frozen=True):
    """All figures of one run."""

    commit: str
    date: str
    image: str
    program: str
    peer: str
    rows: list[Row]


class Wire:
    """A program in a pseudo terminal, whose bytes are counted."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._pid, self._terminal = pty.fork()
        if not self._pid:
            size = struct.pack("HHHH", HEIGHT, WIDTH, 0, 0)
            ioctl(0, termios.TIOCSWINSZ, size)
            os.execvpe(command[0], list(command), dict(environment))  # noqa: S606

    def count(self, until: bytes = b"") -> int:
        """Bytes until the program has written `until` and is silent. Raises TimeoutError."""
        output, answered, last = bytearray(), 0, time.monotonic()
        end = last + PATIENCE
        while time.monotonic() < end:
            wait = last + SILENCE - time.monotonic()
            if wait <= 0 and until in output:
                return len(output)
            if not select.select([self._terminal], [], [], max(wait, 0.01))[0]:
                continue
            output += self._read()
            last = time.monotonic()
            if output.count(_QUESTION) > answered:
                answered += 1
                os.write(self._terminal, _ANSWER)
        raise TimeoutError(f"{until!r} never came, or the program is never silent")

    def _read(self) -> bytes:
        try:
            return os.read(self._terminal, 1 << 16)
        except OSError as error:
            raise TimeoutError("the program ended") from error

    def press(self, *keys: str) -> list[int]:
        """Bytes in answer to each key."""
        counts = []
        for key in keys:
            os.write(self._terminal, key.encode())
            counts.append(self.count())
        return counts

    def end(self) -> None:
        """End the program."""
        with suppress(OSError):
            os.killpg(self._pid, signal.SIGKILL)
        os.close(self._terminal)
        os.waitpid(self._pid, 0)


@contextmanager
def _running(*command: str) -> Iterator[Wire]:
    """A program in a terminal, with an empty cache and no settings; it is ended afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        for name in ("LAYERSCOPE_CACHE_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "HOME"):
            environment[name] = home
        wire = Wire(command, environment)
        try:
            yield wire
        finally:
            wire.end()


def _layerscope(image: Path) -> Counts:
    """Explore: every step and the filter of the tree; each view, the first time and again; the matches of Find."""
    with _running(sys.executable, "-m", "layerscope", str(image)) as wire:
        counts = {START: [wire.count(b"efficiency")]}
        wire.count()  # late output
        wire.press("g")
        counts[STEP] = wire.press(*"jjjjjjj")
        wire.press("g", TAB, "/")
        counts[LETTER] = wire.press(*TYPED)
        wire.press(ESCAPE, ESCAPE)
        counts[VIEW] = []
        for _ in range(2):
            for view in VIEWS:
                counts[VIEW] += wire.press(view)
                if view == "4":
                    wire.press(ESCAPE)  # a digit is text in its field
            counts[VIEW] += wire.press("1")
        wire.press("4", *TYPED, ESCAPE)
        counts[ROW] = wire.press(*[DOWN] * 60)  # more than fit: the list scrolls
    return counts


def _dive(program: str, image: Path) -> Counts:
    """The same actions as far as dive has them: its views are the layers and the tree."""
    with _running(program, f"docker-archive://{image}") as wire:
        counts = {START: [wire.count(b"Layers")]}
        counts[STEP] = wire.press(*[DOWN] * 7)
        counts[VIEW] = wire.press(*[TAB] * 5)
        counts[ROW] = wire.press(*[DOWN] * 60)
        wire.press(FILTER)
        counts[LETTER] = wire.press(*TYPED)
    return counts


def _medians(measure: Callable[[], Counts], runs: int) -> dict[str, int]:
    """The median of all answers of all runs."""
    all_counts: Counts = {}
    for _ in range(runs):
        for what, counts in measure().items():
            all_counts.setdefault(what, []).extend(counts)
    return {what: round(statistics.median(counts)) for what, counts in all_counts.items()}


def measure(image: Path, runs: int) -> list[Row]:
    """layerscope and dive on an image. Raises OSError, ValueError, and TimeoutError if one of them does not answer."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        archive = docker_archive(image, Path(folder))
        ours = _medians(lambda: _layerscope(archive), runs)
        program = find_program("dive")
        peer = {} if program is None else _medians(lambda: _dive(program, archive), runs)
    return [
        Row(words, ours[what], peer.get(what), target) for what, (words, target) in TARGETS.items()
    ]


def load(path: Path = RESULTS) -> Results:
    """The figures of the last saved run."""
    return msgspec.json.decode(path.read_bytes(), type=Results)


def table(results: Results) -> str:
    """The figures as a Markdown table."""
    lines = [f"| | layerscope | {results.peer} | at most |", "|---|---:|---:|---:|"]
    lines += (
        f"| {row.what} | {_size(row.ours)} | {_size(row.peer)} | {_size(row.target)} |"
        for row in results.rows
    )
    note = (
        f"Medians of the bytes sent to a terminal of {WIDTH}×{HEIGHT} until {SILENCE} s of silence; {results.image},"
        f" {results.program}, commit {results.commit}, {results.date}."
    )
    return "\n".join([*lines, "", note]) + "\n"


def _size(count: int | None) -> str:
    if count is None:
        return ""
    return f"{count / 1000:.1f} kB" if count < 100_000 else f"{count / 1000:.0f} kB"


def _save(image: Path, rows: list[Row]) -> None:
    program = find_program("dive")
    results = Results(
        commit(),
        datetime.datetime.now(datetime.UTC).date().isoformat(),
        image.name,
        f"layerscope {metadata.version('layerscope')}",
        "dive" if program is None else f"dive {version_of(program, '--version')}",
        rows,
    )
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("image", type=click.Path(path_type=Path, exists=True), required=False)
@click.option("--runs", type=click.IntRange(1), metavar="N", default=1, show_default=True)
@click.option("--save", is_flag=True, help="Save the figures in wire.json.")
def main(image: Path | None, runs: int, save: bool) -> None:
    """Count the bytes that layerscope and dive send for IMAGE; by default a real image beside the project, or the bundled one."""
    compile_program()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        if image is None and FLASK.exists():
            image = FLASK
        elif image is None:
            image = Path(folder, "flask-demo.tar")
            save_demo(image)
        rows = measure(image, runs)
        for row in rows:
            verdict = "met" if row.ours <= row.target else "missed"
            print(
                f"{row.what:<40}{row.ours:>10,} B    dive {row.peer or 0:>8,} B"
                f"    (at most {row.target:,}: {verdict})"
            )
        if save:
            _save(image, rows)


if __name__ == "__main__":
    main(prog_name="python -m bench.wire")
