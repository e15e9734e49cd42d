"""A series of releases as rows that all formats share. All texts are safe to show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from layerscope.analysis.series.hop import Charge, FetchedLayer, Hop
from layerscope.analysis.series.layer_difference import LayerDifference
from layerscope.analysis.series.series import BASE, Series
from layerscope.filesystem.changes import WHY_NAMES
from layerscope.image.history import Step
from layerscope.image.summary import one_line
from layerscope.opening.series import OpenedSeries
from layerscope.report.issues import fix_text
from layerscope.report.rows import shown_path
from layerscope.text import count_of, percent, safe_name, size
from layerscope.words import Cause, Change

NAMED = 2
"""Paths that a line names."""
BASE_WORDS = "base image"


class ChargeRow(NamedTuple):
    """The bytes that users fetch in a hop because of one step."""

    bytes: int
    step: str
    """Its instruction, or `base image`."""
    cause: Cause
    reason: str
    """The cause, with the first of the paths that differ."""
    layers: int
    unchanged: str
    """How much of the content is unchanged."""


def short_names(names: Sequence[str]) -> list[str]:
    """Names without their common start, safe to show: `1.1` for registry://host/app:1.1."""
    start = _common(names)
    return [safe_name(name[start:]) for name in names]


def common_name(names: Sequence[str]) -> str:
    """The common start of all names, safe to show; "" if there is none."""
    return safe_name(names[0][: _common(names)].rstrip("/:@ "))


def _common(names: Sequence[str]) -> int:
    """Length of the common start of all names, up to a separator: 1.10 and 1.11 must not become 0 and 1."""
    first, last = min(names), max(names)
    common = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), 0)
    return max(first.rfind(mark, 0, common) for mark in "/:@ ") + 1


def step_words(step: Step, *, base: bool) -> str:
    """The instruction of a step on one line, or `base image`."""
    return BASE_WORDS if base else safe_name(one_line(step))


def charge_rows(hop: Hop) -> Iterator[ChargeRow]:
    """What each step made users fetch, most bytes first."""
    for charge in hop.charges:
        step = hop.steps[charge.place]
        own_layer = next((layer for layer in charge.layers if layer.place == charge.place), None)
        yield ChargeRow(
            charge.bytes,
            step_words(step.step, base=charge.cause is Cause.BASE),
            charge.cause,
            reason_words(hop, charge, own_layer),
            len(charge.layers),
            share_words(charge.unchanged, charge.content),
        )


def reason_words(hop: Hop, charge: Charge, own_layer: FetchedLayer | None) -> str:
    """The cause of a charge with details: the first paths that differ, or how the step changed."""
    step = hop.steps[charge.place]
    difference = None if own_layer is None else step.difference
    if charge.cause in (Cause.FILES, Cause.NOT_REPRODUCIBLE) and difference is not None:
        return f"{charge.cause.word}: {difference_words(difference)}"
    return hop.reason(charge)


def difference_words(difference: LayerDifference) -> str:
    """The first paths that differ and how, and the number of the others."""
    shown = [each for each in difference.listed if not _only_time(each.change, each.why)][:NAMED]
    words = [f"{shown_path(each.path)} {why_words(each.change, each.why)}" for each in shown]
    more = difference.paths - len(shown)
    return ", ".join(words) + (f" and {more:,} more" if more > 0 else "")


def _only_time(change: Change, why: int) -> bool:
    return change is Change.METADATA and [n for b, n in WHY_NAMES.items() if why & b] == ["mtime"]


def why_words(change: Change, why: int) -> str:
    """How a path differs: `added`, `content`, `mode and owner`."""
    if change in (Change.ADDED, Change.REMOVED):
        return change.word
    names = [name for bit, name in WHY_NAMES.items() if why & bit]
    if "content" in names and "mtime" in names:
        names.remove("mtime")  # new content has a new time
    return " and ".join(names)


def share_words(unchanged: int, content: int) -> str:
    """How much of some content is unchanged."""
    return f"{percent(unchanged, content)} unchanged" if content else "no content"


def amount_words(hop: Hop, *, binary: bool) -> str:
    """The bytes of a hop, with an asterisk if they are not all compressed."""
    return size(hop.bytes, binary=binary) + ("" if hop.compressed else "*")


def summary_words(series: Series, *, binary: bool) -> str:
    """What a release costs, in a sentence or two."""
    count = len(series.hops)
    plain = "" if series.compressed else " (uncompressed)"
    fetched = size(series.bytes_per_release, binary=binary)
    total = size(series.bytes, binary=binary)
    if not series.bytes:
        return "No release has a layer that the one before does not have."
    over = "" if count == 1 else f" on average, {total} in {count_of(count, 'update')}"
    first = f"A release makes its users fetch {fetched}{plain}{over}."
    if not series.content:
        return first
    return f"{first} {percent(series.unchanged, series.content)} of the content had not changed."


class OrderRow(NamedTuple):
    """Another order that would have saved something."""

    title: str
    """Which step comes too early."""
    saved: str
    """What a release would have fetched instead."""
    confidence: str
    lines: list[str]
    """The fix as a diff; as text if it is described in words."""
    notes: list[str]
    """What to check, as comments."""


def order_row(opened: OpenedSeries, *, binary: bool) -> OrderRow | None:
    """The order that would have saved the most; None if no order saves anything."""
    reordering = opened.reordering
    if reordering is None:
        return None
    finding, series = reordering.finding, opened.series
    per_release = size(sum(reordering.hops) // len(reordering.hops), binary=binary)
    before = size(series.bytes_per_release, binary=binary)
    saved = size(finding.bytes, binary=binary)
    return OrderRow(
        safe_name(finding.title),
        f"{saved} less in {count_of(len(series.hops), 'update')}: {per_release} a release instead of {before}",
        f"confidence {finding.confidence.value}",
        fix_text(finding.difference or finding.fix).split("\n"),
        [fix_text(note) for note in finding.notes] if finding.difference else [],
    )


class CostRow(NamedTuple):
    """What a step cost over the series."""

    bytes: int
    step: str
    hops: int
    causes: str
    unchanged: str


def cost_rows(series: Series) -> Iterator[CostRow]:
    """What each step cost, the costliest first."""
    for cost in series.costs():
        yield CostRow(
            cost.bytes,
            step_words(cost.step, base=cost.number == BASE),
            cost.hops,
            ", ".join(cost.reasons),
            share_words(cost.unchanged, cost.content),
        )
