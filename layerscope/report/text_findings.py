"""Findings in the text report, with their places and fixes."""

from __future__ import annotations

from layerscope.analysis.findings.finding import Finding
from layerscope.opening.opened import Opened
from layerscope.report.console import Console
from layerscope.report.options import ReportOptions
from layerscope.report.rows import place_words, safe_path
from layerscope.text import clip, clip_start, count_of, safe_name, size
from layerscope.words import Severity

FINDINGS = 10
"""Findings that are shown."""
_PATHS = 2
_FIX_LINES = 12

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}


def write_findings(console: Console, opened: Opened, options: ReportOptions) -> None:
    """Write the largest findings, and the avoidable bytes of all."""
    findings, binary = opened.findings, options.binary_sizes
    if findings is None:
        return
    if not findings.found:
        console.line()
        console.line("No findings.")
        return
    saving, stored = findings.saving(), opened.accounting.stored
    console.heading(
        "Findings",
        "  ",
        (size(saving, binary=binary), "yellow"),
        f" avoidable ({size(stored, binary=binary)} → {size(stored - saving, binary=binary)})",
    )
    own = findings.saving(findings.own)
    if own != saving:
        console.line("  ", (f"{size(own, binary=binary)} of it outside the base image", "dim"))
    sizes = [size(finding.bytes, binary=binary) for finding in findings.found[:FINDINGS]]
    width = max(map(len, sizes))
    for finding, shown in zip(findings.found, sizes, strict=False):
        write_finding(console, opened, finding, f"{shown:>{width}}")
    if len(findings.found) > FINDINGS:
        more = count_of(len(findings.found) - FINDINGS, "more finding", "more findings")
        console.line()
        console.line("  ", (f"… and {more} (see --format json)", "dim"))


def write_finding(console: Console, opened: Opened, finding: Finding, shown: str) -> None:
    """One finding with its paths and its fix; `shown` is its size, padded."""
    indent = 2 + len(shown) + 2
    room = console.width - indent
    note = f"  {place_words(opened, finding)}  [{finding.rule}]"
    console.line()
    console.line(
        "  ",
        (shown, _STYLES[finding.severity]),
        "  ",
        (clip(safe_name(finding.title), max(room - len(note), 20)), "bold"),
        (note, "dim"),
    )
    paths = finding.paths
    for path in paths[:_PATHS].tolist():
        console.line(" " * indent, (clip_start(safe_path(opened, path), room), "dim"))
    if len(paths) > _PATHS:
        more = count_of(len(paths) - _PATHS, "more file", "more files")
        console.line(" " * indent, (f"… and {more}", "dim"))
    lines = finding.fix.split("\n")
    for line in lines[:_FIX_LINES]:
        console.line(" " * indent, clip(safe_name(line), room))
    if len(lines) > _FIX_LINES:
        console.line(" " * indent, (f"… {len(lines) - _FIX_LINES:,} more lines", "dim"))
