"""Takes the tour in a real terminal. `python -m tests.tui.touring` prints the keys and bytes that each question needs."""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from layerscope.demo import save_demo
from tests.images import Member, docker_archive, file, layer_tar, write
from tests.sources.stores import docker_store
from tests.terminal import PATIENCE, Terminal, layerscope, terminal
from tests.tui.tour import DEMO, QUESTIONS, Act, Click, Press, Question, Resize, Type

READY = "digests ok"
"""Text that the first screen shows once the image is loaded and analysed."""
SIZES = ((120, 36), (80, 24))
STILL = 6
"""Number of times that words must be in the same place before they are clicked."""
SETTLED = 0.4
"""Seconds without output after which a screen counts as complete. Only used to count bytes, never for assertions."""


@dataclass(frozen=True, slots=True)
class Places:
    """The images that the tour explores, and its folders."""

    demo: Path
    old: Path
    new: Path
    store: Path
    home: Path
    """Settings, state, cache, and a folder for each question."""

    def command(self, begins: str) -> list[str]:
        """The command line that is run for a command of the tour."""
        words = {
            DEMO: [str(self.demo)],
            "layerscope images": ["images", "--store-root", str(self.store)],
            "layerscope diff OLD NEW": ["diff", str(self.old), str(self.new)],
        }[begins]
        return layerscope(*words)

    def environment(self) -> dict[str, str]:
        """An environment with separate folders, and without engines."""
        return {
            "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_STATE_HOME": str(self.home / "state"),
            "LAYERSCOPE_CACHE_DIR": str(self.home / "cache"),
            "DOCKER_HOST": f"unix://{self.home}/none.sock",
            "CONTAINER_HOST": f"unix://{self.home}/none.sock",
        }


def places(folder: Path, demo: Path) -> Places:
    """Write two builds of an image into a folder, and a store with both."""
    home, store = folder / "home", folder / "store"
    home.mkdir()
    archives: list[Path] = []
    names: dict[str, str] = {}
    for number in (1, 2):
        layers = _layers(number)
        archive = docker_archive(layers, tags=(f"shop:{number}",))
        archives.append(write(folder / f"shop-{number}.tar", archive))
        docker_store(store, layers, names=[f"shop:{number}"])
        listed = store / "image/overlay2/repositories.json"
        names |= json.loads(listed.read_bytes())["Repositories"]["shop"]
        write(listed, json.dumps({"Repositories": {"shop": names}}).encode())
    return Places(demo, archives[0], archives[1], store, home)


def _layers(number: int) -> list[bytes]:
    """The layers of a build: a base that both builds share, tools, and an application that differs."""
    tools = [file(f"usr/bin/tool-{n}", bytes([n]) * 10_000) for n in range(number * 3)]
    app: list[Member] = [
        file("app/settings", f"release = {number}\nfast = yes\n".encode()),
        file("app/run", b"run\n" * 5_000),
    ]
    return [layer_tar([file("usr/lib/libc.so", b"c" * 40_000)]), layer_tar(tools), layer_tar(app)]


class Tour:
    """The terminal with the first screen of a question."""

    def __init__(self, screen: Terminal, here: Path) -> None:
        self.screen = screen
        self.here = here
        """The folder that the program runs in."""
        self._written = here.with_suffix(".bytes")

    def written(self) -> int:
        """Bytes that the program has written to the terminal."""
        return self._written.stat().st_size

    def raw(self) -> bytes:
        """The bytes that the program has written to the terminal."""
        return self._written.read_bytes()

    def act(self, act: Act) -> None:
        """Do one thing, and wait for the text that it shows."""
        if isinstance(act, Press):
            self.screen.keys(act.key)
        elif isinstance(act, Type):
            self.screen.type(act.text)
        elif isinstance(act, Click):
            self.click(act.on)
        elif isinstance(act, Resize):
            self.screen.run("resize-window", "-t", "t", "-x", str(act.width), "-y", str(act.height))
        if act.shows:
            self.wait_for(act.shows)

    def click(self, words: str) -> None:
        """Press and release the left button on words."""
        self.screen.wait_for(words)
        seen: list[tuple[int, int]] = []
        while len(seen) < STILL or len(set(seen[-STILL:])) > 1:  # a view may still be laid out
            lines = self.screen.lines()
            y, line = next((y, line) for y, line in enumerate(lines) if words in line)
            seen.append((line.index(words) + 1, y))
            time.sleep(0.05)
        x, y = seen[-1]
        for end in "Mm":
            self.screen.type(f"\x1b[<0;{x + 1};{y + 1}{end}")

    def wait_for(self, words: str) -> None:
        """Wait until a line shows words, separated by any number of spaces."""
        self.answer(Question("", (), words))

    def answer(self, question: Question) -> str:
        """Return the screen once it has the answer. Raises `AssertionError` with the screen if it never has."""
        deadline = time.monotonic() + PATIENCE
        while not question.answered_by(shown := self.screen.text()):
            assert time.monotonic() < deadline, f"{question.answer!r} never came:\n{shown}"
            time.sleep(0.05)
        return shown


@contextmanager
def toured(
    question: Question, where: Places, size: tuple[int, int], more: Mapping[str, str] | None = None
) -> Iterator[Tour]:
    """Open the first screen of a question; `more` is added to the environment."""
    width, height = size
    here = Path(tempfile.mkdtemp(dir=where.home))
    here.with_suffix(".bytes").touch()
    # Not the terminal's environment, in which tmux sets TERM itself.
    added = (f"{name}={value}" for name, value in (more or {}).items())
    command = ["env", "-C", str(here), *added, *where.command(question.begins)]
    with terminal(command, width=width, height=height, environment=where.environment()) as screen:
        screen.run("set-option", "-s", "set-clipboard", "on")
        screen.run("pipe-pane", "-O", "-t", "t", f"exec cat > {here}.bytes")
        if question.begins == DEMO:
            screen.wait_for(READY[-2:] if width < 100 else READY)
        yield Tour(screen, here)


def _settled(tour: Tour) -> int:
    """The number of bytes written, once it no longer grows."""
    counts = [-1, tour.written()]
    while counts[-1] != counts[-2]:
        time.sleep(SETTLED)
        counts.append(tour.written())
    return counts[-1]


def main() -> None:
    """Print a table with question, keys, and bytes after the first screen at each size."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_demo(folder / "flask-demo.tar")
        where = places(folder, folder / "flask-demo.tar")
        for question in QUESTIONS:
            counts = []
            for size in SIZES:
                with toured(question, where, size) as tour:
                    began = _settled(tour)
                    for act in question.acts:
                        tour.act(act)
                    tour.answer(question)
                    counts.append(f"{_settled(tour) - began:>8,}")
            sys.stdout.write(f"{question.asked:<42} {question.keys}  {'  '.join(counts)}\n")
            sys.stdout.flush()


def reversed_lines(screen: Terminal) -> list[str]:
    """Texts on screen that are painted in reverse."""
    painted = screen.run("capture-pane", "-e", "-p", "-t", "t")
    found = re.findall(r"\x1b\[(?:[0-9;]*;)?7(?:;[0-9;]*)?m(.*)", painted)
    return [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in found]


if __name__ == "__main__":
    main()
