"""The worst offenders of a check, for people."""

from __future__ import annotations

from layerscope.analysis.gate.verdict import Check, Offender, Outcome, Unit
from layerscope.image.summary import one_line, step_name
from layerscope.opening.opened import Opened
from layerscope.report.console import Console, padded, widest
from layerscope.report.gate.table import GLYPHS, STYLES
from layerscope.report.options import ReportOptions
from layerscope.report.rows import line_words
from layerscope.report.text_findings import write_finding
from layerscope.text import cells, clip, clip_start, count_of, safe_name, size

SHOWN = {Outcome.FAIL: 10, Outcome.WARN: 3}
"""Maximum offenders shown for a check, by its outcome."""
_MIN_WIDTH = 30
"""Columns that a path needs beside its note; with less room the note goes on its own line."""


def write_offenders(
    console: Console,
    opened: Opened,
    check: Check,
    options: ReportOptions,
    same_as: str | None = None,
) -> None:
    """Write a section on a check that does not pass. `same_as` names an earlier check with the same offenders."""
    name = f"{GLYPHS[check.outcome]} {safe_name(check.rule)}"
    message = safe_name(check.message.removesuffix("."))
    console.line()
    if cells(name) + 2 + cells(message) <= console.width:
        console.line((name, f"bold {STYLES[check.outcome]}"), "  ", message)
    else:
        console.line((name, f"bold {STYLES[check.outcome]}"))
        console.paragraph(message, indent=2)
    if check.place != "default":
        console.line("  ", (clip(f"set by {safe_name(check.place)}", console.width - 2), "dim"))
    if same_as is not None:
        console.line("  ", (f"the same files as under {same_as}", "dim"))
        return
    limit = SHOWN.get(check.outcome, 0)
    shown = check.offenders[:limit]
    if any(offender.finding is not None for offender in shown):
        _write_findings(console, opened, check, shown, options)
    else:
        _write_paths(console, opened, check, shown, options)
    left_out = check.offender_count - len(shown)
    if left_out > 0:
        word = {Unit.FINDINGS: "finding", Unit.LAYERS: "layer", Unit.PATHS: "path"}.get(
            check.unit, "layer" if shown and shown[0].path is None else "file"
        )
        more = count_of(left_out, f"more {word}", f"more {word}s")
        console.line("  ", (f"… and {more}", "dim"))


def _write_findings(
    console: Console,
    opened: Opened,
    check: Check,
    shown: tuple[Offender, ...],
    options: ReportOptions,
) -> None:
    """Write findings, with their fixes if they fail, on one line each if they only warn."""
    sizes = [size(offender.bytes or 0, binary=options.binary_sizes) for offender in shown]
    width = max(map(len, sizes))
    for offender, amount in zip(shown, sizes, strict=True):
        finding = offender.finding
        if finding is None:
            continue
        if check.outcome is Outcome.FAIL:
            write_finding(console, opened, finding, f"{amount:>{width}}")
            continue
        where = f"  {_place(opened, offender.step)}"
        title = clip(offender.note, max(console.width - width - 4 - cells(where), 20))
        console.line(
            "  ", (f"{amount:>{width}}", STYLES[check.outcome]), "  ", title, (where, "dim")
        )
        if offender.path is not None:
            more = f"  and {count_of(len(finding.paths) - 1, 'more file', 'more files')}" if len(finding.paths) > 1 else ""  # fmt: skip
            room = console.width - width - 4 - len(more)
            console.line(
                " " * (width + 4), (clip_start(safe_name(offender.path), room) + more, "dim")
            )


def _write_paths(
    console: Console,
    opened: Opened,
    check: Check,
    shown: tuple[Offender, ...],
    options: ReportOptions,
) -> None:
    """Write paths or layers with their bytes, place and note."""
    sizes = [
        "" if offender.bytes is None else size(offender.bytes, binary=options.binary_sizes)
        for offender in shown
    ]
    width = widest(sizes)
    notes = [_note(opened, offender) for offender in shown]
    room = console.width - 2 - width - 2
    beside = room - widest(notes) - 2
    names = [_name(opened, offender) for offender in shown]
    beside = min(beside, widest(names)) if beside >= min(_MIN_WIDTH, widest(names)) else 0
    for offender, amount, name, note in zip(shown, sizes, names, notes, strict=True):
        cut = clip if offender.path is None else clip_start
        start = ("  ", (f"{amount:>{width}}", STYLES[check.outcome]), "  ")
        if beside:
            console.line(*start, padded(cut(name, beside), beside), "  ", (note, "dim"))
        else:
            console.line(*start, cut(name, room))
            console.paragraph(note, "dim", indent=width + 4)


def _name(opened: Opened, offender: Offender) -> str:
    """A path, or the instruction of a layer."""
    if offender.path is not None:
        return safe_name(offender.path)
    return "" if offender.step is None else safe_name(one_line(opened.image.steps[offender.step]))


def _note(opened: Opened, offender: Offender) -> str:
    """The note on an offender, with its place."""
    parts = [offender.note]
    if offender.layer is not None and offender.path is not None:
        parts.insert(0, f"in layer {offender.layer}")
    if offender.path is None:
        parts.append(_place(opened, offender.step))
    elif offender.step is not None:
        parts.append(line_words(opened, [offender.step]))
    return ", ".join(part for part in parts if part)


def _place(opened: Opened, step: int | None) -> str:
    """A step, and its line in the Dockerfile."""
    if step is None:
        return "the image"
    name = safe_name(step_name(opened.image.steps[step]))
    return ", ".join(filter(None, [name, line_words(opened, [step])]))
