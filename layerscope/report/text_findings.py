"""Findings in the text report, with their places and fixes."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from layerscope.analysis.findings.finding import Finding
from layerscope.analysis.findings.grouping import first_to_fix
from layerscope.opening.opened import Opened
from layerscope.report.console import Console, widest
from layerscope.report.options import ReportOptions
from layerscope.report.rows import place_words, safe_path
from layerscope.text import clip, clip_start, count_of, safe_name, size
from layerscope.words import Severity

FINDINGS = 10
"""Findings that are shown, and as many of the base image."""
_PATHS = 2

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}


def write_findings(console: Console, opened: Opened, options: ReportOptions) -> None:
    """Write what to fix first, with every fix, and what only another base image avoids."""
    findings, binary = opened.findings, options.binary_sizes
    if findings is None:
        return
    if not findings.found:
        console.line()
        console.line("No findings.")
        return
    ordered = [findings.found[number] for number in first_to_fix(findings)]
    own = [finding for finding in ordered if finding.secret or not finding.base]
    base = [finding for finding in ordered if finding not in own]
    stored = opened.accounting.stored
    if own:
        saving = findings.saving(findings.own)
        after = f"{size(stored, binary=binary)} → {size(stored - saving, binary=binary)}"
        console.heading("What to fix first", "  ", (after, "yellow"))
        _write_all(console, opened, own[:FINDINGS], options, fixes=True)
        _write_rest(console, len(own) - FINDINGS)
    if base:
        console.heading("In the base image", "  ", ("only another base image avoids it", "dim"))
        _write_all(console, opened, base[:FINDINGS], options, fixes=False)
        _write_rest(console, len(base) - FINDINGS)


def _write_all(
    console: Console,
    opened: Opened,
    findings: Sequence[Finding],
    options: ReportOptions,
    *,
    fixes: bool,
) -> None:
    sizes = [size(finding.bytes, binary=options.binary_sizes) for finding in findings]
    width = widest(sizes)
    if not fixes:
        console.line()
    for finding, shown in zip(findings, sizes, strict=True):
        if fixes:
            write_finding(console, opened, finding, f"{shown:>{width}}")
        else:
            write_title(console, opened, finding, f"{shown:>{width}}")


def _write_rest(console: Console, count: int) -> None:
    """Write how many findings were left out."""
    if count > 0:
        console.line()
        more = count_of(count, "more finding", "more findings")
        console.line("  ", (f"… and {more} (see --format json)", "dim"))


def write_title(console: Console, opened: Opened, finding: Finding, shown: str) -> None:
    """One finding in a line; `shown` is its size, padded."""
    note = f"  {place_words(opened, finding)}  [{finding.rule}]"
    room = console.width - 4 - len(shown) - len(note)
    console.line(
        "  ",
        (shown, _STYLES[finding.severity]),
        "  ",
        (clip(safe_name(finding.title), max(room, 20)), "bold"),
        (note, "dim"),
    )


def write_finding(console: Console, opened: Opened, finding: Finding, shown: str) -> None:
    """One finding with its paths and its fix, whole so that it can be copied; `shown` is its size, padded."""
    indent = 2 + len(shown) + 2
    room = console.width - indent
    console.line()
    write_title(console, opened, finding, shown)
    paths = finding.paths
    for path in paths[:_PATHS].tolist():
        console.line(" " * indent, (clip_start(safe_path(opened, path), room), "dim"))
    if len(paths) > _PATHS:
        more = count_of(len(paths) - _PATHS, "more file", "more files")
        console.line(" " * indent, (f"… and {more}", "dim"))
    for line in finding.fix.split("\n"):
        for part in _wrapped(safe_name(line), room):
            console.line(" " * indent, part)


def _wrapped(line: str, width: int) -> list[str]:
    """A line of a fix: words in a comment are wrapped, instructions are not, also those in comments."""
    word = line.removeprefix("# ").partition(" ")[0]
    if not line.startswith("# ") or word.isupper():
        return [line]
    return wrap(
        line,
        width,
        initial_indent="",
        subsequent_indent="# ",
        break_long_words=False,
        break_on_hyphens=False,
    ) or [line]
