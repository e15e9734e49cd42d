"""The gate report as HTML: the page of the image report, with the checks on top."""

from __future__ import annotations

from typing import BinaryIO

from markupsafe import Markup

from layerscope.analysis.gate.verdict import Check, Offender, Outcome, Verdict
from layerscope.opening.opened import Opened
from layerscope.report.gate.conclusion import DAMAGED, conclusion_of
from layerscope.report.gate.issues import issues_of_verdict, offender_name, offender_place
from layerscope.report.html import write_page
from layerscope.report.html_parts import CELL, Section, macros, rows_that_fit
from layerscope.report.options import ReportOptions
from layerscope.report.rows import line_words
from layerscope.text import clip, safe_name

_WARNINGS = 100
_MAX_BYTES = 200_000
"""Bytes of all checks."""
_UNFOLDED = 5
"""Offenders of a check that are shown unfolded."""
_OFFENDERS = 50
_VERBS = {"passes": "Passed", "fails": "Failed", DAMAGED: "Damaged"}
_OUTCOMES = {
    Outcome.PASS: "passed",
    Outcome.WARN: "warning",
    Outcome.FAIL: "failed",
    Outcome.SKIP: "skipped",
}


def write(verdict: Verdict, opened: Opened, stream: BinaryIO, options: ReportOptions) -> None:
    """Write the page."""
    issues = issues_of_verdict(opened, verdict, binary=options.binary_sizes)
    write_page(
        opened,
        stream,
        options,
        [issue for issue in issues if issue.finding is not None],
        _section(verdict, opened, options),
    )


def _section(verdict: Verdict, opened: Opened, options: ReportOptions) -> Section:
    """Whether the image passes, and each check."""
    conclusion = conclusion_of(verdict, opened, options)
    title = f"{_VERBS[conclusion.verb]}: {conclusion.checks}"
    checks = [_check(opened, check, options) for check in verdict.checks]
    warnings = [
        (safe_name(warning.message), safe_name(warning.place))
        for warning in verdict.warnings[:_WARNINGS]
    ]
    body = macros(options).verdict(rows_that_fit(checks, len(checks), _MAX_BYTES), warnings)
    style = "verdict" if conclusion.outcome is Outcome.PASS else "verdict failed"
    return Section(title, f"rules from {safe_name(verdict.source)}", body, style)


def _check(opened: Opened, check: Check, options: ReportOptions) -> Markup:
    """The row of a check; if it is not met, also its message and worst offenders."""
    passed = check.outcome is Outcome.PASS
    row: Markup = macros(options).check_row(
        {
            "outcome": check.outcome,
            "word": _OUTCOMES[check.outcome],
            "title": safe_name(check.title),
            "rule": safe_name(check.rule),
            "value": check.value_text(binary=options.binary_sizes),
            "limit": check.limit_text(binary=options.binary_sizes),
            "message": None if passed else clip(safe_name(check.message), 4 * CELL),
            "count": check.offender_count,
        },
        [_offender(opened, each) for each in check.offenders[:_OFFENDERS]],
        _UNFOLDED,
    )
    return row


def _offender(opened: Opened, offender: Offender) -> dict[str, object]:
    words = [offender_place(opened, offender)]
    if offender.step is not None:
        words.append(line_words(opened, [offender.step]))
    words.append(safe_name(offender.note))
    return {
        "bytes": offender.bytes,
        "name": offender_name(opened, offender),
        "place": ", ".join(filter(None, words)),
    }
