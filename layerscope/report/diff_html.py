"""The comparison of two images as HTML: one self-contained file, new risks first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import BinaryIO

from layerscope.analysis.compare.comparison import Comparison
from layerscope.analysis.compare.risks import privileges_counted
from layerscope.opening.opened import Opened
from layerscope.report.console import signed
from layerscope.report.diff_rows import (
    STEP_GLYPHS,
    config_row,
    counts_words,
    directory_name,
    headline_parts,
    largest_rows,
    package_row,
    privilege_rows,
    secret_rows,
    step_rows,
    upgrade_words,
    verdict,
)
from layerscope.report.diff_totals import total_rows
from layerscope.report.html import write_sections
from layerscope.report.html_parts import CELL, MAX_BYTES, ROWS, Section, macros, rows_that_fit
from layerscope.report.issues import issue_of
from layerscope.report.options import ReportOptions
from layerscope.report.rows import place_words
from layerscope.text import clip, count_of, safe_name, size

_PATHS = 500
_UNFOLDED = 3
"""New findings that start unfolded."""
_FINDING_PATHS = 4
_DAMAGES = 20

Cell = tuple[str, object, str]
"""Kind (number, code, path, word or text), value (for a number the sort key, for code the old text), and text."""


def write(
    old: Opened, new: Opened, comparison: Comparison, stream: BinaryIO, options: ReportOptions
) -> None:
    """Write the page."""
    binary = options.binary_sizes
    sections = [_secrets(new, comparison, options), _privileges(new, comparison, options)]
    if not comparison.only:
        sections += [
            _steps(comparison, options),
            _packages(comparison, options),
        ]
    sections += [
        _directories(comparison, options),
        _files(old, new, comparison, options),
    ]
    if not comparison.only:
        sections += [
            _new_findings(new, comparison, options),
            _gone_findings(old, comparison, options),
            _config(comparison, options),
        ]
    damages = [
        clip(safe_name(f"The {word} image: {damage}"), CELL)
        for word, side in (("old", old), ("new", new))
        for damage in side.damages()[:_DAMAGES]
    ]
    header = {
        "title": f"{safe_name(old.image.title)} → {safe_name(new.image.title)}",
        "headline": [
            (words, role.value)
            for words, role in headline_parts(old, new, comparison, binary=binary)
        ],
        "about": verdict(comparison),
        "facts": [],
        "digests": "" if comparison.only else upgrade_words(new, comparison, binary=binary),
        "bad": False,
        "figures": [
            (name, after, change) for name, _, after, change, _ in total_rows(old, new, binary)
        ],
        "damages": damages,
    }
    write_sections(header, sections, stream, options)


def _table_section(
    options: ReportOptions,
    title: str,
    note: str,
    columns: Sequence[tuple[str, str]],
    rows: Iterable[Sequence[Cell]],
    count: int,
    noun: str,
) -> Section | None:
    """A section with one table; None if it has no rows."""
    if not count:
        return None
    shown = rows_that_fit((macros(options).cells(row) for row in rows), ROWS, MAX_BYTES)
    return Section(title, note, macros(options).listing(columns, shown, count - len(shown), noun))


def _text(text: str) -> Cell:
    return "text", None, text


def _word(text: str) -> Cell:
    return "word", None, text


def _growth(count: int, options: ReportOptions) -> Cell:
    return "number", count, signed(count, binary=options.binary_sizes) if count else ""


def _secrets(new: Opened, comparison: Comparison, options: ReportOptions) -> Section | None:
    rows = secret_rows(new, comparison)
    return _table_section(
        options,
        count_of(len(rows), "new secret"),
        "readable by anyone who can pull the image",
        [("file", ""), ("secret", ""), ("where", "")],
        ([("path", None, row.path), _text(row.title), _text(row.place)] for row in rows),
        len(rows),
        "secret",
    )


def _privileges(new: Opened, comparison: Comparison, options: ReportOptions) -> Section | None:
    rows = privilege_rows(new, comparison)
    return _table_section(
        options,
        privileges_counted(comparison.privileges),
        "run with the rights of their owner or group",
        [("file", ""), ("bits", ""), ("details", "")],
        ([("path", None, row.path), _text(row.bits), _text(row.details)] for row in rows),
        len(rows),
        "file",
    )


def _steps(comparison: Comparison, options: ReportOptions) -> Section | None:
    rows = list(step_rows(comparison))
    return _table_section(
        options,
        "Steps",
        f"{count_of(len(rows), 'step')} changed or rebuilt",
        [("", ""), ("change", "n"), ("layer", ""), ("step", "")],
        (
            [
                _word(f"{STEP_GLYPHS[row.change]} {row.change.value}"),
                _growth(row.growth, options),
                _text(row.place),
                ("code", row.old_text, row.text),
            ]
            for row in rows
        ),
        len(rows),
        "step",
    )


def _packages(comparison: Comparison, options: ReportOptions) -> Section | None:
    changes = comparison.packages or ()
    growth = signed(sum(change.growth for change in changes), binary=options.binary_sizes)
    return _table_section(
        options,
        "Packages",
        f"{count_of(len(changes), 'package')} changed, {growth}",
        [("", ""), ("change", "n"), ("package", ""), ("version", ""), ("type", "")],
        (
            [
                _word(f"{row.change.glyph} {row.change.word}"),
                _growth(row.growth, options),
                ("code", None, row.name),
                ("code", None, row.versions),
                _text(row.kind),
            ]
            for row in map(package_row, changes)
        ),
        len(changes),
        "package",
    )


def _directories(comparison: Comparison, options: ReportOptions) -> Section | None:
    changes, groups = comparison.files, comparison.directories
    growth = signed(changes.total_growth, binary=options.binary_sizes)
    return _table_section(
        options,
        "Directories",
        f"{count_of(len(changes), 'path')} changed, {growth}",
        [("change", "n"), ("directory", ""), ("paths", "")],
        (
            [
                _growth(group.growth, options),
                ("path", None, directory_name(changes.table, group, len(groups))),
                _text(counts_words(group.counts)),
            ]
            for group in groups
        ),
        len(groups) if len(changes) else 0,
        "row",
    )


def _files(
    old: Opened, new: Opened, comparison: Comparison, options: ReportOptions
) -> Section | None:
    rows = largest_rows(old, new, comparison, _PATHS, binary=options.binary_sizes)
    return _table_section(
        options,
        "Largest changes",
        "",
        [("", ""), ("change", "n"), ("path", ""), ("what differs", "")],
        (
            [
                _word(f"{row.change.glyph} {row.change.word}"),
                _growth(row.growth, options),
                ("path", None, row.path),
                _text(row.differences),
            ]
            for row in rows
        ),
        len(comparison.files),
        "path",
    )


def _new_findings(new: Opened, comparison: Comparison, options: ReportOptions) -> Section | None:
    findings = () if comparison.findings is None else comparison.findings.new
    if not findings:
        return None
    rows = []
    for number, finding in enumerate(findings[:ROWS]):
        issue = issue_of(new, finding, binary=options.binary_sizes)
        amount, _, why = issue.text.partition(". ") if issue.bytes else ("", "", issue.text)
        rows.append(macros(options).finding(issue, amount, why, number < _UNFOLDED, _FINDING_PATHS))
    shown = rows_that_fit(rows, ROWS, MAX_BYTES)
    body = macros(options).findings(shown, len(findings) - len(shown))
    return Section(count_of(len(findings), "new finding"), "", body)


def _gone_findings(old: Opened, comparison: Comparison, options: ReportOptions) -> Section | None:
    gone = () if comparison.findings is None else comparison.findings.removed
    return _table_section(
        options,
        f"{count_of(len(gone), 'finding')} gone",
        "",
        [("bytes", "n"), ("finding", ""), ("rule", ""), ("where", "")],
        (
            [
                ("number", finding.bytes, size(finding.bytes, binary=options.binary_sizes)),
                _text(safe_name(finding.title)),
                ("code", None, finding.rule),
                _text(place_words(old, finding)),
            ]
            for finding in gone
        ),
        len(gone),
        "finding",
    )


def _config(comparison: Comparison, options: ReportOptions) -> Section | None:
    settings = comparison.config
    return _table_section(
        options,
        "Config",
        f"{count_of(len(settings), 'setting')} changed",
        [("", ""), ("setting", ""), ("name", ""), ("value", "")],
        (
            [
                _word(f"{row.change.glyph} {row.change.word}"),
                _text(row.field),
                ("code", None, row.name),
                ("code", None, " → ".join(clip(value, CELL // 2) for value in row.values)),
            ]
            for row in map(config_row, settings)
        ),
        len(settings),
        "setting",
    )
