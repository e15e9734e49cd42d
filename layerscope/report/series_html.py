"""A series of releases as HTML: one self-contained file with a chart of what each release makes its users fetch."""

from __future__ import annotations

from typing import BinaryIO

from layerscope.analysis.series.series import Series
from layerscope.opening.series import OpenedSeries
from layerscope.report.html import write_sections
from layerscope.report.html_columns import Bar, columns
from layerscope.report.html_parts import CELL, MAX_BYTES, ROWS, Section, macros, rows_that_fit
from layerscope.report.issues import issue_of
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
from layerscope.text import clip, count_of, percent, safe_name, size

_DAMAGES = 20
Cell = tuple[str, object, str]


def write(opened: OpenedSeries, stream: BinaryIO, options: ReportOptions) -> None:
    """Write the page."""
    series, binary = opened.series, options.binary_sizes
    count = f"{count_of(len(series.names), 'release')} {opened.order.word}"
    header = {
        "title": common_name(series.names) or count,
        "headline": [(summary_words(series, binary=binary), "stored")],
        "about": count if common_name(series.names) else "",
        "facts": [],
        "digests": "" if series.compressed else "* not all layers are compressed: of those, bytes of the tar",
        "bad": False,
        "figures": [
            ("a release", size(series.bytes_per_release, binary=binary), "on average"),
            ("largest", size(series.largest, binary=binary), ""),
            ("all updates", size(series.bytes, binary=binary), count_of(len(series.hops), "update")),
            ("unchanged", percent(series.unchanged, series.content), "of the content"),
        ],
        "damages": [clip(safe_name(damage), CELL) for damage in opened.damages[:_DAMAGES]],
    }  # fmt: skip
    sections = [
        _chart(series, options),
        _order(opened, options),
        _updates(series, options),
        _steps(series, options),
    ]
    write_sections(header, sections, stream, options)


def _chart(series: Series, options: ReportOptions) -> Section | None:
    """Bars of the fetched bytes; the share of unchanged content has another color."""
    if not series.bytes:
        return None
    bars = []
    for name, hop in zip(short_names(series.names)[1:], series.hops, strict=True):
        amount = amount_words(hop, binary=options.binary_sizes)
        about = f"{name}  {amount}, {share_words(hop.unchanged, hop.content)}"
        unchanged = hop.bytes * hop.unchanged // hop.content if hop.content else 0
        bars.append(Bar(name, about, hop.bytes - unchanged, unchanged))
    body = columns(
        bars,
        "Bytes that are fetched for each release; below, the part of unchanged content",
        ("changed, as a share of the content", "unchanged"),
        options,
    )
    return Section("Fetched for each release", "by those who have the one before", body)


def _order(opened: OpenedSeries, options: ReportOptions) -> Section | None:
    """The order that would have saved most, as a finding with its fix."""
    if opened.reordering is None or (row := order_row(opened, binary=options.binary_sizes)) is None:
        return None
    issue = issue_of(opened.last, opened.reordering.finding, binary=options.binary_sizes)
    shown = macros(options).finding(issue, row.saved, issue.text, True, 0)
    return Section("Another order", row.confidence, macros(options).findings([shown], 0))


def _updates(series: Series, options: ReportOptions) -> Section:
    """All updates, with what each step had users fetch."""
    binary = options.binary_sizes
    rows: list[list[Cell]] = []
    for number, (name, hop) in enumerate(
        zip(short_names(series.names)[1:], series.hops, strict=True)
    ):
        charges = list(charge_rows(hop))
        words = [f"{row.step}: {row.reason} ({size(row.bytes, binary=binary)})" for row in charges]
        rows.append(
            [
                ("number", number, name),
                ("number", hop.bytes, amount_words(hop, binary=binary)),
                ("number", len(hop.layers), f"{len(hop.layers):,}"),
                ("word", None, share_words(hop.unchanged, hop.content) if hop.layers else ""),
                ("text", None, "; ".join(words) or "nothing new"),
            ]
        )
    titles = [
        ("release", "n"),
        ("fetched", "n"),
        ("layers", "n"),
        ("content", ""),
        ("began with", ""),
    ]
    shown = rows_that_fit((macros(options).cells(row) for row in rows), ROWS, MAX_BYTES)
    body = macros(options).listing(titles, shown, len(rows) - len(shown), "update")
    return Section("Updates", count_of(len(rows), "update"), body)


def _steps(series: Series, options: ReportOptions) -> Section | None:
    """What each step costs over the series."""
    costs = list(cost_rows(series))
    if not costs:
        return None
    rows: list[list[Cell]] = [
        [
            ("number", row.bytes, size(row.bytes, binary=options.binary_sizes)),
            ("number", row.hops, f"{row.hops:,}"),
            ("code", None, row.step),
            ("text", None, f"{row.causes}, {row.unchanged}"),
        ]
        for row in costs
    ]
    titles = [("fetched", "n"), ("updates", "n"), ("step", ""), ("causes", "")]
    shown = rows_that_fit((macros(options).cells(row) for row in rows), ROWS, MAX_BYTES)
    body = macros(options).listing(titles, shown, len(rows) - len(shown), "step")
    return Section("Costliest steps", "in all updates together", body)
