"""Tables of the HTML report: steps, waste, duplicates."""

from __future__ import annotations

from collections.abc import Iterator

from layerscope.analysis.findings.fixes import instruction_text
from layerscope.opening.open import Opened
from layerscope.report.html_map import stack
from layerscope.report.html_parts import (
    code,
    dot,
    escaped,
    fitting,
    hues,
    left_out,
    number,
    path_code,
    section,
    share,
    table,
)
from layerscope.report.issues import fix_text
from layerscope.report.options import ReportOptions
from layerscope.report.rows import (
    StepRow,
    layer_label,
    safe_path,
    step_rows,
    waste_rows,
)
from layerscope.text import clip_start, count_of, safe_name, size

ROWS = 1000
"""Rows of a table at most."""
ROOM = 380_000
"""Bytes of a table at most: no page is larger than 2 MB."""
_COPIES = 20
"""Paths of a duplicate that are listed."""
_SHORT = 90
"""Characters of an instruction that need no unfolding."""


def steps_section(opened: Opened, options: ReportOptions) -> str:
    """All steps in the order of the build."""
    steps = opened.image.steps
    if not steps:
        return section("Steps", "This image has no layers and no steps.", "")
    titles = [("layer", ""), ("size", "n"), ("share", "far"), ("wasted", "n"), ("step", "")]
    rows = fitting(_steps(opened, options), ROWS, ROOM)
    body = f"{stack(opened, options)}\n{table(titles, rows)}\n{left_out(len(steps) - len(rows), 'step')}"
    note = f"{count_of(len(steps), 'step')}, {count_of(len(opened.image.layers), 'layer')}"
    if opened.accounting.wasted:
        note += "; the dark edge is what is wasted"
    return section("Steps", note, body)


def _steps(opened: Opened, options: ReportOptions) -> Iterator[str]:
    colors, stored, binary = hues(opened), opened.accounting.stored, options.binary_sizes
    for row in step_rows(opened):
        layer = row.step.layer
        if layer is None:
            yield (
                f'<tr class="meta"><td data-v="-1">·</td>{number(0, "")}'
                f'<td class="far" data-v="0">metadata</td>{number(0, "")}<td class="wide">{_instruction(row, _line(opened, row))}</td></tr>'
            )
            continue
        note = f'<span class="note">{escaped(", ".join(row.notes))}</span>' if row.notes else ""
        wasted = size(row.wasted, binary=binary) if row.wasted else ""
        yield (
            f'<tr><td class="w" data-v="{layer}">{dot(colors[layer])}{layer}</td>'
            f"{number(row.stored, size(row.stored, binary=binary))}{share(row.stored, stored, colors[layer])}"
            f'{number(row.wasted, wasted, "waste")}<td class="wide">{_instruction(row, _line(opened, row))}{note}</td></tr>'
        )


def _instruction(row: StepRow, place: str) -> str:
    """The instruction and where it is written; a long one unfolds to what the Dockerfile may have had."""
    if len(row.text) <= _SHORT or row.step.instruction is None:
        return code(row.text) + place
    whole = fix_text(instruction_text(row.step))
    short = code(row.text[: _SHORT - 1].rstrip() + "…")
    return f"<details><summary>{short}{place}</summary><pre>{escaped(whole)}</pre></details>"


def _line(opened: Opened, row: StepRow) -> str:
    """Where it is written, if a Dockerfile tells."""
    written = opened.written
    if written is None or row.step.index not in written.spans:
        return ""
    place = f"{safe_name(written.name)}:{written.spans[row.step.index][0]}"
    return f'<span class="place">{escaped(clip_start(place, 40))}</span>'


def waste_section(opened: Opened, options: ReportOptions) -> str:
    """The largest files that are stored and not shown, and why."""
    waste, binary = opened.accounting.waste, options.binary_sizes
    if not len(waste):
        return section("Waste", "Nothing is wasted in this image.", "")
    reasons = " · ".join(
        f"{reason.word} {size(count, binary=binary)}" for reason, count in waste.by_reason().items()
    )
    titles = [("bytes", "n"), ("path", ""), ("why", ""), ("stored in", "far"), ("hidden by", "far")]
    rows = fitting(
        (
            f'<tr>{number(row.bytes, size(row.bytes, binary=binary))}<td class="wide">{path_code(row.path)}</td>'
            f'<td class="w">{row.reason}</td>{_layer(opened, row.stored_in)}{_layer(opened, row.hidden_by)}</tr>'
            for row in waste_rows(opened, ROWS)
        ),
        ROWS,
        ROOM,
    )
    total = size(opened.accounting.wasted, binary=binary)
    note = f"{total} in {count_of(len(waste), 'file')}: {reasons}"
    return section(
        "Waste", note, f"{table(titles, rows)}\n{left_out(len(waste) - len(rows), 'file')}"
    )


def _layer(opened: Opened, layer: int) -> str:
    return f'<td class="far w" data-v="{layer}">{escaped(layer_label(opened, layer))}</td>'


def duplicates_section(opened: Opened, options: ReportOptions) -> str:
    """The contents that would save most if they were stored once; nothing where there are none."""
    found, binary = opened.duplicates, options.binary_sizes
    if not found:
        return ""
    rows = fitting(
        (
            f"<tr>{number(each.saving, size(each.saving, binary=binary))}"
            f'{number(len(each.paths), f"{len(each.paths):,}")}<td class="wide">{_copies(opened, each.paths)}</td></tr>'
            for each in found
        ),
        ROWS,
        ROOM,
    )
    titles = [("saving", "n"), ("copies", "n"), ("paths", "")]
    saving = size(sum(each.saving for each in found), binary=binary)
    note = f"{saving} in further copies of {count_of(len(found), 'file')}, not counted as wasted"
    return section(
        "Duplicates", note, f"{table(titles, rows)}\n{left_out(len(found) - len(rows), 'file')}"
    )


def _copies(opened: Opened, paths: tuple[int, ...]) -> str:
    shown = [path_code(safe_path(opened, path)) for path in paths[:_COPIES]]
    more = len(paths) - len(shown)
    rest = shown[1:] + ([f'<span class="quiet">… and {more:,} more</span>'] if more else [])
    return f"<details><summary>{shown[0]}</summary>{'<br>'.join(rest)}</details>"
