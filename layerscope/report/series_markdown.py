"""A series of releases as Markdown for a pull request comment, within GitHub's length limit."""

from __future__ import annotations

from typing import BinaryIO

from layerscope.opening.series import OpenedSeries
from layerscope.report.markdown import CELL, MAX_WARNINGS, Page
from layerscope.report.markdown_text import code, fenced, plain
from layerscope.report.options import ReportOptions
from layerscope.report.series_rows import (
    amount_words,
    charge_rows,
    common_name,
    cost_rows,
    order_row,
    share_words,
    short_names,
    summary_words,
)
from layerscope.text import clip, clip_start, count_of, safe_name, size

MARK = "<!-- layerscope series -->"
"""The first line, so that a script can find the comment to replace."""
_HOPS = 60
_STEPS = 20
"""Maximum rows of each kind."""
_REASON = 300
"""Characters of a reason."""


def write(opened: OpenedSeries, stream: BinaryIO, options: ReportOptions) -> None:
    """Write the figures, the updates with the step that began each, and the costliest steps."""
    page, binary, series = Page(MARK), options.binary_sizes, opened.series
    count = f"{count_of(len(series.names), 'release')} {opened.order.word}"
    name = code(clip_start(common_name(series.names), CELL))
    page.add(f"### {name} {count}" if name else f"### {count}")
    page.add(f"**{plain(summary_words(series, binary=binary))}**")
    for damage in opened.damages[:MAX_WARNINGS]:
        page.add(f"> ❌ {plain(safe_name(damage))}")
    first = max(len(series.hops) - _HOPS, 0)
    rows = []
    for new, hop in list(zip(short_names(series.names)[1:], series.hops, strict=True))[first:]:
        charges = list(charge_rows(hop))
        cause = (
            f"{code(clip(charges[0].step, CELL))}<br>{plain(clip(charges[0].reason, _REASON))}"
            if charges
            else "nothing new"
        )
        more = f"<br>and {count_of(len(charges) - 1, 'more step')}" if len(charges) > 1 else ""
        share = share_words(hop.unchanged, hop.content) if hop.layers else ""
        rows.append(
            f"| {code(clip_start(new, CELL))} | {amount_words(hop, binary=binary)} | {len(hop.layers):,} | {share} | {cause}{more} |"
        )
    shown = page.rows(
        "| release | fetched | layers | content | began with |\n|---|---:|---:|---|---|", rows
    )
    if first or shown < len(rows):
        page.note(f"… and {count_of(first + len(rows) - shown, 'more release')}.")
    if not series.compressed:
        page.note("\\* not all layers are compressed: of those, bytes of the tar.")
    costs = list(cost_rows(series))
    if costs:
        page.add("#### Costliest steps")
        shown = page.rows(
            "| bytes | updates | step | causes |\n|---:|---:|---|---|",
            (
                f"| {size(row.bytes, binary=binary)} | {row.hops:,} | {code(clip(row.step, CELL))} | {row.causes}, {row.unchanged} |"
                for row in costs[:_STEPS]
            ),
        )
        if shown < len(costs):
            page.note(f"… and {count_of(len(costs) - shown, 'more step')}.")
    row = order_row(opened, binary=binary)
    if row is not None:
        page.add("#### Another order")
        page.add(f"{plain(row.title)}. **{plain(row.saved)}** ({row.confidence})")
        page.add(fenced("\n".join([*row.lines, *row.notes]), "diff"))
    page.write(stream)
