"""Time and memory of `layerscope fleet` for fifty images over six bases, compared with a loop of single reports, and for thousands of
small images.

`python -m bench.fleet --save` runs everything and saves the figures in `fleet.json`. `--images 24 --scale 0.3` runs one fleet of
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
from bench.measure import Program, run_in_turns
from bench.results import commit, machine

RESULTS = Path(__file__).with_name("fleet.json")
MIN_SPEEDUP = 4
"""The loop takes at least this many times as long."""
MAX_MEMORY = 300_000_000
"""Maximum bytes of memory of the command's own process."""
SMALL = ((500, 0.002), (2000, 0.002))
"""Fleets of small images: their number and scale."""


class Row(msgspec.Struct, frozen=True):
    """The figures of one command, or of the loop of reports."""

    what: str
    images: int
    layers: int
    """Number of distinct layers."""
    archives: int
    """Bytes of all archives."""
    wall: float
    cpu: float
    """Seconds of all processes."""
    memory: int
    """Peak resident bytes of the command's own process."""


class Results(msgspec.Struct, frozen=True):
    """All figures of one run."""

    commit: str
    date: str
    machine: str
    rows: list[Row]


def measure(count: int, scale: float, jobs: int, *, loop: bool) -> list[Row]:
    """Make a fleet, run `fleet` with an empty and a filled cache, and with `loop` the single reports. Raises `ClickException`."""
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
            result = run_in_turns([program], lambda _: None)[0]
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
    """The figures of the last saved run."""
    return msgspec.json.decode(path.read_bytes(), type=Results)


def table(results: Results) -> str:
    """The figures as a Markdown table, with the costs of an image and of a layer."""
    lines = [
        "| images | distinct layers | archives | command | time | CPU time | memory |",
        "|---:|---:|---:|---|---:|---:|---:|",
    ]
    lines += (
        f"| {row.images:,} | {row.layers:,} | {row.archives / 1e6:.0f} MB | {row.what}"
        f" | {row.wall:.1f} s | {row.cpu:.1f} s | {row.memory / 1e6:.0f} MB |"
        for row in results.rows
    )
    fleet, _, loop, *_, large, again = results.rows
    image, layer = again.cpu / again.images, (large.cpu - again.cpu) / large.layers
    note = (
        f"Fifty images together take 1/{loop.wall / fleet.wall:.1f} of the time of single reports."
        f" Of small ones, an image costs {1000 * image:.0f} ms of CPU time, and a distinct layer {1000 * layer:.0f} ms once."
        f" Memory is that of the command's own process. Commit {results.commit}, {results.date}; {results.machine}."
    )
    return "\n".join([*lines, "", note]) + "\n"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--images", "count", default=IMAGES, show_default=True, metavar="N")
@click.option("--scale", default=1.0, show_default=True, help="1 is 20 MB for a base.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, metavar="N")
@click.option("--loop/--no-loop", default=True, help="Also run the single reports.")
@click.option("--save", is_flag=True, help="Run everything, and save the figures in fleet.json.")
def main(count: int, scale: float, jobs: int, loop: bool, save: bool) -> None:
    """Measure `layerscope fleet` beside a loop of single cold reports."""
    compile_program()
    commit_id = commit() if save else ""
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
            f" of single reports; at most 1/{MIN_SPEEDUP} is wanted"
        )
    print(f"at most {max(row.memory for row in rows if 'fleet' in row.what) / 1e6:.0f} MB; {MAX_MEMORY / 1e6:.0f} MB are allowed")  # fmt: skip
    if save:
        date = datetime.datetime.now(datetime.UTC).date().isoformat()
        results = Results(commit_id, date, machine(), rows)
        RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")


if __name__ == "__main__":
    main(prog_name="python -m bench.fleet")
