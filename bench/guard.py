"""Ratios that hold on any machine, with wide margins: `python -m bench.guard` fails if a stage costs about twice as much.

CPU time of each stage of a report is compared with that of hashing the same bytes, and CPU time of keys in the explorer with that
of keys in a bare Textual app. Each figure is the lowest of several runs, as other work on the machine only adds to it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import images
from bench.bytecode import compile_program
from bench.images import Recipe

_SIZE = (160, 48)
SCALE = 0.3
RUNS = 5
MARGIN = 1.8
"""A stage may cost this many times its cost when it was measured."""
SLACK = 0.1
"""CPU time that every stage may take, as a multiple of that of hashing: less is noise."""

PLAIN: Mapping[str, float] = {
    "Reading layers": 8.0,
    "Stacking": 0.4,
    "Comparing contents": 0.6,
    "Looking for duplicates": 0.1,
    "Running rules": 0.3,
}
GZIP: Mapping[str, float] = {**PLAIN, "Reading the archive": 0.1, "Reading layers": 9.6}
"""CPU time of each stage as a multiple of that of hashing the tars of the image; all others may take `SLACK`."""


KEYS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], float]] = {
    "Another layer": ((), ("j", "k"), 14.0),
    "A row": (("tab", "plus"), ("j", "k"), 4.0),
    "A page": ((), 3 * ("pagedown",) + 3 * ("pageup",), 6.0),
}
"""Keys to get there, keys that are measured, and their CPU time as a multiple of that of a key in a bare Textual app."""
KEY_PRESSES = 60
"""Number of key presses per measurement."""


class Stages:
    """Progress that measures the CPU time of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._name, self._started = "Start", time.process_time()

    def stage(self, name: str, _total: int | None = None) -> None:
        now = time.process_time()
        self.seconds[self._name] = self.seconds.get(self._name, 0.0) + now - self._started
        self._name, self._started = name, now

    def advance(self, _done: int) -> None:
        """Ignored."""

    def cancelled(self) -> bool:
        return False


def measure_stages(archive: str) -> None:
    """Open an image, and print the CPU seconds of each stage as JSON."""
    from layerscope.opening.open import Options, open_image
    from layerscope.sources import Request

    stages = Stages()
    open_image(Request(archive, progress=stages), Options(rules={}))
    stages.stage("End")
    del stages.seconds["Start"]
    print(json.dumps(stages.seconds))


def measure_hashing(size: str) -> None:
    """Hash that many bytes, and print the CPU seconds as JSON."""
    data, remaining = bytes(1 << 20), int(size)
    start = time.process_time()
    digest = hashlib.sha256()
    while remaining > 0:
        digest.update(data[: min(remaining, len(data))])
        remaining -= len(data)
    print(json.dumps({"hashing": time.process_time() - start}))


def measure_keys(archive: str) -> None:
    """Explore an image without a terminal, press keys there and in a bare app, and print the CPU seconds of each as JSON."""
    from textual.app import App, ComposeResult
    from textual.pilot import Pilot
    from textual.widgets import Static

    from tests.tui.explorer import explorer, loaded, settled

    class Bare(App[None]):
        def compose(self) -> ComposeResult:
            yield Static("bare")

    async def press(pilot: Pilot[None], keys: Sequence[str]) -> float:
        start = time.process_time()
        for number in range(KEY_PRESSES):
            await pilot.press(keys[number % len(keys)])
        return time.process_time() - start

    async def measure() -> dict[str, float]:
        seconds = {}
        async with Bare().run_test(size=_SIZE) as bare:
            await press(bare, ("j",))
            seconds["bare"] = await press(bare, ("j",))
        async with explorer(Path(archive)).run_test(size=_SIZE) as pilot:
            await loaded(pilot)
            for name, (before, keys, _) in KEYS.items():
                await pilot.press(*before)
                await settled(pilot)
                seconds[name] = await press(pilot, keys)
        return seconds

    print(json.dumps(asyncio.run(measure())))


def main() -> int:
    """Measure and print; returns 1 if a stage or a key exceeds its margin."""
    if sys.argv[1:]:
        measures = {"stages": measure_stages, "hashing": measure_hashing, "keys": measure_keys}
        measures[sys.argv[1]](sys.argv[2])
        return 0
    compile_program()
    exceeded = False
    plain = Recipe("layered", images.TEN_LAYERS, oci=False, needed_bytes=600_000_000)
    packed = Recipe("layered-gzip", images.TEN_LAYERS, oci=True, needed_bytes=600_000_000)
    for recipe, reference in ((plain, PLAIN), (packed, GZIP)):
        image = images.existing(recipe, SCALE) or images.make(recipe, SCALE)
        archive = images.FOLDER / image.path
        size = image.content_bytes + 1024 * image.entries
        hashing, stages = _fastest("hashing", str(size)), _fastest("stages", str(archive))
        print(
            f"{recipe.name}: multiples of {hashing['hashing']:.2f} s, the CPU time of hashing {size / 1e6:.0f} MB"
        )
        for name, seconds in stages.items():
            ratio, limit = seconds / hashing["hashing"], MARGIN * reference.get(name, 0.0) + SLACK
            is_over = ratio > limit
            exceeded |= is_over
            _print_row(name, ratio, limit)
        if not recipe.oci:
            exceeded |= _keys_exceed(archive)
    return int(exceeded)


def _keys_exceed(archive: Path) -> bool:
    """Whether keys in the explorer exceed their limits; prints each."""
    seconds_by_key = _fastest("keys", str(archive), runs=3)
    bare = seconds_by_key.pop("bare")
    print(
        f"keys: multiples of {1000 * bare / KEY_PRESSES:.2f} ms, the CPU time of a key in a bare Textual app"
    )
    ratios = {
        name: (seconds / bare, MARGIN * KEYS[name][2]) for name, seconds in seconds_by_key.items()
    }
    for name, (ratio, limit) in ratios.items():
        _print_row(name, ratio, limit)
    return any(ratio > limit for ratio, limit in ratios.values())


def _print_row(name: str, ratio: float, limit: float) -> None:
    mark = "   EXCEEDED" if ratio > limit else ""
    print(f"  {name:<24}{ratio:6.2f}   (at most {limit:.2f}){mark}")


def _fastest(what: str, argument: str, runs: int = RUNS) -> dict[str, float]:
    """The lowest CPU seconds of several runs, by name."""
    fastest: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(runs):
            result = subprocess.run(
                [sys.executable, "-m", "bench.guard", what, argument],
                capture_output=True,
                check=True,
                cwd=Path(__file__).parents[1],
                env={"PATH": "/usr/bin:/bin", "HOME": folder},
            )
            for name, seconds in json.loads(result.stdout).items():
                fastest[name] = min(seconds, fastest.get(name, seconds))
    return fastest


if __name__ == "__main__":
    sys.exit(main())
