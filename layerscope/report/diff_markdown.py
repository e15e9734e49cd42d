"""The comparison of two images as Markdown for a pull request comment, within GitHub's length limit, new risks first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import BinaryIO

from layerscope.analysis.compare.comparison import Comparison
from layerscope.analysis.compare.risks import privileges_counted
from layerscope.analysis.compare.steps import StepChange
from layerscope.analysis.findings.finding import Finding
from layerscope.opening.opened import Opened
from layerscope.report.console import signed
from layerscope.report.diff_rows import (
    STEP_GLYPHS,
    config_row,
    counts_words,
    directory_name,
    headline_text,
    largest_rows,
    package_row,
    privilege_rows,
    secret_rows,
    step_rows,
    upgrade_words,
    verdict,
)
from layerscope.report.diff_totals import total_rows
from layerscope.report.issues import issue_of
from layerscope.report.markdown import CELL, MAX_WARNINGS, Page, issue_block, name_of
from layerscope.report.markdown_text import code, plain
from layerscope.report.options import ReportOptions
from layerscope.report.rows import place_words
from layerscope.text import clip, clip_start, count_of, safe_name, size

MARK = "<!-- layerscope diff -->"
"""The first line, so that a script can find the comment to replace."""
_RISKS = 20
_ROWS = 100
_PATHS = 30
_FINDINGS = 10
"""Maximum rows of each kind."""
_SETTING = 200
"""Characters of a value of the config."""


def write(
    old: Opened, new: Opened, comparison: Comparison, stream: BinaryIO, options: ReportOptions
) -> None:
    """Write the headline, new secrets and setuid files, figures, then all differences in folded sections."""
    page, binary = Page(MARK), options.binary_sizes
    page.add(f"### {code(name_of(old))} → {code(name_of(new))}")
    page.add(f"**{plain(headline_text(old, new, comparison, binary=binary))}**")
    for side, word in ((old, "old"), (new, "new")):
        for damage in side.damages()[:MAX_WARNINGS]:
            page.add(f"> ❌ The {word} image: {plain(damage)}")
    _add_risks(page, new, comparison)
    page.rows(
        "| | old | new | change |\n|---|---:|---:|---:|",
        (
            f"| {name} | {plain(before)} | {plain(after)} | {change} |"
            for name, before, after, change, _ in total_rows(old, new, binary)
        ),
    )
    page.add(plain(verdict(comparison)))
    if not comparison.only:
        page.add(plain(upgrade_words(new, comparison, binary=binary)))
        _add_steps(page, comparison, binary)
        _add_packages(page, comparison, binary)
    _add_files(page, old, new, comparison, binary)
    if not comparison.only:
        _add_findings(page, old, new, comparison, binary)
        _add_config(page, comparison)
    page.write(stream)


def _add_risks(page: Page, new: Opened, comparison: Comparison) -> None:
    """New secrets, then new setuid and setgid files; never folded."""
    secrets = [
        f"- {code(clip_start(row.path, CELL)) or plain(clip(row.title, CELL))} "
        f"{plain(clip(row.title, CELL)) + ' · ' if row.path else ''}{plain(row.place)}"
        for row in secret_rows(new, comparison)
    ]
    privileges = [
        f"- {code(clip_start(row.path, CELL))} {row.bits} · {row.details}"
        for row in privilege_rows(new, comparison)
    ]
    for lines, counted, why in (
        (
            secrets,
            count_of(len(secrets), "new secret"),
            "readable by anyone who can pull the image",
        ),
        (
            privileges,
            privileges_counted(comparison.privileges),
            "run with the rights of their owner or group",
        ),
    ):
        if lines:
            title = f"🔴 **{counted}**: {why}\n"
            shown = page.rows(title, lines[:_RISKS])
            if shown < len(lines):
                page.note(f"… and {len(lines) - shown:,} more.")


def _section(page: Page, title: str, head: str, rows: Iterable[str], count: int, noun: str) -> None:
    """A folded table, and how many rows were left out."""
    before = f"<details><summary>{title}</summary>\n\n{head}"
    shown = page.rows(before, rows, "\n\n</details>")
    if not shown:
        page.note(f"… and {title}.")
    elif shown < count:
        many = f"more {noun[:-1]}ies" if noun.endswith("y") else None
        page.note(f"… and {count_of(count - shown, f'more {noun}', many)}.")


def _add_steps(page: Page, comparison: Comparison, binary: bool) -> None:
    rows = list(step_rows(comparison))
    if not rows:
        return
    counts = [
        f"{sum(row.change is change for row in rows):,} {change.value}"
        for change in StepChange
        if any(row.change is change for row in rows)
    ]
    _section(
        page,
        f"<b>Steps</b> {', '.join(counts)}",
        "| | change | layer | step |\n|---|---:|---|---|",
        (
            f"| {STEP_GLYPHS[row.change]} | {signed(row.growth, binary=binary) if row.growth else ''} | {row.place} "
            f"| {code(clip(row.text, CELL))}{f'<br>was {code(clip(row.old_text, CELL))}' if row.old_text else ''} |"
            for row in rows[:_ROWS]
        ),
        len(rows),
        "step",
    )


def _add_packages(page: Page, comparison: Comparison, binary: bool) -> None:
    changes = comparison.packages
    if not changes:
        return
    growth = signed(sum(change.growth for change in changes), binary=binary)
    _section(
        page,
        f"<b>Packages</b> {count_of(len(changes), 'package')} changed, {growth}",
        "| | change | package | version | type |\n|---|---:|---|---|---|",
        (
            f"| {row.change.glyph} | {signed(row.growth, binary=binary)} | {code(clip(row.name, CELL))} "
            f"| {code(clip(row.versions, CELL))} | {row.kind} |"
            for row in map(package_row, changes[:_ROWS])
        ),
        len(changes),
        "package",
    )


def _add_files(page: Page, old: Opened, new: Opened, comparison: Comparison, binary: bool) -> None:
    """Directories, then the largest changes."""
    changes = comparison.files
    if not len(changes):
        return
    growth = signed(changes.total_growth, binary=binary)
    groups = comparison.directories
    _section(
        page,
        f"<b>Directories</b> {count_of(len(changes), 'path')} changed, {growth}",
        "| change | directory | paths |\n|---:|---|---|",
        (
            f"| {signed(group.growth, binary=binary)} | {code(clip_start(directory_name(changes.table, group, len(groups)), CELL))} "
            f"| {code(counts_words(group.counts))} |"
            for group in groups[:_ROWS]
        ),
        len(groups),
        "directory",
    )
    _section(
        page,
        "<b>Largest changes</b>",
        "| | change | path | |\n|---|---:|---|---|",
        (
            f"| {row.change.glyph} | {signed(row.growth, binary=binary) if row.growth else ''} "
            f"| {code(clip_start(row.path, CELL))} | {plain(clip(row.differences, CELL))} |"
            for row in largest_rows(old, new, comparison, _PATHS, binary=binary)
        ),
        len(changes),
        "path",
    )


def _add_findings(
    page: Page, old: Opened, new: Opened, comparison: Comparison, binary: bool
) -> None:
    """New findings with their fixes, then those that are gone."""
    changes = comparison.findings
    if changes is None:
        return
    if changes.new:
        page.add(f"**{count_of(len(changes.new), 'new finding')}**")
        issues = [issue_of(new, finding, binary=binary) for finding in changes.new[:_FINDINGS]]
        shown = sum(page.add(issue_block(issue)) for issue in issues)
        if shown < len(changes.new):
            page.note(f"… and {count_of(len(changes.new) - shown, 'more new finding')}.")
    if changes.removed:
        _section(
            page,
            f"{count_of(len(changes.removed), 'finding')} gone",
            "| bytes | finding | where |\n|---:|---|---|",
            _gone(old, changes.removed[:_ROWS], binary),
            len(changes.removed),
            "finding",
        )


def _gone(old: Opened, findings: Sequence[Finding], binary: bool) -> Iterable[str]:
    for finding in findings:
        title = f"{plain(clip(safe_name(finding.title), CELL))} {code(finding.rule)}"
        yield f"| {size(finding.bytes, binary=binary)} | {title} | {plain(place_words(old, finding))} |"


def _add_config(page: Page, comparison: Comparison) -> None:
    settings = comparison.config
    if not settings:
        return
    _section(
        page,
        f"<b>Config</b> {count_of(len(settings), 'setting')} changed",
        "| | setting | value |\n|---|---|---|",
        (
            f"| {row.change.glyph} | {row.field} {code(clip(row.name, CELL))} "
            f"| {' → '.join(code(clip(value, _SETTING)) for value in row.values)} |"
            for row in map(config_row, settings[:_ROWS])
        ),
        len(settings),
        "setting",
    )
