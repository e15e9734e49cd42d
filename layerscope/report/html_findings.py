"""What to change, in the HTML report: findings with their fixes, and the checks of a gate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layerscope.analysis.gate.verdict import Check, Outcome, Verdict
from layerscope.opening import Opened
from layerscope.report.html_parts import code, escaped, fitting, left_out, path_code, section
from layerscope.report.issues import Issue, offender_words
from layerscope.report.options import ReportOptions
from layerscope.text import clip, count_of, percent, safe_name, size

_MOST = 200
_ROOM = 400_000
_OPEN = 3
"""Findings that are unfolded from the start."""
_OFFENDERS = 20
_OUTCOMES = {
    Outcome.PASS: "passed",
    Outcome.WARN: "warning",
    Outcome.FAIL: "failed",
    Outcome.SKIP: "skipped",
}


def findings_section(opened: Opened, issues: Sequence[Issue], options: ReportOptions) -> str:
    """The findings that save most, and what all of them save together."""
    findings = opened.findings
    if findings is None:
        return ""
    if not findings.found:
        return section("What to change", "Nothing to fix was found.", "")
    saving, stored = findings.saving(), opened.accounting.stored
    binary = options.binary_sizes
    note = (
        f"{size(saving, binary=binary)} could be saved ({percent(saving, stored)}): "
        f"the image would store {size(stored - saving, binary=binary)}"
    )
    shown = fitting(_findings(issues), _MOST, _ROOM)
    return section(
        "What to change", note, "\n".join([*shown, left_out(len(issues) - len(shown), "finding")])
    )


def _findings(issues: Sequence[Issue]) -> Iterator[str]:
    for number, issue in enumerate(issues):
        opened = " open" if number < _OPEN else ""
        amount, _, why = issue.text.partition(". ") if issue.bytes else ("", "", issue.text)
        shown = f"<b>{escaped(amount)}</b>" if amount else ""
        paths = "".join(f"<li>{path_code(path)}</li>" for path in issue.paths)
        more = issue.path_count - len(issue.paths)
        paths += f'<li class="quiet">… and {more:,} more</li>' if more > 0 else ""
        yield (
            f'<details class="finding"{opened}><summary><span class="tag {issue.level.value}">{issue.level.value}</span>'
            f'{shown} {escaped(clip(issue.title, 300))}<span class="place">{escaped(issue.place)}</span></summary>\n'
            f"<div><p>{_prose(why)} {code(issue.rule)}</p>"
            f"{f'<ul>{paths}</ul>' if paths else ''}{_fix(issue.fix)}</div></details>"
        )


def _fix(fix: str) -> str:
    if not fix:
        return ""
    return (
        f'<div class="fix"><button class="copy" type="button" hidden>copy</button>'
        f"<pre><code>{escaped(fix)}</code></pre></div>"
    )


def _prose(text: str) -> str:
    """Words with `code` between backticks."""
    parts = escaped(text).split("`")
    if len(parts) % 2 == 0:
        return "`".join(parts)
    return "".join(
        f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts)
    )


def verdict_section(verdict: Verdict, options: ReportOptions) -> str:
    """Whether the image passes, and each check."""
    failed, warned = verdict.count(Outcome.FAIL), verdict.count(Outcome.WARN)
    checks = count_of(len(verdict.checks), "check")
    said = f"Failed: {failed:,} of {checks}" if failed else f"Passed: {checks}"
    if warned:
        said += f", {count_of(warned, 'warning')}"
    source = f"rules from {safe_name(verdict.source)}"
    rows = "\n".join(_check(check, options) for check in verdict.checks)
    warnings = "".join(
        f'<p class="waste">{_prose(safe_name(warning.message))} '
        f'<span class="quiet">{escaped(safe_name(warning.place))}</span></p>'
        for warning in verdict.warnings[:_MOST]
    )
    return (
        f'<section class="verdict{"" if verdict.passed else " failed"}">\n<div class="head"><h2>{escaped(said)}</h2>'
        f'<span class="quiet">{escaped(source)}</span></div>\n<div class="scroll"><table><thead><tr>'
        '<th></th><th>check</th><th class="n">found</th><th class="n">allowed</th></tr></thead>'
        f"<tbody>\n{rows}\n</tbody></table></div>{warnings}\n</section>\n"
    )


def _check(check: Check, options: ReportOptions) -> str:
    binary = options.binary_sizes
    title = f"{escaped(safe_name(check.title))} {code(safe_name(check.rule))}"
    if check.outcome is not Outcome.PASS:
        shown = check.offenders[:_OFFENDERS]
        lines = [path_code(offender_words(each, binary=binary)) for each in shown]
        more = check.offender_count - len(shown)
        lines += [f'<span class="quiet">… and {more:,} more</span>'] if shown and more > 0 else []
        message = _prose(safe_name(check.message))
        title = f"<details open><summary>{title}</summary><p>{message}</p>{'<br>'.join(lines)}</details>"
    return (
        f'<tr><td class="w"><span class="tag {check.outcome.value}">{_OUTCOMES[check.outcome]}</span></td>'
        f'<td class="wide">{title}</td><td class="n">{escaped(check.value_text(binary=binary))}</td>'
        f'<td class="n">{escaped(check.limit_text(binary=binary))}</td></tr>'
    )
