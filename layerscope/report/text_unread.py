"""The text report for an image whose layers were not fetched: what is known without them, and what is unknown."""

from __future__ import annotations

from layerscope.image.summary import one_line
from layerscope.opening.opened import Opened
from layerscope.report.console import Console, widest
from layerscope.report.headline import facts
from layerscope.report.options import ReportOptions
from layerscope.text import clip, count_of, safe_name, size
from layerscope.words import Extent, StepKind

_NONE = "?"


def write_notice(console: Console, opened: Opened) -> None:
    """Write what the figures cover, if layers were not read."""
    unknown, count = opened.unknown_layers, len(opened.indexes)
    if opened.fully_read:
        return
    if unknown:
        console.paragraph(
            f"{len(unknown):,} of {count_of(count, 'layer')} unknown: without a table of contents, --headers-only cannot list "
            "files. What is stored, wasted and live in the image is unknown, too.",
            "bold yellow",
        )
    else:
        console.paragraph(
            "From tables of contents: no layer was fetched, no layer digest was checked, and findings were not searched for.",
            "bold yellow",
        )


def write_known(console: Console, opened: Opened, options: ReportOptions) -> None:
    """Write the facts that do not depend on unknown layers, and a row per step."""
    image, binary = opened.image, options.binary_sizes
    console.flow((fact, "") for fact in facts(opened, options))
    console.line()
    rows = []
    for step in image.steps:
        line = safe_name(one_line(step))
        if step.layer is None:
            rows.append(("·", "", "", StepKind.METADATA.word, line))
            continue
        index = opened.indexes[step.layer]
        compressed, listed = index.compressed_bytes, index.extent is not Extent.UNKNOWN
        rows.append(
            (
                str(step.layer),
                _NONE if compressed is None else size(compressed, binary=binary),
                size(opened.accounting.layers[step.layer].stored, binary=binary)
                if listed
                else _NONE,
                count_of(len(index), "entry", "entries") if listed else "unknown",
                line,
            )
        )
    titles = ("#", "compressed", "stored", "", "instruction")
    widths = [
        max(widest([row[column] for row in rows]) if rows else 0, len(titles[column]))
        for column in range(4)
    ]
    room = console.width - sum(widths) - 2 * 5
    for number, row in enumerate([titles, *rows]):
        first, compressed_text, stored, entries, line = row
        console.line(
            (
                f"  {first:>{widths[0]}}  {compressed_text:>{widths[1]}}  {stored:>{widths[2]}}  "
                f"{entries:<{widths[3]}}  {clip(line, max(room, 8))}",
                "dim" if number == 0 or first == "·" else "",
            )
        )
