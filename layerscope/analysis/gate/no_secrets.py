"""`no-secrets`: no layer may contain a secret, even if it is deleted later. Secrets are findings of rules `secret-…`."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from layerscope.analysis.gate.finding_checks import check_findings
from layerscope.analysis.gate.rule import GateRule
from layerscope.analysis.gate.verdict import Check, GateWarning, Outcome, Unit
from layerscope.configuration import WrongValueError
from layerscope.words import Confidence, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from layerscope.analysis.findings.finding import Finding
    from layerscope.analysis.gate.case import Case

NAME = "no-secrets"
_RANKS = {Confidence.LOW: 0, Confidence.MEDIUM: 1, Confidence.HIGH: 2}


def _parse(value: object) -> Confidence:
    """The minimum confidence that fails; true for any."""
    if value is True:
        return Confidence.LOW
    if value not in tuple(Confidence):
        raise WrongValueError("takes high, medium or low (minimum confidence), true or false")
    return Confidence(str(value))


def _check(case: Case, sure: Confidence) -> Iterator[Check]:
    from layerscope.analysis.findings.finding import is_secret

    title = "Secrets"
    if not any(is_secret(rule.name) for rule in case.finding_rules):
        said, place = "the rules for secrets are off", case.place(NAME)
        if place != "default":
            case.warnings.append(GateWarning("rule-skipped", f"{NAME}: {said}", place))
        yield Check(
            NAME, title, Outcome.SKIP, Severity.ERROR, Unit.FINDINGS, None, 0,
            message=f"{said}.", place=place,
        )  # fmt: skip
        return
    found = [
        finding
        for finding in case.findings
        if is_secret(finding.rule) and not case.ignored(finding, NAME)
    ]
    certain = [one for one in found if _RANKS[one.confidence] >= _RANKS[sure]]
    unsure = [one for one in found if _RANKS[one.confidence] < _RANKS[sure]]
    check = check_findings(case, NAME, title, certain, secret=True, least=Severity.ERROR)
    yield replace(check, message=_message(check.message, certain, unsure, sure))
    if unsure:
        check = check_findings(case, NAME, "Possible secrets", unsure, secret=True)
        outcome = Outcome.PASS if check.outcome is Outcome.PASS else Outcome.WARN
        yield _with(check, outcome)


def _message(
    message: str, certain: Sequence[Finding], unsure: Sequence[Finding], sure: Confidence
) -> str:
    """The message of a check, including findings that the check of possible secrets counts."""
    if not unsure:
        return message
    counted = message.removesuffix(".") if certain else f"none of {_at_least(sure)} confidence"
    counts = Counter(one.confidence for one in unsure)
    others = [f"{counts[level]:,} of {level}" for level in reversed(_RANKS) if counts[level]]
    verb = "is" if len(unsure) == 1 else "are"
    return f"{counted}; {' and '.join(others)} confidence {verb} not counted."


def _at_least(sure: Confidence) -> str:
    return " or ".join(level for level in _RANKS if _RANKS[level] >= _RANKS[sure])


def _with(check: Check, outcome: Outcome) -> Check:
    """A check of findings below the minimum confidence."""
    return replace(check, rule=f"{NAME}-perhaps", outcome=outcome, severity=Severity.WARNING)


RULE = GateRule(
    NAME,
    "Fail on secrets of this confidence or higher: high, medium or low.",
    _parse,
    _check,
    metavar="CONFIDENCE",
    default=Confidence.HIGH,
)
