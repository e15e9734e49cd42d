"""What `layerscope fleet` takes for fifty images over six bases, beside a loop of single reports, and for thousands of small images.

`python -m bench.fleet --save` runs everything and keeps the figures in `fleet.json`. `--images 24 --scale 0.3` runs one fleet of
another size, for a quick look.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
import msgspec

from bench.bytecode import compile_program
from bench.fleet_images import IMAGES, images, write_image
from bench.measure import Program, by_turns
from bench.results import commit, machine

RESULTS = Path(__file__).with_name("fleet.json")
SHARE = 4
"""The loop takes at least this many times as long."""
MOST_MEMORY = 300_000_000
"""Bytes that the process of the command itself takes at most."""
SMALL = ((500, 0.002), (2000, 0.002))
"""Fleets of small images: how many, and of what scale."""


class Row(msgspec.Struct, frozen=True):
    """What one command, or the loop of reports, took."""

    what: str
    images: int
    layers: int
    """Distinct ones."""
    archives: int
    """Bytes of all archives."""
    wall: float
    cpu: float
    """Seconds of all processes."""
    memory: int
    """Most bytes that the process of a command itself had resident."""


class Results(msgspec.Struct, frozen=True):
    """All of one run."""

    commit: str
    date: str
    machine: str
    rows: list[Row]


def measure(count: int, scale: float, jobs: int, *, loop: bool) -> list[Row]:
    """Make a fleet, run `fleet` without and with what its first run cached, and the single reports if `loop`."""
    with tempfile.TemporaryDirectory(prefix="layerscope-bench-") as name:
        folder = Path(name, "images")
        folder.mkdir()
        paths = [
            write_image(image, folder / f"{number:05}.tar")
            for number, image in enumerate(images(count, scale))
        ]
        archives = sum(path.stat().st_size for path in paths)
        layers = 0

        def check(out: Path) -> str | None:
            nonlocal layers
            totals = json.loads(out.read_bytes())["fleet"]["totals"]
            layers = totals["distinctLayers"]
            if (totals["images"], totals["failedImages"]) != (count, 0):
                return f"the fleet has {totals['images']} images, of which {totals['failedImages']} failed"
            return None

        def row(what: str, *commands: list[str], check: Callable[[Path], str | None] | None = None) -> Row:  # fmt: skip
            program = Program(
                what,
                1,
                [[sys.executable, "-m", "layerscope", *command] for command in commands],
                {"LAYERSCOPE_CACHE_DIR": str(Path(name, "cache"))},
                check=check,
            )
            result = by_turns([program], lambda _: None)[0]
            if result.problem is not None:
                raise click.ClickException(f"{what}: {result.problem}")
            return Row(what, count, layers, archives, result.wall, result.cpu, result.memory)

        fleet = ["fleet", str(folder), "--jobs", str(jobs), "--format", "json"]
        rows = [
            row("`fleet`", fleet, check=check),
            row("`fleet` again, from the cache", fleet, check=check),
        ]
        if loop:
            reports = [["report", str(path), "--format", "json", "--no-cache"] for path in paths]
            rows.append(row("a loop of single reports", *reports))
        return rows


def load(path: Path = RESULTS) -> Results:
    """The figures of the last run that was kept."""
    return msgspec.json.decode(path.read_bytes(), type=Results)


def table(results: Results) -> str:
    """The figures as a Markdown table, and what they say an image and a layer cost."""
    lines = [
        "| images | distinct layers | archives | command | time | CPU time | memory |",
        "|---:|---:|---:|---|---:|---:|---:|",
    ]
    lines += (
        f"| {row.images:,} | {row.layers:,} | {row.archives / 1e6:.0f} MB | {row.what}"
        f" | {row.wall:.1f} s | {row.cpu:.1f} s | {row.memory / 1e6:.0f} MB |"
        for row in results.rows
    )
    first, _, loop, *_, most, again = results.rows
    image, layer = again.cpu / again.images, (most.cpu - again.cpu) / most.layers
    note = (
        f"Fifty images together take 1/{loop.wall / first.wall:.1f} of the time of single reports."
        f" Of small ones, an image costs {1000 * image:.0f} ms of CPU time, and a distinct layer {1000 * layer:.0f} ms once."
        f" Memory is that of the command's own process. Commit {results.commit}, {results.date}; {results.machine}."
    )
    return "\n".join([*lines, "", note]) + "\n"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--images", "count", default=IMAGES, show_default=True, metavar="N")
@click.option("--scale", default=1.0, show_default=True, help="1 is 20 MB for a base.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, metavar="N")
@click.option("--loop/--no-loop", default=True, help="Also run the single reports.")
@click.option("--save", is_flag=True, help="Run everything, and keep the figures in fleet.json.")
def main(count: int, scale: float, jobs: int, loop: bool, save: bool) -> None:
    """Measure `layerscope fleet` beside a loop of single cold reports."""
    compile_program()
    measured = commit() if save else ""
    rows = measure(count, scale, jobs, loop=loop or save)
    if save:
        rows += [row for fleet in SMALL for row in measure(*fleet, jobs, loop=False)]
    for row in rows:
        print(
            f"{row.images:,} images, {row.layers:,} layers, {row.archives / 1e6:.0f} MB, {row.what}:"
            f" {row.wall:.1f} s, {row.cpu:.1f} s of CPU, {row.memory / 1e6:.0f} MB"
        )
    if loop or save:
        print(
            f"1/{rows[2].wall / rows[0].wall:.1f} of the time, 1/{rows[2].cpu / rows[0].cpu:.1f} of the CPU time"
            f" of single reports; at most 1/{SHARE} is wanted"
        )
    print(f"at most {max(row.memory for row in rows if 'fleet' in row.what) / 1e6:.0f} MB; {MOST_MEMORY / 1e6:.0f} MB are allowed")  # fmt: skip
    if save:
        date = datetime.datetime.now(datetime.UTC).date().isoformat()
        results = Results(measured, date, machine(), rows)
        RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")


if __name__ == "__main__":
    main(prog_name="python -m bench.fleet")
