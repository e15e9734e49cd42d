"""The verdict of a gate as HTML: the page of the report, with all checks at its top."""

from __future__ import annotations

from typing import BinaryIO

from layerscope.analysis.gate.verdict import Check, Offender, Outcome, Verdict
from layerscope.opening.open import Opened
from layerscope.report.gate.issues import issues_of_verdict, offender_name, offender_place
from layerscope.report.html import write_page
from layerscope.report.html_parts import CELL, code, escaped, fitting, path_code, prose
from layerscope.report.options import ReportOptions
from layerscope.report.rows import line_words
from layerscope.text import clip, count_of, safe_name, size

_WARNINGS = 100
_ROOM = 200_000
"""Bytes of all checks."""
_SHOWN = 5
"""Offenders of a check that are not folded."""
_OFFENDERS = 50
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
    number = count_of(len(verdict.checks), "check")
    said = f"Failed: {failed:,} of {number}" if failed else f"Passed: {number}"
    if warned:
        said += f", {count_of(warned, 'warning')}"
    source = f"rules from {safe_name(verdict.source)}"
    checks = [_check(opened, check, options) for check in verdict.checks]
    rows = "\n".join(fitting(checks, len(checks), _ROOM))
    warnings = "".join(
        f'<p class="waste">{prose(clip(safe_name(warning.message), CELL))} '
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
    """A row; below it, of a check that is not met, why, and the worst offenders."""
    binary = options.binary_sizes
    row = (
        f'<tr><td class="w"><span class="tag {check.outcome.value}">{_OUTCOMES[check.outcome]}</span></td>'
        f'<td class="wide">{escaped(safe_name(check.title))} {code(safe_name(check.rule))}</td>'
        f'<td class="n">{escaped(check.value_text(binary=binary))}</td>'
        f'<td class="n">{escaped(check.limit_text(binary=binary))}</td></tr>'
    )
    if check.outcome is Outcome.PASS:
        return row
    items = [f"<li>{_offender(opened, each, binary)}</li>" for each in check.offenders[:_OFFENDERS]]
    more = check.offender_count - len(items)
    if items and more > 0:
        items.append(f'<li class="quiet">… and {more:,} more</li>')
    shown = f"<ul>{''.join(items[:_SHOWN])}</ul>" if items else ""
    if len(items) > _SHOWN:
        hidden = check.offender_count - _SHOWN
        rest = "".join(items[_SHOWN:])
        shown += f"<details><summary>and {hidden:,} more</summary><ul>{rest}</ul></details>"
    told = f"<p>{prose(clip(safe_name(check.message), 4 * CELL))}</p>{shown}"
    return f'{row}\n<tr class="told"><td colspan="4">{told}</td></tr>'


def _offender(opened: Opened, offender: Offender, binary: bool) -> str:
    amount = "" if offender.bytes is None else f"<b>{size(offender.bytes, binary=binary)}</b> "
    name = offender_name(opened, offender)
    words = [offender_place(opened, offender)]
    if offender.step is not None:
        words.append(line_words(opened, [offender.step]))
    words.append(safe_name(offender.note))
    place = ", ".join(filter(None, words))
    told = f' <span class="place">{escaped(place)}</span>' if place else ""
    return f"{amount}{path_code(name)}{told}"
