"""`findings`: a check for each rule that looks for what to fix. How severe one is, `[rules.NAME]` says."""

from __future__ import annotations

from collections.abc import Iterator

from layerscope.analysis.findings.finding import Finding
from layerscope.analysis.gate.case import Case, is_secret
from layerscope.analysis.gate.found import check_findings
from layerscope.analysis.gate.rule import GateRule
from layerscope.analysis.gate.values import parse_switch
from layerscope.analysis.gate.verdict import Check

NAME = "findings"


def _check(case: Case, wanted: bool) -> Iterator[Check]:
    if not wanted:
        return
    by_rule: dict[str, list[Finding]] = {}
    for finding in case.findings:
        by_rule.setdefault(finding.rule, []).append(finding)
    for rule in case.finding_rules:
        if case.secrets_apart and is_secret(rule.name):
            continue
        found = [
            finding for finding in by_rule.get(rule.name, ()) if not case.ignored(finding, NAME)
        ]
        secret = is_secret(rule.name)
        yield check_findings(case, rule.name, rule.title, found, secret=secret)


RULE = GateRule(
    NAME,
    "Check findings by severity: on or off.",
    parse_switch,
    _check,
    metavar="on|off",
    default=True,
)
