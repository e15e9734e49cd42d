"""The comparison of two images as annotations of GitHub Actions: new secrets, setuid files and findings, then the result."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

from layerscope.analysis.compare.comparison import Comparison
from layerscope.opening.opened import Opened
from layerscope.report.console import signed
from layerscope.report.diff_rows import (
    STEP_GLYPHS,
    config_row,
    headline_text,
    package_row,
    privilege_rows,
    secret_rows,
    step_rows,
    verdict,
)
from layerscope.report.github import MAX_ANNOTATIONS, command, line, write_list
from layerscope.report.issues import issue_of
from layerscope.report.options import ReportOptions
from layerscope.report.rows import place_words
from layerscope.text import clip, safe_name

_ROWS = 40
"""Maximum rows of each kind in the log."""
_WIDTH = 300
"""Characters of an instruction or a value."""


def write(
    old: Opened, new: Opened, comparison: Comparison, stream: BinaryIO, options: ReportOptions
) -> None:
    """Write errors for secrets and setuid files, a summary as a notice, an annotation for each new finding, and log lines."""
    binary = options.binary_sizes
    for word, side in (("old", old), ("new", new)):
        for damage in side.damages()[:MAX_ANNOTATIONS]:
            command(stream, "error", {"title": f"The {word} image is damaged"}, safe_name(damage))
    secrets = [
        f"{row.path}: {row.title}, {row.place}" if row.path else f"{row.title}, {row.place}"
        for row in secret_rows(new, comparison)
    ]
    _write_errors(stream, "New secret", secrets)
    _write_errors(
        stream,
        "New setuid or setgid file",
        [f"{row.path}: {row.bits}, {row.details}" for row in privilege_rows(new, comparison)],
    )
    title = f"{safe_name(old.image.title)} → {safe_name(new.image.title)}"
    summary = f"{headline_text(old, new, comparison, binary=binary)}\n{verdict(comparison)}"
    command(stream, "notice", {"title": clip(title, _WIDTH)}, summary)
    if comparison.findings is not None:
        issues = [issue_of(new, finding, binary=binary) for finding in comparison.findings.new]
        write_list(new, issues, stream)
    if not comparison.only:
        for words in _log(old, comparison, binary):
            line(stream, clip(words, _WIDTH).rstrip())


def _write_errors(stream: BinaryIO, title: str, messages: list[str]) -> None:
    for message in messages[:MAX_ANNOTATIONS]:
        command(stream, "error", {"title": title}, message)
    if len(messages) > MAX_ANNOTATIONS:
        line(stream, f"… and {len(messages) - MAX_ANNOTATIONS:,} more: {title.lower()}")


def _log(old: Opened, comparison: Comparison, binary: bool) -> Iterable[str]:
    """A line for each step, package, gone finding and setting, up to a limit for each kind."""
    steps = list(step_rows(comparison))
    for row in steps[:_ROWS]:
        growth = f"{signed(row.growth, binary=binary)} " if row.growth else ""
        yield f"step {STEP_GLYPHS[row.change]} {growth}{row.text}"
    yield from _more(len(steps), "steps")
    packages = comparison.packages or ()
    for each in map(package_row, packages[:_ROWS]):
        growth = signed(each.growth, binary=binary)
        yield f"package {each.change.glyph} {growth} {each.name} {each.versions}"
    yield from _more(len(packages), "packages")
    gone = () if comparison.findings is None else comparison.findings.removed
    for finding in gone[:_ROWS]:
        yield f"finding - {safe_name(finding.title)}, {place_words(old, finding)} [{finding.rule}]"
    yield from _more(len(gone), "findings")
    for setting in map(config_row, comparison.config[:_ROWS]):
        name = f"{setting.field} {setting.name}".rstrip()
        yield f"config {setting.change.glyph} {name} {' → '.join(setting.values)}"
    yield from _more(len(comparison.config), "settings")


def _more(count: int, noun: str) -> Iterable[str]:
    if count > _ROWS:
        yield f"… and {count - _ROWS:,} more {noun}"
