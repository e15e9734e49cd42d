"""The verdict of a gate as HTML: the page of the report, with all checks at its top."""

from __future__ import annotations

from typing import BinaryIO

from layerscope.analysis.gate.verdict import Check, Outcome, Verdict
from layerscope.opening import Opened
from layerscope.report.gate.issues import issues_of_verdict, offender_words
from layerscope.report.html import write_page
from layerscope.report.html_parts import code, escaped, path_code, prose
from layerscope.report.options import ReportOptions
from layerscope.text import count_of, safe_name

_WARNINGS = 100
_OFFENDERS = 20
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


def _section(verdict: Verdict, opened: Opened, options: ReportOptions) -> str:
    """Whether the image passes, and each check."""
    failed, warned = verdict.count(Outcome.FAIL), verdict.count(Outcome.WARN)
    checks = count_of(len(verdict.checks), "check")
    said = f"Failed: {failed:,} of {checks}" if failed else f"Passed: {checks}"
    if warned:
        said += f", {count_of(warned, 'warning')}"
    source = f"rules from {safe_name(verdict.source)}"
    rows = "\n".join(_check(opened, check, options) for check in verdict.checks)
    warnings = "".join(
        f'<p class="waste">{prose(safe_name(warning.message))} '
        f'<span class="quiet">{escaped(safe_name(warning.place))}</span></p>'
        for warning in verdict.warnings[:_WARNINGS]
    )
    return (
        f'<section class="verdict{"" if verdict.passed else " failed"}">\n<div class="head"><h2>{escaped(said)}</h2>'
        f'<span class="quiet">{escaped(source)}</span></div>\n<div class="scroll"><table><thead><tr>'
        '<th></th><th>check</th><th class="n">found</th><th class="n">allowed</th></tr></thead>'
        f"<tbody>\n{rows}\n</tbody></table></div>{warnings}\n</section>\n"
    )


def _check(opened: Opened, check: Check, options: ReportOptions) -> str:
    binary = options.binary_sizes
    title = f"{escaped(safe_name(check.title))} {code(safe_name(check.rule))}"
    if check.outcome is not Outcome.PASS:
        shown = check.offenders[:_OFFENDERS]
        lines = [path_code(offender_words(opened, each, binary=binary)) for each in shown]
        more = check.offender_count - len(shown)
        lines += [f'<span class="quiet">… and {more:,} more</span>'] if shown and more > 0 else []
        message = prose(safe_name(check.message))
        title = f"<details open><summary>{title}</summary><p>{message}</p>{'<br>'.join(lines)}</details>"
    return (
        f'<tr><td class="w"><span class="tag {check.outcome.value}">{_OUTCOMES[check.outcome]}</span></td>'
        f'<td class="wide">{title}</td><td class="n">{escaped(check.value_text(binary=binary))}</td>'
        f'<td class="n">{escaped(check.limit_text(binary=binary))}</td></tr>'
    )
