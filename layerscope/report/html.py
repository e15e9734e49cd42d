"""The HTML report: one self-contained file without network access; its policy allows only its own script.

The elements are macros of `page.html`, which escapes every text; names are made safe to show (`text.safe_name`) first. A page
has at most 2 MB: each table has a limit in bytes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import BinaryIO

from markupsafe import Markup

from layerscope import __version__
from layerscope.analysis.findings.fixes import recorded_instruction
from layerscope.opening.opened import Opened, file_name
from layerscope.report.headline import digest_words, facts, figures, headline_of
from layerscope.report.html_map import hues, legend, maps, stack
from layerscope.report.html_packages import packages_section
from layerscope.report.html_parts import CELL, MAX_BYTES, ROWS, Section, macros, rows_that_fit
from layerscope.report.issues import Issue, fix_text, issues_of
from layerscope.report.options import ReportOptions
from layerscope.report.rows import layer_label, safe_path, step_rows, waste_rows
from layerscope.text import (
    clip,
    clip_start,
    count_of,
    percent,
    safe_name,
    size,
    whole_percent,
)

_FINDINGS = 200
_UNFOLDED = 3
"""Findings that start unfolded."""
_PATHS = 4
"""Paths of a finding that are shown unfolded."""
_COPIES = 20
"""Paths of a duplicate that are listed."""
_FOLD_LENGTH = 90
"""Longer instructions are folded."""
_WARNINGS = 100
_DAMAGES = 20


def write(opened: Opened, stream: BinaryIO, options: ReportOptions) -> None:
    """Write the page."""
    write_page(opened, stream, options, issues_of(opened, binary=options.binary_sizes))


def write_page(
    opened: Opened,
    stream: BinaryIO,
    options: ReportOptions,
    issues: Sequence[Issue],
    first: Section | None = None,
) -> None:
    """Write the page; `first` is a section above all others."""
    sections = (
        first,
        _findings(opened, issues, options),
        _steps(opened, options),
        _map(opened, options),
        _waste(opened, options),
        _duplicates(opened, options),
        packages_section(opened, options),
        _warnings(opened, options),
    )
    write_sections(_header(opened, options), sections, stream, options)


def write_sections(
    header: dict[str, object],
    sections: Sequence[Section | None],
    stream: BinaryIO,
    options: ReportOptions,
) -> None:
    """Write a page of these sections; `header` has what `page.html` shows at the top."""
    style, script = _resource("page.css"), _resource("page.js")
    page = macros(options).page(
        image=header,
        sections=[section for section in sections if section is not None],
        style=style,
        script=script,
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'",
        version=__version__,
    )
    stream.write(page.encode(errors="backslashreplace"))


def _resource(name: str) -> str:
    return (files("layerscope.report") / name).read_text("utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _header(opened: Opened, options: ReportOptions) -> dict[str, object]:
    """The values that `page.html` shows at the top."""
    image = opened.image
    name = "" if image.source_kind == "stdin" else file_name(image.reference)
    about = [str(image.platform), image.source_kind, name if name != image.title else ""]
    digests, state = digest_words(opened)
    figure_cells = [
        (name, amount, share.removesuffix(")"))
        for name, figure in figures(opened, options)
        for amount, _, share in [figure.partition(" (")]
    ]
    return {
        "title": safe_name(image.title),
        "about": "  ·  ".join(clip(safe_name(word), CELL) for word in about if word),
        "headline": [(words, role.value) for words, role in headline_of(opened, options)],
        "facts": list(facts(opened, options)),
        "digests": digests,
        "bad": state.bad,
        "figures": figure_cells,
        "damages": [
            safe_name(damage[0].upper() + damage[1:]) for damage in opened.damages()[:_DAMAGES]
        ],
    }


def _findings(opened: Opened, issues: Sequence[Issue], options: ReportOptions) -> Section | None:
    """The findings in the order in which to fix them, and their avoidable bytes."""
    findings, binary = opened.findings, options.binary_sizes
    if findings is None:
        return None
    if not issues:
        return Section("Findings", "No findings.")
    avoidable, stored = findings.saving(), opened.accounting.stored
    note = (
        f"{size(avoidable, binary=binary)} avoidable ({percent(avoidable, stored)}): "
        f"{size(stored, binary=binary)} → {size(stored - avoidable, binary=binary)}"
    )

    def rows() -> Iterator[Markup]:
        for number, issue in enumerate(issues):
            amount, _, why = issue.text.partition(". ") if issue.bytes else ("", "", issue.text)
            yield macros(options).finding(issue, amount, why, number < _UNFOLDED, _PATHS)

    shown = rows_that_fit(rows(), _FINDINGS, MAX_BYTES)
    body = macros(options).findings(shown, len(issues) - len(shown))
    return Section("What to fix first", note, body)


def _steps(opened: Opened, options: ReportOptions) -> Section:
    """All steps in the order of the build."""
    steps, stored = opened.image.steps, opened.accounting.stored
    if not steps:
        return Section("Steps", "This image has no layers and no steps.")
    colors, written = hues(opened), opened.dockerfile_lines

    def rows() -> Iterator[Markup]:
        for row in step_rows(opened):
            layer, place, short = row.step.layer, "", None
            if written is not None and row.step.index in written.spans:
                line = f"{safe_name(written.name)}:{written.spans[row.step.index][0]}"
                place = clip_start(line, 40)
            if len(row.text) > _FOLD_LENGTH and row.step.instruction is not None:
                short = row.text[: _FOLD_LENGTH - 1].rstrip() + "…"
            yield macros(options).step_row(
                {
                    "layer": layer,
                    "kind": row.kind.word,
                    "hue": 0 if layer is None else colors[layer],
                    "stored": row.stored,
                    "wasted": row.wasted,
                    "width": f"{100 * row.stored / stored:.2f}" if stored else "0",
                    "percent": whole_percent(row.stored, stored),
                    "text": row.text,
                    "short": short,
                    "whole": fix_text(recorded_instruction(row.step)) if short else "",
                    "place": place,
                    "notes": ", ".join(row.notes),
                }
            )

    shown = rows_that_fit(rows(), ROWS, MAX_BYTES)
    note = f"{count_of(len(steps), 'step')}, {count_of(len(opened.image.layers), 'layer')}"
    if opened.accounting.wasted:
        note += "; the dark edge is wasted"
    body = macros(options).steps(stack(opened, options), shown, len(steps) - len(shown))
    return Section("Steps", note, body)


def _map(opened: Opened, options: ReportOptions) -> Section | None:
    """The map of the final image, colored by layer, with a legend; None for an image without content."""
    if not opened.image.layers or not opened.accounting.live:
        return None
    drawings = [macros(options).map(*each) for each in maps(opened, options)]
    items, more = legend(opened)
    note = (
        f"{size(opened.accounting.live, binary=options.binary_sizes)} in the final image, by layer"
    )
    return Section("Map", note, macros(options).usage(drawings, items, more))


def _waste(opened: Opened, options: ReportOptions) -> Section:
    """The largest wasted files, and why."""
    waste, binary = opened.accounting.waste, options.binary_sizes
    if not len(waste):
        return Section("Waste", "Nothing is wasted in this image.")
    reasons = " · ".join(
        f"{reason.word} {size(count, binary=binary)}" for reason, count in waste.by_reason().items()
    )
    rows = (
        macros(options).waste_row(
            {
                "bytes": row.bytes,
                "path": row.path,
                "reason": row.reason,
                "stored_in": (row.stored_in, layer_label(opened, row.stored_in)),
                "hidden_by": (row.hidden_by, layer_label(opened, row.hidden_by)),
            }
        )
        for row in waste_rows(opened, ROWS)
    )
    shown = rows_that_fit(rows, ROWS, MAX_BYTES)
    total = size(opened.accounting.wasted, binary=binary)
    note = f"{total} in {count_of(len(waste), 'file')}: {reasons}"
    return Section("Waste", note, macros(options).waste(shown, len(waste) - len(shown)))


def _duplicates(opened: Opened, options: ReportOptions) -> Section | None:
    """The duplicates with the largest savings; None if there are none."""
    duplicates, binary = opened.duplicates, options.binary_sizes
    if not duplicates:
        return None
    rows = (
        macros(options).duplicate_row(
            {
                "saving": each.saving,
                "copies": len(each.paths),
                "paths": [safe_path(opened, path) for path in each.paths[:_COPIES]],
                "more": max(len(each.paths) - _COPIES, 0),
            }
        )
        for each in duplicates
    )
    shown = rows_that_fit(rows, ROWS, MAX_BYTES)
    saving = size(duplicates.saving, binary=binary)
    note = f"{saving} in duplicates of {count_of(len(duplicates), 'file')}, not counted as wasted"
    return Section(
        "Duplicates", note, macros(options).duplicates(shown, len(duplicates) - len(shown))
    )


def _warnings(opened: Opened, options: ReportOptions) -> Section | None:
    warnings = opened.warnings
    if not warnings:
        return None
    lines = [
        (
            ("" if each.layer is None else f"layer {each.layer}: ") + safe_name(each.message),
            each.code,
        )
        for each in warnings[:_WARNINGS]
    ]
    body = macros(options).warnings(lines, len(warnings) - len(lines))
    return Section("Warnings", count_of(len(warnings), "warning"), body)
