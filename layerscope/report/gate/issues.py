"""Failed checks of a gate as issues, for formats that other programs show line by line."""

from __future__ import annotations

from collections.abc import Iterator

from layerscope.analysis.gate.verdict import Check, Offender, Outcome, Verdict
from layerscope.image.summary import one_line, step_name
from layerscope.opening.opened import Opened
from layerscope.report.issues import PATHS, Issue, issue_of, with_unique_fingerprints
from layerscope.report.rows import lines_of, visible_end
from layerscope.text import clip, safe_name, size
from layerscope.words import Severity

_INSTRUCTION = 100
"""Characters of an instruction that are shown."""


def issues_of_verdict(opened: Opened, verdict: Verdict, *, binary: bool = False) -> list[Issue]:
    """Issues of the checks that fail or warn: one per finding, and one per check without findings."""
    issues: list[Issue] = []
    seen_findings: set[int] = set()
    for outcome in (Outcome.FAIL, Outcome.WARN):
        for check in verdict.checks:
            if check.outcome is not outcome:
                continue
            for issue in _of_check(opened, check, binary):
                if issue.finding is None or id(issue.finding) not in seen_findings:
                    seen_findings.add(id(issue.finding))
                    issues.append(issue)
    return with_unique_fingerprints(issues)


def _of_check(opened: Opened, check: Check, binary: bool) -> Iterator[Issue]:
    """The findings behind a check; the check itself if it has other offenders, too."""
    level = level_of(check)
    findings = [each.finding for each in check.offenders if each.finding is not None]
    if findings and len(findings) == check.offender_count:
        for finding in findings:
            yield issue_of(opened, finding, binary=binary, level=level)
        return
    words = [offender_words(opened, each, binary=binary) for each in check.offenders[:PATHS]]
    yield Issue(
        rule=check.rule,
        level=level,
        title=safe_name(check.title),
        place="",
        text=safe_name(check.message),
        fix="",
        lines=lines_of_check(opened, check),
        bytes=None,
        paths=tuple(each for each in words if each),
        path_count=check.offender_count,
        steps=_steps(check),
        fingerprint="",
    )


def _steps(check: Check) -> tuple[int, ...]:
    """The steps that made its offenders, worst first."""
    steps = (each.step for each in check.offenders)
    return tuple(dict.fromkeys(step for step in steps if step is not None))


def lines_of_check(opened: Opened, check: Check) -> tuple[int, int] | None:
    """First and last line of the instruction that made the worst offender; None if no Dockerfile has it."""
    return lines_of(opened, _steps(check)[:1])


def level_of(check: Check) -> Severity:
    """The severity of a check that is not met."""
    return Severity.ERROR if check.outcome is Outcome.FAIL else Severity.WARNING


def offender_name(opened: Opened, offender: Offender) -> str:
    """The name of an offender, safe to show: its path, title or instruction; empty if it has none."""
    if offender.path is not None:
        return visible_end(safe_name(offender.path))
    if offender.finding is not None:
        return safe_name(offender.finding.title)
    if offender.step is not None:
        return clip(safe_name(one_line(opened.image.steps[offender.step])), _INSTRUCTION)
    return ""


def offender_place(opened: Opened, offender: Offender) -> str:
    """The layer that stores an offender, or the step to change, safe to show; may be empty."""
    if offender.layer is not None:
        return f"layer {offender.layer}"
    if offender.step is not None:
        return safe_name(step_name(opened.image.steps[offender.step]))
    return ""


def offender_words(opened: Opened, offender: Offender, *, binary: bool = False) -> str:
    """An offender on one line: size, name, place, note."""
    words = [] if offender.bytes is None else [size(offender.bytes, binary=binary)]
    words.append(offender_name(opened, offender))
    words.append(offender_place(opened, offender))
    if offender.note and (offender.finding is None or offender.path is not None):
        words.append(safe_name(offender.note))
    return "  ".join(filter(None, words))
