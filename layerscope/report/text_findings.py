"""Findings in the text report: what to fix first, with places and fixes; findings in the base image in short, with their fixes at
the end.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace

from layerscope.analysis.findings.composing import compose
from layerscope.analysis.findings.finding import Finding
from layerscope.opening.opened import Opened
from layerscope.report.console import Console, Part, widest, write_heading
from layerscope.report.issues import fix_text
from layerscope.report.options import ReportOptions
from layerscope.report.patch import chosen_by_default
from layerscope.report.rows import fix_command, place_words, safe_path
from layerscope.text import clip, clip_start, count_of, safe_name, size
from layerscope.words import Severity

FINDINGS = 10
"""Findings of each kind that are shown."""
_PATHS = 2

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}


def write_findings(console: Console, opened: Opened, options: ReportOptions) -> None:
    """Write secrets and the reader's own findings with their fixes, then the base image's in a line each."""
    findings, binary = opened.findings, options.binary_sizes
    if findings is None:
        return
    if not findings.found:
        console.line()
        console.line("No findings.")
        return
    own, base = _own_and_base(opened)
    stored, saving = opened.accounting.stored, findings.saving()
    own_saving = findings.saving(findings.outside_base)
    if own:
        parts: list[Part | str] = []
        if own_saving:
            sizes_text = (
                f"({size(stored, binary=binary)} → {size(stored - own_saving, binary=binary)})"
            )
            parts = ["  ", (size(own_saving, binary=binary), "yellow"), f" avoidable {sizes_text}"]
        console.heading("What to fix first", *parts)
        _write_patchable(console, opened, own)
        _write_with_fixes(console, opened, own, options)
    if not base:
        return
    note = "only another base image avoids these; fixes for it are at the end"
    if saving > own_saving:
        note = f"{size(saving - own_saving, binary=binary)} {'more' if own_saving else 'avoidable'}: {note}"
    write_heading(console, "Base image", note)
    shown = base[:FINDINGS]
    sizes = [size(finding.bytes, binary=binary) for finding in shown]
    width = widest(sizes)
    for finding, amount in zip(shown, sizes, strict=True):
        _write_title(console, opened, replace(finding, base=False), f"{amount:>{width}}")
    _write_more(console, len(base))


def _write_patchable(console: Console, opened: Opened, own: Sequence[Finding]) -> None:
    """Write how many of the reader's own findings `layerscope fix` fixes by itself."""
    places = None if opened.dockerfile_lines is None else opened.dockerfile_lines.instructions
    count = len(compose(own, chosen_by_default(own), places).applied)
    if count:
        fixes = count_of(len(own), "fix", "fixes")
        command = "layerscope fix IMAGE --dockerfile FILE"
        if opened.dockerfile_lines is not None:
            command = fix_command(opened)
        console.line("  ", (f"{command} writes {count} of {fixes}", "dim"))


def write_base_fixes(console: Console, opened: Opened, options: ReportOptions) -> None:
    """Write the findings of the base image with their fixes, for its maintainers."""
    _, base = _own_and_base(opened)
    if base:
        console.heading("Fixes for the base image")
        _write_with_fixes(console, opened, base, options)


def _own_and_base(opened: Opened) -> tuple[list[Finding], list[Finding]]:
    """Findings that the reader can fix, including secrets in any layer, and those that only another base image avoids."""
    found = [] if opened.findings is None else opened.findings.to_fix
    own = [finding for finding in found if finding.secret or not finding.base]
    return own, found[len(own) :]


def _write_with_fixes(
    console: Console, opened: Opened, findings: Sequence[Finding], options: ReportOptions
) -> None:
    """Write the first findings with their paths and fixes."""
    shown = findings[:FINDINGS]
    sizes = [size(finding.bytes, binary=options.binary_sizes) for finding in shown]
    width = widest(sizes)
    for finding, amount in zip(shown, sizes, strict=True):
        write_finding(console, opened, finding, f"{amount:>{width}}")
    _write_more(console, len(findings))


def _write_more(console: Console, count: int) -> None:
    if count > FINDINGS:
        more = count_of(count - FINDINGS, "more finding", "more findings")
        console.line("  ", (f"… and {more} (see --format json)", "dim"))


def _write_title(console: Console, opened: Opened, finding: Finding, amount: str) -> None:
    """Write size, title, place and rule, on two lines if they do not fit on one."""
    indent = 2 + len(amount) + 2
    room = console.width - indent
    title = safe_name(finding.title)
    note = f"{place_words(opened, finding)}  [{finding.rule}]"
    beside = len(title) + 2 + len(note) <= room
    console.line(
        "  ",
        (amount, _STYLES[finding.severity]),
        "  ",
        (clip(title, room), "bold"),
        (f"  {note}" if beside else "", "dim"),
    )
    if not beside:
        console.line(" " * indent, (clip(note, room), "dim"))


def _times(opened: Opened, finding: Finding, path: int) -> str:
    """How many contents of a path a finding covers, if several: ` (2 ×)`."""
    waste = opened.accounting.waste
    count = int(np.isin(waste.inodes[waste.paths == path], finding.inodes).sum())
    return f" ({count} ×)" if count > 1 else ""


def write_finding(console: Console, opened: Opened, finding: Finding, amount: str) -> None:
    """Write a finding with its paths and its whole fix; `amount` is its size, padded. Lines of a fix are never cut or wrapped, so
    that they can be copied."""
    indent = 2 + len(amount) + 2
    room = console.width - indent
    console.line()
    _write_title(console, opened, finding, amount)
    paths = finding.paths
    for path in paths[:_PATHS].tolist():
        times = _times(opened, finding, path)
        name = clip_start(safe_path(opened, path), room - len(times))
        console.line(" " * indent, (f"{name}{times}", "dim"))
    if len(paths) > _PATHS:
        more = count_of(len(paths) - _PATHS, "more file", "more files")
        console.line(" " * indent, (f"… and {more}", "dim"))
    for line in fix_text(finding.fix).split("\n"):
        console.line(" " * indent, line)
