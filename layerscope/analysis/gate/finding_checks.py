"""`findings`: a check for each finding rule, and how a check of findings ends. Severities are set in `[rules.NAME]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerscope.analysis.gate.rule import GateRule
from layerscope.analysis.gate.values import parse_switch
from layerscope.analysis.gate.verdict import MAX_OFFENDERS, Check, Offender, Outcome, Unit
from layerscope.text import count_of, safe_name, size
from layerscope.words import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from layerscope.analysis.findings.finding import Finding
    from layerscope.analysis.gate.case import Case

NAME = "findings"
_RANKS = {Severity.NOTE: 0, Severity.WARNING: 1, Severity.ERROR: 2}


def outcome_of(case: Case, severity: Severity) -> Outcome:
    """The outcome of a finding with this severity. With a baseline it is new, and fails unless it is a note."""
    minimum = Severity.WARNING if case.baseline is not None else case.fail_on
    if _RANKS[severity] >= _RANKS[minimum]:
        return Outcome.FAIL
    return Outcome.WARN if severity is Severity.WARNING else Outcome.PASS


def check_findings(
    case: Case,
    name: str,
    title: str,
    findings: Sequence[Finding],
    *,
    secret: bool = False,
    minimum: Severity = Severity.NOTE,
) -> Check:
    """A check of findings that are not ignored; findings of the baseline pass. `minimum` is their minimum severity."""
    baseline = case.baseline
    new = findings if baseline is None else [
        one for one in findings if not baseline.knows(one, case.filesystem.table, secret=secret)
    ]  # fmt: skip
    worst = max((one.severity for one in new), key=_RANKS.__getitem__, default=Severity.NOTE)
    worst = max(worst, minimum, key=_RANKS.__getitem__)
    outcome = outcome_of(case, worst) if new else Outcome.PASS
    count = count_of(len(new), "finding")
    if baseline is None:
        summary = f"{count}, {size(_bytes(new))}" if new else "nothing found"
    elif new:
        summary = f"{count}, {size(_bytes(new))}: not in the baseline"
    else:
        summary = f"{count_of(len(findings), 'finding')}, all in the baseline" if findings else "nothing found"  # fmt: skip
    return Check(
        rule=name,
        title=title,
        outcome=outcome,
        severity=worst if new else Severity.WARNING,
        unit=Unit.FINDINGS,
        value=len(new),
        limit=None if worst is Severity.NOTE and new else 0,
        message=f"{summary}.",
        offenders=tuple(offender_of(case, one) for one in new[:MAX_OFFENDERS]),
        offender_count=len(new),
        place=case.place(name),
        baseline=None if baseline is None else len(findings) - len(new),
    )


def offender_of(case: Case, finding: Finding) -> Offender:
    """A finding as an offender."""
    return Offender(
        path=case.name(int(finding.paths[0])) if len(finding.paths) else None,
        bytes=finding.bytes,
        layer=finding.layers[0] if finding.layers else None,
        step=finding.steps[0] if finding.steps else None,
        note=safe_name(finding.title),
        finding=finding,
    )


def _bytes(findings: Sequence[Finding]) -> int:
    return sum(finding.bytes for finding in findings)


def _check(case: Case, enabled: bool) -> Iterator[Check]:
    if not enabled:
        return
    from layerscope.analysis.findings.finding import is_secret

    by_rule: dict[str, list[Finding]] = {}
    for finding in case.findings:
        by_rule.setdefault(finding.rule, []).append(finding)
    for rule in case.finding_rules:
        if case.separate_secrets and is_secret(rule.name):
            continue
        findings = [
            finding for finding in by_rule.get(rule.name, ()) if not case.ignored(finding, NAME)
        ]
        secret = is_secret(rule.name)
        yield check_findings(case, rule.name, rule.title, findings, secret=secret)


RULE = GateRule(
    NAME,
    "Check findings by severity: on or off.",
    parse_switch,
    _check,
    metavar="on|off",
    default=True,
)
