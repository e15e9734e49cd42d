"""A series of releases as text: what each update fetches and why, then the costliest steps."""

from __future__ import annotations

from typing import BinaryIO

from layerscope.analysis.series.hop import Hop
from layerscope.opening.series import OpenedSeries
from layerscope.report.console import Console, widest, write_heading
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
from layerscope.report.text import NARROWEST, WIDEST
from layerscope.text import bar, clip, clip_start, count_of, safe_name, size

HOPS = 50
"""Maximum updates that are listed: the last ones."""
CHARGES = 3
STEPS = 10
"""Maximum rows of each kind."""
_FIX_LINES = 60
"""Maximum lines of a fix."""
_NAME = 24
"""Columns that names of releases are clipped to."""


def write(opened: OpenedSeries, stream: BinaryIO, options: ReportOptions) -> None:
    """Write the figures of the series, its updates, and its costliest steps."""
    console = Console(stream, min(max(options.width, NARROWEST), WIDEST), color=options.color)
    series = opened.series
    count = count_of(len(series.names), "release")
    console.flow(
        [
            part
            for part in (
                (common_name(series.names), "bold"),
                (f"{count} {opened.order.word}", "dim"),
            )
            if part[0]
        ],
        between="  ",
    )
    console.paragraph(summary_words(series, binary=options.binary_sizes), "bold")
    _write_hops(console, opened, options)
    _write_costs(console, opened, options)
    _write_order(console, opened, options)
    for damage in opened.damages[:HOPS]:
        console.line()
        console.paragraph(f"{safe_name(damage)}.", "bold red")
    console.flush()


def _write_hops(console: Console, opened: OpenedSeries, options: ReportOptions) -> None:
    """Write what users of the previous release fetch for each release."""
    series = opened.series
    write_heading(console, "Fetched for each release", ("by those who have the one before", "dim"))
    console.line()
    names = [clip_start(name, _NAME) for name in short_names(series.names)]
    first = max(len(series.hops) - HOPS, 0)
    if first:
        earlier = count_of(first, "earlier release")
        console.line("  ", (f"… {earlier}: see --format json", "dim"))
    shown = list(zip(names[1:], series.hops, strict=True))[first:]
    sizes = [amount_words(hop, binary=options.binary_sizes) for _, hop in shown]
    name_width, width = widest(names), widest(sizes)
    room = max(min(console.width - name_width - width - 42, 40), 8)
    for (name, hop), amount in zip(shown, sizes, strict=True):
        share = share_words(hop.unchanged, hop.content) if hop.layers else "nothing new"
        console.line(
            f"  {name:<{name_width}}  {amount:>{width}}  ",
            (f"{bar(hop.bytes, series.largest, room):<{room}}", "blue"),
            (f"  {count_of(len(hop.layers), 'layer')}, {share}" if hop.layers else f"  {share}", "dim"),
        )  # fmt: skip
        _write_charges(console, hop, name_width + 4, options)


def _write_charges(console: Console, hop: Hop, indent: int, options: ReportOptions) -> None:
    rows = list(charge_rows(hop))
    sizes = [size(row.bytes, binary=options.binary_sizes) for row in rows[:CHARGES]]
    width = widest(sizes)
    room = console.width - indent - width - 2
    for row, amount in zip(rows, sizes, strict=False):
        console.line(" " * indent, (f"{amount:>{width}}", "dim"), f"  {clip(row.step, room)}")
        console.line(" " * (console.width - room), (clip(row.reason, room), "yellow"))
    if len(rows) > CHARGES:
        rest = sum(row.bytes for row in rows[CHARGES:])
        more = count_of(len(rows) - CHARGES, "more step")
        words = f"… and {more}, {size(rest, binary=options.binary_sizes)}"
        console.line(" " * indent, (words, "dim"))


def _write_costs(console: Console, opened: OpenedSeries, options: ReportOptions) -> None:
    """Write which steps cost most over the series."""
    series = opened.series
    if not series.compressed:
        console.line()
        console.line(("* not all layers are compressed: of those, bytes of the tar", "dim"))
    rows = list(cost_rows(series))
    if not rows:
        return
    write_heading(console, "Costliest steps", ("in all updates together", "dim"))
    console.line()
    sizes = [size(row.bytes, binary=options.binary_sizes) for row in rows[:STEPS]]
    width = widest(sizes)
    room = console.width - width - 4
    for row, amount in zip(rows, sizes, strict=False):
        console.line(f"  {amount:>{width}}  {clip(row.step, room)}")
        words = f"{count_of(row.hops, 'update')}, {row.unchanged}, {row.causes}"
        console.line(" " * (width + 4), (clip(words, room), "dim"))
    if len(rows) > STEPS:
        console.line("  ", (f"… and {count_of(len(rows) - STEPS, 'more step')}", "dim"))


def _write_order(console: Console, opened: OpenedSeries, options: ReportOptions) -> None:
    """Write the order that would have saved most, as a change of the Dockerfile."""
    row = order_row(opened, binary=options.binary_sizes)
    if row is None:
        return
    write_heading(console, "Another order", (row.confidence, "dim"))
    console.line()
    console.paragraph(f"{row.title}.", indent=2)
    console.paragraph(row.saved, "green", indent=2)
    console.line()
    for line in row.lines[:_FIX_LINES]:
        style = {"-": "red", "+": "green", "#": "dim"}.get(line[:1], "")
        console.line("    ", (line, style))
    for note in row.notes:
        console.paragraph(note, "dim", indent=4)
