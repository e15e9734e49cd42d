"""The figures of two images side by side."""

from __future__ import annotations

from collections.abc import Iterator

from layerscope.opening.opened import Opened
from layerscope.report.console import Console, growth_style, signed, widest
from layerscope.report.options import ReportOptions
from layerscope.report.schema import totals_document
from layerscope.text import percent, size

_SIZES = {
    "storedBytes": "stored",
    "liveBytes": "live",
    "wastedBytes": "wasted",
    "compressedBytes": "compressed",
    "avoidableBytes": "avoidable",
}
_COUNTS = {"files": "files", "layers": "layers", "steps": "steps"}


def write_totals(console: Console, old: Opened, new: Opened, options: ReportOptions) -> None:
    """Write a table of both images' figures and their change, which is empty if one figure is unknown."""
    rows = list(total_rows(old, new, options.binary_sizes))
    widths = [widest(column) for column in zip(*(row[:4] for row in rows), strict=True)]
    titles = ("", "old", "new", "change")
    widths = [max(width, len(title)) for width, title in zip(widths, titles, strict=True)]
    console.line()
    heading = "  ".join(f"{title:>{width}}" for title, width in zip(titles, widths, strict=True))
    console.line(("  " + heading, "dim"))
    for name, before, after, change, delta in rows:
        console.line(
            f"  {name:<{widths[0]}}  {before:>{widths[1]}}  {after:>{widths[2]}}  ",
            (f"{change:>{widths[3]}}", growth_style(delta)),
        )


def total_rows(
    old: Opened, new: Opened, binary: bool
) -> Iterator[tuple[str, str, str, str, float]]:
    """Name, old, new, change, and the change as a number: above 0 is worse."""
    old_totals, new_totals = totals_document(old), totals_document(new)
    for key, name in _SIZES.items():
        sides = (old_totals[key], new_totals[key])
        if sides != (None, None):
            before, after = (
                "unknown" if side is None else size(side, binary=binary) for side in sides
            )
            delta = 0 if None in sides else sides[1] - sides[0]
            yield name, before, after, signed(delta, binary=binary) if delta else "", delta
        if name == "wasted":
            yield _efficiency(old.accounting.efficiency, new.accounting.efficiency)
    for key, name in _COUNTS.items():
        delta = new_totals[key] - old_totals[key]
        yield (
            name,
            f"{old_totals[key]:,}",
            f"{new_totals[key]:,}",
            f"{delta:+,}" if delta else "",
            0,
        )


def _efficiency(before: float, after: float) -> tuple[str, str, str, str, float]:
    """The row of efficiency, in percentage points; less is worse."""
    points = f"{100 * (after - before):+.1f} points"
    delta = "" if points[1:] == "0.0 points" else points
    return "efficiency", percent(before, 1), percent(after, 1), delta, before - after
