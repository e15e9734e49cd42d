"""What to fix, in the text report: each finding with its place and the changed instruction."""

from __future__ import annotations

from layerscope.analysis.findings.finding import Finding
from layerscope.opening.open import Opened
from layerscope.report.console import Paper
from layerscope.report.options import ReportOptions
from layerscope.report.rows import place_words, safe_path
from layerscope.text import clip, clip_start, count_of, percent, safe_name, size
from layerscope.words import Severity

FINDINGS = 10
"""Findings that are shown whole."""
_PATHS = 2
_FIX_LINES = 12

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}


def write_findings(paper: Paper, opened: Opened, options: ReportOptions) -> None:
    """The findings that save most, and what all of them save together."""
    findings, binary = opened.findings, options.binary_sizes
    if findings is None:
        return
    if not findings.found:
        paper.line()
        paper.line("Nothing to fix was found.")
        return
    saving, stored = findings.saving(), opened.accounting.stored
    paper.heading(
        "To fix",
        "  ",
        (size(saving, binary=binary), "yellow"),
        f" could be saved ({percent(saving, stored)}): the image would store {size(stored - saving, binary=binary)}",
    )
    own = findings.saving(findings.own)
    if own != saving:
        paper.line("  ", (f"{size(own, binary=binary)} of it in what is not the base image", "dim"))
    sizes = [size(finding.bytes, binary=binary) for finding in findings.found[:FINDINGS]]
    width = max(map(len, sizes))
    for finding, shown in zip(findings.found, sizes, strict=False):
        write_finding(paper, opened, finding, f"{shown:>{width}}")
    if len(findings.found) > FINDINGS:
        more = count_of(len(findings.found) - FINDINGS, "more finding", "more findings")
        paper.line()
        paper.line("  ", (f"… and {more}: --format json has all", "dim"))


def write_finding(paper: Paper, opened: Opened, finding: Finding, shown: str) -> None:
    """One finding with its paths and its fix; `shown` is its size, padded."""
    indent = 2 + len(shown) + 2
    room = paper.width - indent
    note = f"  {place_words(opened, finding)}  [{finding.rule}]"
    paper.line()
    paper.line(
        "  ",
        (shown, _STYLES[finding.severity]),
        "  ",
        (clip(safe_name(finding.title), max(room - len(note), 20)), "bold"),
        (note, "dim"),
    )
    paths = finding.paths
    for path in paths[:_PATHS].tolist():
        paper.line(" " * indent, (clip_start(safe_path(opened, path), room), "dim"))
    if len(paths) > _PATHS:
        more = count_of(len(paths) - _PATHS, "more file", "more files")
        paper.line(" " * indent, (f"… and {more}", "dim"))
    lines = finding.fix.split("\n")
    for line in lines[:_FIX_LINES]:
        paper.line(" " * indent, clip(safe_name(line), room))
    if len(lines) > _FIX_LINES:
        paper.line(" " * indent, (f"… {len(lines) - _FIX_LINES:,} more lines", "dim"))
