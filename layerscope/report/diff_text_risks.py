"""New secrets, new setuid files, and new and gone findings, in a text comparison."""

from __future__ import annotations

from collections.abc import Sequence

from layerscope.analysis.compare.comparison import Comparison
from layerscope.analysis.compare.risks import privileges_counted
from layerscope.analysis.findings.finding import Finding
from layerscope.opening.opened import Opened
from layerscope.report.console import Console, change_glyph, counts_text, widest, write_heading
from layerscope.report.diff_rows import privilege_rows, secret_rows
from layerscope.report.options import ReportOptions
from layerscope.report.rows import place_words
from layerscope.text import clip, clip_start, count_of, safe_name, size
from layerscope.words import Change

ROWS = 20
"""Maximum rows of each kind."""


def write_risks(console: Console, new: Opened, comparison: Comparison) -> None:
    """Write new secrets and new setuid and setgid files; nothing if there are none."""
    secrets, privileges = secret_rows(new, comparison), privilege_rows(new, comparison)
    if secrets:
        words = count_of(len(secrets), "new secret")
        _write_title(console, f"{words}: readable by anyone who can pull the image")
        for row in secrets[:ROWS]:
            _write_row(console, row.path or row.title, row.title if row.path else "", row.place)
        _write_more(console, len(secrets), "secret")
    if privileges:
        words = privileges_counted(comparison.privileges)
        _write_title(console, f"{words}: run with the rights of their owner or group")
        for each in privileges[:ROWS]:
            _write_row(console, each.path, each.bits, each.details)
        _write_more(console, len(privileges), "file")


def _write_title(console: Console, words: str) -> None:
    console.line()
    console.paragraph(words, "bold red")


def _write_row(console: Console, name: str, *notes: str) -> None:
    """A name with notes beside it, or below it if there is no room."""
    note = ", ".join(filter(None, notes))
    room = console.width - 4
    if len(name) + 2 + len(note) <= room:
        console.line("  ", change_glyph(Change.ADDED), f" {name}", (f"  {note}", "dim"))
        return
    console.line("  ", change_glyph(Change.ADDED), f" {clip_start(name, room)}")
    console.line("    ", (clip(note, room), "dim"))


def _write_more(console: Console, count: int, word: str) -> None:
    if count > ROWS:
        more = count_of(count - ROWS, f"more {word}")
        console.line("  ", (f"… and {more}", "dim"))


def write_findings(
    console: Console, old: Opened, new: Opened, comparison: Comparison, options: ReportOptions
) -> None:
    """Write the new and the gone findings, one line each."""
    changes = comparison.findings
    if changes is None or not (changes.new or changes.removed):
        return
    write_heading(
        console,
        "Findings",
        counts_text([(len(changes.new), "new"), (len(changes.removed), "gone")]),
    )
    console.line()
    for change, side, findings in (
        (Change.ADDED, new, changes.new),
        (Change.REMOVED, old, changes.removed),
    ):
        _write_list(console, change, side, findings, options)


def _write_list(
    console: Console,
    change: Change,
    side: Opened,
    findings: Sequence[Finding],
    options: ReportOptions,
) -> None:
    shown = findings[:ROWS]
    sizes = [size(finding.bytes, binary=options.binary_sizes) for finding in shown]
    width = widest(sizes)
    for finding, amount in zip(shown, sizes, strict=True):
        note = f"  {place_words(side, finding)}  [{finding.rule}]"
        room = console.width - width - 6
        title = clip(safe_name(finding.title), max(room - len(note), 20))
        console.line(
            "  ", change_glyph(change), f" {amount:>{width}}  {title}",
            (clip(note, room - len(title)), "dim"),
        )  # fmt: skip
    _write_more(console, len(findings), "finding")
