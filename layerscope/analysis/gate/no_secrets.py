"""`no-secrets`: no layer may contain a secret, even if it is deleted later. Secrets are findings of rules `secret-…`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec.structs import replace

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


def _check(case: Case, minimum: Confidence) -> Iterator[Check]:
    from layerscope.analysis.findings.finding import is_secret

    title = "Secrets"
    if not any(is_secret(rule.name) for rule in case.finding_rules):
        reason, place = "the rules for secrets are off", case.place(NAME)
        if place != "default":
            case.warnings.append(GateWarning("rule-skipped", f"{NAME}: {reason}", place))
        yield Check(
            NAME, title, Outcome.SKIP, Severity.ERROR, Unit.FINDINGS, None, 0,
            message=f"{reason}.", place=place,
        )  # fmt: skip
        return
    secrets = [
        finding
        for finding in case.findings
        if is_secret(finding.rule) and not case.ignored(finding, NAME)
    ]
    certain = [one for one in secrets if _RANKS[one.confidence] >= _RANKS[minimum]]
    possible = [one for one in secrets if _RANKS[one.confidence] < _RANKS[minimum]]
    check = check_findings(case, NAME, title, certain, secret=True, minimum=Severity.ERROR)
    yield replace(check, message=_message(check.message, certain, possible, minimum))
    if possible:
        check = check_findings(case, NAME, "Possible secrets", possible, secret=True)
        outcome = Outcome.PASS if check.outcome is Outcome.PASS else Outcome.WARN
        yield _as_possible_secrets(check, outcome)


def _message(
    message: str, certain: Sequence[Finding], possible: Sequence[Finding], minimum: Confidence
) -> str:
    """The message of a check, including findings that the check of possible secrets counts."""
    if not possible:
        return message
    counted = message.removesuffix(".") if certain else f"none of {_at_least(minimum)} confidence"
    counts = Counter(one.confidence for one in possible)
    others = [f"{counts[level]:,} of {level}" for level in reversed(_RANKS) if counts[level]]
    verb = "is" if len(possible) == 1 else "are"
    return f"{counted}; {' and '.join(others)} confidence {verb} not counted."


def _at_least(minimum: Confidence) -> str:
    return " or ".join(level for level in _RANKS if _RANKS[level] >= _RANKS[minimum])


def _as_possible_secrets(check: Check, outcome: Outcome) -> Check:
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
