"""The figures of a complete run in `results.json`, and the tables for README and this folder's README."""

from __future__ import annotations

import datetime
import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.cases import Outcome
from bench.measure import Result

RESULTS = Path(__file__).with_name("results.json")


class Figures(msgspec.Struct, frozen=True):
    """The figures of a program's runs."""

    program: str
    runs: int
    wall: float
    """Median, in seconds."""
    least: float
    most: float
    cpu: float
    """Median of user and system time, in seconds."""
    memory: int
    """Highest peak of a process, in bytes."""


class Row(msgspec.Struct, frozen=True):
    """A case: layerscope beside its peer."""

    case: str
    what: str
    ours: Figures
    peer: Figures
    wall_target: float
    """Maximum ratio of layerscope's wall time to the peer's."""

    @property
    def ratio(self) -> float:
        """Wall time of layerscope divided by the peer's."""
        return self.ours.wall / self.peer.wall


class Results(msgspec.Struct, frozen=True):
    """All cases of one run, on one machine."""

    commit: str
    date: str
    machine: str
    rows: list[Row]


def save(outcomes: Sequence[Outcome], path: Path = RESULTS) -> None:
    """Write the figures of a run. Raises OSError, and ValueError if a case has no figures or there are uncommitted changes."""
    rows = [
        Row(
            outcome.case.letter,
            outcome.case.what,
            _figures(outcome.ours),
            _figures(outcome.peer),
            outcome.case.wall_target,
        )
        for outcome in outcomes
    ]
    results = Results(
        commit(),
        datetime.datetime.now(datetime.UTC).date().isoformat(),
        machine(),
        rows,
    )
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")


def load(path: Path = RESULTS) -> Results:
    """The figures of the last complete run."""
    return msgspec.json.decode(path.read_bytes(), type=Results)


def table(results: Results) -> str:
    """The figures as a Markdown table, with the commit and the machine."""
    lines = ["| | layerscope | compared with | ratio |", "|---|---:|---:|---:|"]
    lines += (
        f"| {row.what} | {_seconds(row.ours)} | {row.peer.program} {_seconds(row.peer)} | **{times(row.ratio)}** |"
        for row in results.rows
    )
    note = f"Measured at commit {results.commit} on {results.date} by `make bench`: medians; {results.machine}."
    return "\n".join([*lines, "", note]) + "\n"


def detailed_table(results: Results) -> str:
    """The same with ranges, memory and targets."""
    lines = [
        "| case | program | runs | wall | CPU | memory | ratio | target |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in results.rows:
        met = "met" if row.ratio <= row.wall_target else "missed"
        for figures, rest in (
            (row.ours, f"{times(row.ratio)} | ≤ {times(row.wall_target)}: {met}"),
            (row.peer, " | "),
        ):
            span = f"{figures.wall:.2f} s ({figures.least:.2f}–{figures.most:.2f})"
            case = row.case if figures is row.ours else ""
            lines.append(
                f"| {case} | {figures.program} | {figures.runs} | {span} | {figures.cpu:.2f} s"
                f" | {figures.memory / 1e6:.0f} MB | {rest} |"
            )
    note = f"Commit {results.commit}, {results.date}; {results.machine}."
    return "\n".join([*lines, "", note]) + "\n"


def times(ratio: float) -> str:
    """A ratio for people: 1/71, 0.8 ×, 1.6 ×."""
    if ratio >= 0.5:
        return f"{ratio:.3g} ×"
    return f"1/{1 / ratio:.3g}" if ratio > 0 else "0"


def _figures(result: Result) -> Figures:
    if not result.runs:
        raise ValueError(f"{result.program.label}: {result.problem}")
    walls = [run.wall for run in result.runs]
    return Figures(
        result.program.label,
        len(walls),
        round(statistics.median(walls), 3),
        round(min(walls), 3),
        round(max(walls), 3),
        round(result.cpu, 3),
        result.memory,
    )


def _seconds(figures: Figures) -> str:
    return f"{figures.wall:.2f} s" if figures.wall >= 0.1 else f"{1000 * figures.wall:.0f} ms"


def machine() -> str:
    """The machine and the Python that run the programs."""
    return f"{os.cpu_count()} CPUs, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def commit() -> str:
    """The commit that is measured. Raises ValueError if the program has uncommitted changes."""

    def git(*words: str) -> str:
        result = subprocess.run(
            ["git", *words], capture_output=True, text=True, check=False, cwd=Path(__file__).parent
        )
        if result.returncode:
            raise ValueError("this is no git checkout: figures need a commit")
        return result.stdout.strip()

    if git("status", "--porcelain", "--untracked-files=no", "--", "../layerscope"):
        raise ValueError("layerscope has changes that are not committed: figures need a commit")
    return git("rev-parse", "--short=10", "HEAD")
