"""Prints the results."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.cases import Case, Outcome
from bench.images import Image
from bench.measure import Result
from bench.results import times

WIDTH = 120
"""Columns if the output is not a terminal."""


def print_table(outcomes: Sequence[Outcome], scale: float) -> None:
    """One table of all cases, the images below it, then the machine."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("")
    table.add_column("program", no_wrap=True)
    for heading in ("wall", "min–max", "CPU", "memory"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("against the peer")
    for outcome in outcomes:
        table.add_row(outcome.case.letter, *_cells(outcome.ours), _verdict(outcome))
        table.add_row("", *_cells(outcome.peer), _problem_text(outcome.peer))
        table.add_row()
    console.print(table)
    for outcome in outcomes:
        console.print(f"{outcome.case.letter}: {outcome.case.what}")
        console.print(f"   {_description(outcome.case, outcome.image)}")
    if scale != 1:
        console.print(f"Images of scale {scale:g}; the targets are meant for scale 1.")
    console.print(
        "\n×3: runs; wall, CPU (user + system): medians, in seconds; memory: highest peak;"
        f"\n{os.cpu_count()} CPUs, {platform.system()} {platform.machine()},"
        f" Python {platform.python_version()}; files in the page cache, layerscope's own cache empty"
    )


def _cells(result: Result) -> list[str]:
    if not result.runs:
        return [result.program.label, "–", "–", "–", "–"]
    walls = [run.wall for run in result.runs]
    count = f" ×{len(walls)}"
    return [
        result.program.label + count,
        f"{result.wall:.2f}",
        f"{min(walls):.2f}–{max(walls):.2f}",
        f"{result.cpu:.2f}",
        f"{result.memory / 1e6:.0f} MB",
    ]


def _verdict(outcome: Outcome) -> Text:
    """The ratios, and whether they meet the targets."""
    case, ours, peer = outcome.case, outcome.ours, outcome.peer
    if ours.problem is not None:
        return _problem_text(ours)
    if not peer.runs:
        return Text("nothing to compare with", style="yellow")
    verdict = _ratio_text("wall", ours.wall / peer.wall, case.wall_target)
    verdict.append(", ")
    verdict.append_text(_ratio_text("memory", ours.memory / peer.memory, case.memory_target))
    return verdict


def _ratio_text(what: str, ratio: float, target: float | None) -> Text:
    if target is None:
        return Text(f"{what} {times(ratio)}")
    met = ratio <= target
    text = Text(f"{what} {times(ratio)} (≤ {times(target)}: ")
    text.append("met" if met else "missed", style="green" if met else "red")
    return text.append(")")


def _problem_text(result: Result) -> Text:
    return Text(result.problem or "", style="red")


def _description(case: Case, image: Image) -> str:
    kind = "OCI archive, gzip layers" if case.recipe.oci else "Docker archive, plain layers"
    return (
        f"{image.entries:,} entries in {image.layers} layers, {image.content_bytes / 1e9:.2f} GB of"
        f" contents, {image.deletions} deletions; {kind}, {image.size / 1e9:.2f} GB"
    )
