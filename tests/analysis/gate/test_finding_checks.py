"""Findings in the gate: which fail, and which only warn."""

from __future__ import annotations

import pytest

from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.rules import RULES as FINDING_RULES
from layerscope.analysis.gate.ignores import Ignore
from layerscope.analysis.gate.verdict import Outcome, Unit
from layerscope.words import Confidence, Severity
from tests.analysis.findings.rule_images import opened_of
from tests.analysis.gate.gating import STEPS, config, finding, only_check, verdict_of

SECRET = Rule("secret-test", "A secret", "It leaks.", lambda _: ())


WITH_SECRETS = (*FINDING_RULES, SECRET)
WITHOUT = tuple(rule for rule in FINDING_RULES if not rule.name.startswith("secret-"))


@pytest.mark.parametrize(
    ("severity", "fail_on", "wanted"),
    [
        (Severity.ERROR, "error", Outcome.FAIL),
        (Severity.WARNING, "error", Outcome.WARN),
        (Severity.NOTE, "error", Outcome.PASS),
        (Severity.ERROR, "warning", Outcome.FAIL),
        (Severity.WARNING, "warning", Outcome.FAIL),
        (Severity.NOTE, "warning", Outcome.PASS),
    ],
)
def test_errors_fail_and_warnings_fail_only_on_request(
    severity: Severity, fail_on: str, wanted: Outcome
) -> None:
    """`fail-on` is the lowest severity that fails."""
    image = opened_of(STEPS)
    found = [finding(image, "apt-lists", "base", severity=severity)]
    settings = config({"findings": True, "fail-on": fail_on})
    verdict = verdict_of(image, settings, findings=found)
    check = only_check(verdict, "apt-lists")
    assert (check.outcome, check.value, check.unit) == (wanted, 1, Unit.FINDINGS)
    assert verdict.passed is (wanted is not Outcome.FAIL)


def test_every_rule_has_its_check() -> None:
    """Rules without findings have one, too, because programs count them."""
    verdict = verdict_of(opened_of(STEPS), config({"findings": True}), findings=[])
    assert {check.rule for check in verdict.checks} >= {"apt-lists", "deleted-later"}
    assert {check.outcome for check in verdict.checks} == {Outcome.PASS}


def test_findings_can_be_switched_off() -> None:
    """They do not count then."""
    image = opened_of(STEPS)
    found = [finding(image, "apt-lists", "base", severity=Severity.ERROR)]
    assert verdict_of(image, config(), findings=found).passed


def test_without_rules_for_secrets_the_check_is_skipped() -> None:
    """Skipped findings do not count as absent."""
    image = opened_of(STEPS)
    verdict = verdict_of(image, config({"no-secrets": "high"}), rules=WITHOUT)
    assert only_check(verdict, "no-secrets").outcome is Outcome.SKIP
    assert [warning.code for warning in verdict.warnings] == ["rule-skipped"]


@pytest.mark.parametrize(
    ("sure", "limit", "wanted"),
    [
        (Confidence.HIGH, "high", [Outcome.FAIL]),
        (Confidence.MEDIUM, "high", [Outcome.PASS, Outcome.WARN]),
        (Confidence.MEDIUM, "medium", [Outcome.FAIL]),
        (Confidence.LOW, "medium", [Outcome.PASS, Outcome.WARN]),
        (Confidence.LOW, True, [Outcome.FAIL]),
        (Confidence.LOW, False, []),
    ],
)
def test_secrets_fail_above_a_confidence(
    sure: Confidence, limit: object, wanted: list[Outcome]
) -> None:
    """An uncertain secret is shown, but does not fail the gate."""
    image = opened_of(STEPS)
    found = [finding(image, "secret-test", "base", confidence=sure)]
    verdict = verdict_of(image, config({"no-secrets": limit}), findings=found, rules=WITH_SECRETS)
    assert [check.outcome for check in verdict.checks] == wanted


@pytest.mark.parametrize(
    ("limit", "wanted"),
    [
        ("high", "1 finding, 100 B; 2 of medium and 1 of low confidence are not counted."),
        ("medium", "3 findings, 300 B; 1 of low confidence is not counted."),
        (True, "4 findings, 400 B."),
    ],
)
def test_the_check_mentions_secrets_that_it_does_not_count(limit: object, wanted: str) -> None:
    """The headline counts secrets of any confidence, so its number may differ from that of the check."""
    image = opened_of(STEPS)
    levels = (Confidence.MEDIUM, Confidence.LOW, Confidence.HIGH, Confidence.MEDIUM)
    found = [finding(image, "secret-test", "base", confidence=sure) for sure in levels]
    verdict = verdict_of(image, config({"no-secrets": limit}), findings=found, rules=WITH_SECRETS)
    assert only_check(verdict, "no-secrets").message == wanted
    unsure = [one for one in found if one.confidence is Confidence.LOW]
    verdict = verdict_of(
        image, config({"no-secrets": "medium"}), findings=unsure, rules=WITH_SECRETS
    )
    assert (
        only_check(verdict, "no-secrets").message
        == "none of medium or high confidence; 1 of low confidence is not counted."
    )


def test_a_secret_is_reported_once() -> None:
    """The rule `no-secrets` reports it; its own rule does only if that is off."""
    image = opened_of(STEPS)
    found = [finding(image, "secret-test", "base", severity=Severity.ERROR)]
    both = verdict_of(
        image, config({"no-secrets": "high", "findings": True}), findings=found, rules=WITH_SECRETS
    )
    assert [check.rule for check in both.checks if check.value] == ["no-secrets"]
    alone = verdict_of(image, config({"findings": True}), findings=found, rules=WITH_SECRETS)
    assert [check.rule for check in alone.checks if check.value] == ["secret-test"]


@pytest.mark.parametrize(
    "entry",
    [Ignore(paths=("base",)), Ignore(layers=(0,)), Ignore(base_image=True)],
    ids=["path", "layer", "base"],
)
@pytest.mark.parametrize("values", [{"no-secrets": "high"}, {"findings": True}])
def test_a_secret_is_never_ignored_implicitly(entry: Ignore, values: dict[str, object]) -> None:
    """Ignoring the waste of a directory does not cover its secrets."""
    image = opened_of(STEPS)
    found = [finding(image, "secret-test", "base", severity=Severity.ERROR)]
    verdict = verdict_of(image, config(values, [entry]), findings=found, rules=WITH_SECRETS)
    assert not verdict.passed


@pytest.mark.parametrize("rule", ["secret-test", "no-secrets"])
def test_a_secret_is_ignored_by_its_rule_or_by_the_gate(rule: str) -> None:
    """The entry has its path, as for a test key."""
    image = opened_of(STEPS)
    found = [finding(image, "secret-test", "base")]
    entry = Ignore(paths=("base",), rules=(rule,))
    verdict = verdict_of(
        image, config({"no-secrets": "high"}, [entry]), findings=found, rules=WITH_SECRETS
    )
    assert verdict.passed
    assert not verdict.warnings
