"""What `layerscope fleet` takes for fifty images over six bases, beside a loop of single cold reports.

`python -m bench.fleet` makes the images, runs both, and prints wall clock, CPU time and memory. `--images 2000 --scale 0.002 --no-loop`
shows what many small images take.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from bench.fleet_images import IMAGES, images, write_image

SHARE = 4
"""The loop takes at least this many times as long."""


@dataclass(frozen=True, slots=True)
class Took:
    """What some commands took."""

    wall: float
    cpu: float
    """Seconds of all their processes."""
    memory: int
    """Most bytes that the process of a command itself had resident."""

    def __str__(self) -> str:
        return f"{self.wall:.1f} s, {self.cpu:.1f} s of CPU, {self.memory / 1e6:.0f} MB"


def run(commands: Sequence[Sequence[str]], cache: Path) -> tuple[Took, bytes]:
    """Run commands one after the other, with an empty cache; what they took, and what the last one wrote."""
    environment = {**os.environ, "LAYERSCOPE_CACHE_DIR": str(cache)}
    memory, out = 0, b""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    for command in commands:
        with subprocess.Popen(
            [sys.executable, "-m", "layerscope", *command],
            stdout=subprocess.PIPE,
            env=environment,
        ) as process:
            assert process.stdout is not None
            out = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        assert not process.returncode, command
        memory = max(memory, usage.ru_maxrss * 1024)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Took(time.monotonic() - began, cpu, memory), out


@click.command()
@click.option("--images", "count", default=IMAGES, show_default=True, metavar="N")
@click.option("--scale", default=1.0, show_default=True, help="1 is 20 MB for a base.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, metavar="N")
@click.option("--loop/--no-loop", default=True, help="Also run the single reports.")
def main(count: int, scale: float, jobs: int, loop: bool) -> None:
    """Measure `layerscope fleet` beside a loop of single cold reports."""
    with tempfile.TemporaryDirectory(prefix="layerscope-bench-") as name:
        folder = Path(name)
        paths = [
            write_image(image, folder / f"{number:05}.tar")
            for number, image in enumerate(images(count, scale))
        ]
        stored = sum(path.stat().st_size for path in paths)
        print(f"{count:,} images, {stored / 1e6:.0f} MB of archives")
        command = ["fleet", str(folder), "--jobs", str(jobs), "--format", "json"]
        took, out = run([command], folder / "cache")
        totals = json.loads(out)["fleet"]["totals"]
        assert (totals["images"], totals["failedImages"]) == (count, 0)
        print(f"fleet, {totals['distinctLayers']:,} distinct layers: {took}")
        again, _ = run([command], folder / "cache")
        print(f"fleet again, from the cache: {again}")
        if loop:
            reports = [["report", str(path), "--format", "json", "--no-cache"] for path in paths]
            each, _ = run(reports, folder / "none")
            print(f"loop of reports: {each}")
            print(f"fleet takes 1/{each.wall / took.wall:.1f} of the time, 1/{each.cpu / took.cpu:.1f} of the CPU time; at most 1/{SHARE} is wanted")  # fmt: skip


if __name__ == "__main__":
    main()
