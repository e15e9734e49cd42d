"""Time to open an image from the stores of engines: `python -m bench.stores`.

The same image is in Docker's and in Podman's store; it is read there, through the engine, through `docker save`, and by dive.
Programs run in turns; each of layerscope's commands runs with an empty cache, and again with the filled one.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from bench import images
from bench.cases import dive_passed, find_program, reports_contents_of, version_of
from bench.engines import EngineError, dockerd, podman_load, temporary_folder_in
from bench.images import Image, Recipe
from bench.measure import Program, Result, run_in_turns

RECIPES = {"large": images.LARGE, "layered": images.LAYERED}


@dataclass(frozen=True, slots=True)
class Places:
    """Where the image is."""

    reference: str
    host: str
    """Docker's address."""
    docker: Path
    """The root of Docker's store."""
    podman: Path
    """The root of Podman's store."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--image", "name", type=click.Choice(list(RECIPES)), default="large", show_default=True)  # fmt: skip
@click.option("--scale", type=click.FloatRange(0, min_open=True), default=1.0, metavar="F", help="Images of F times the files.")  # fmt: skip
@click.option("--runs", type=click.IntRange(1), default=3, show_default=True, metavar="N", help="Runs of layerscope.")  # fmt: skip
@click.option("--dive-runs", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="Runs of dive.")  # fmt: skip
@click.option("--place", type=click.Path(path_type=Path, file_okay=False), default=tempfile.gettempdir(), show_default=True, help="Where stores are made: about three times the image.")  # fmt: skip
def main(name: str, scale: float, runs: int, dive_runs: int, place: Path) -> None:
    """Measure opening an image from stores and engines, in one run."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # engines are ended, stores removed
    recipe: Recipe = RECIPES[name]
    image = images.existing(recipe, scale) or images.make(recipe, scale)
    archive = images.FOLDER / image.path
    try:
        with temporary_folder_in(place) as folder, dockerd(folder, archive) as (host, docker):
            places = Places(f"bench/{recipe.name}:latest", host, docker, podman_load(folder, archive))  # fmt: skip
            results = run_in_turns(programs(places, image, folder, runs, dive_runs), _log)
    except EngineError as error:
        _log(str(error))
        sys.exit(1)
    _print(results)
    sys.exit(any(result.problem for result in results))


def programs(
    places: Places, image: Image, folder: Path, runs: int, dive_runs: int
) -> Sequence[Program]:
    """All programs, in the order of their turns."""
    report = [sys.executable, "-m", "layerscope", "report", "--format", "json"]
    engine = {"DOCKER_HOST": places.host}
    reference = places.reference
    saved = ["sh", "-c", 'docker save "$0" | "$@" -', reference, *report]
    ways = (
        ("Docker's store", [*report, f"docker-store://{reference}", "--store-root", str(places.docker)]),
        ("Podman's store", [*report, f"containers-storage://{reference}", "--store-root", str(places.podman)]),
        ("Docker's engine", [*report, f"docker://{reference}"]),
    )  # fmt: skip
    check = reports_contents_of(image)
    programs: list[Program] = [
        Program("docker save | layerscope -", runs, [saved], engine, "LAYERSCOPE_CACHE_DIR", check)
    ]
    for number, (words, command) in enumerate(ways):
        cached = {**engine, "LAYERSCOPE_CACHE_DIR": str(folder / f"cache-{number}")}
        programs += (
            Program(words, runs, [command], engine, "LAYERSCOPE_CACHE_DIR", check),
            # One more run than counted: the first one fills the cache.
            Program(f"{words}, again", runs + 1, [command], cached, check=check),
        )
    dive = find_program("dive")
    rules = ["--lowestEfficiency", "0", "--highestUserWastedPercent", "1"]
    if dive is not None:
        version = version_of(dive, "--version")
        command = [dive, f"docker://{reference}", *rules]
        environment = {**engine, "CI": "true"}
        programs.append(Program(f"dive {version}", dive_runs, [command], environment, check=dive_passed))  # fmt: skip
    return programs


def _print(results: Sequence[Result]) -> None:
    """A line for each program."""
    for result in results:
        label = result.program.label
        if label.endswith(", again"):
            del result.runs[:1]
        if not result.runs:
            print(f"{label:<30} {result.problem or 'no run'}")
            continue
        walls = [run.wall for run in result.runs]
        print(
            f"{label:<30} {result.wall:7.2f} s ({min(walls):.2f}-{max(walls):.2f}) x{len(walls)},"
            f" CPU {result.cpu:6.2f} s, {result.memory / 1e6:5.0f} MB"
        )


def _log(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(prog_name="python -m bench.stores")
