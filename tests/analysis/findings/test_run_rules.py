"""All rules together: order, thresholds, switches, and bytes claimed by several findings."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from msgspec.structs import replace

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.finding import Claim
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.rules import RULES, check_rules
from layerscope.analysis.findings.run_rules import run_rules
from layerscope.errors import UsageError
from layerscope.settings import RuleChoice
from layerscope.words import Confidence, Severity
from tests.analysis.findings.rule_images import opened_of
from tests.images import file

STEPS = [
    ("/bin/sh -c one", [file("a", b"a" * 100), file("b", b"b" * 50)]),
    ('CMD ["sh"]', None),
    ("/bin/sh -c two", [file("c", b"c" * 7)]),
]


def evidence(base_steps: int = 0) -> Evidence:
    """The evidence of a small image."""
    opened = opened_of(STEPS)
    return Evidence(
        opened.image,
        opened.filesystem,
        opened.contents,
        opened.accounting,
        opened.duplicates,
        base_steps,
    )


def claims(name: str, *letters: str) -> Rule:
    """A rule that claims the files with these names, each in a separate claim."""

    def find(evidence: Evidence) -> Iterator[Claim]:
        for letter in letters:
            for group in evidence.by_layer(evidence.live_under(*letter.split("+"))):
                yield Claim("# fix", layers=(group.layer,), inodes=group.inodes, paths=group.paths)

    return Rule(name, "Found", "It matters.", find, min_bytes=0)


def test_more_severe_findings_come_first() -> None:
    """A large note comes after a small warning."""
    note = replace(claims("x", "a"), severity=Severity.NOTE)
    found = run_rules(evidence(), rules=[note, claims("y", "c")]).found
    assert [(finding.rule, finding.bytes) for finding in found] == [("y", 7), ("x", 100)]


def test_findings_come_largest_first_and_name_their_steps() -> None:
    """Steps without a layer count, so layer 1 is step 2."""
    found = run_rules(evidence(), rules=[claims("x", "c", "a")]).found
    assert [(finding.bytes, finding.layers, finding.steps) for finding in found] == [
        (100, (0,), (0,)),
        (7, (1,), (2,)),
    ]


def test_a_content_that_several_findings_claim_counts_once() -> None:
    """The saving of all findings is the union of their contents, not the sum of their bytes."""
    findings = run_rules(evidence(), rules=[claims("x", "a+b"), claims("y", "b", "c")])
    assert sorted(finding.bytes for finding in findings.found) == [7, 50, 150]
    assert findings.saving() == 157
    assert findings.saving([0]) == 150
    assert findings.saving([]) == 0


def test_findings_of_the_base_image_are_marked() -> None:
    """A finding belongs to the base image if its step is one of the first `base_steps`."""
    findings = run_rules(evidence(base_steps=1), rules=[claims("x", "a", "c")])
    assert [finding.base for finding in findings.found] == [True, False]
    assert findings.saving(findings.outside_base) == 7


def test_a_rule_can_be_switched_off_and_tuned() -> None:
    """A rule can be off, or have another threshold or severity."""
    rules = [claims("x", "a", "c")]
    assert run_rules(evidence(), {"x": RuleChoice(enabled=False)}, rules).found == ()
    (finding,) = run_rules(
        evidence(), {"x": RuleChoice(min_bytes=8, severity="error")}, rules
    ).found
    assert (finding.bytes, finding.severity) == (100, Severity.ERROR)


def test_bytes_that_no_fix_saves_are_not_avoidable() -> None:
    """A claim without contents has a size, but no saving."""

    def find(evidence: Evidence) -> Iterator[Claim]:
        yield Claim("# fix", layers=(0,), bytes=4000)

    findings = run_rules(evidence(), rules=[Rule("x", "Found", "It matters.", find)])
    assert findings.found == ()  # below the threshold
    findings = run_rules(evidence(), rules=[replace(claims("x"), find=find)])
    assert (findings.found[0].bytes, findings.saving()) == (4000, 0)


def test_rules_have_unique_names() -> None:
    """Settings and gates refer to rules by name."""
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    assert all(name == name.lower() and " " not in name for name in names)
    assert all(rule.why.endswith(".") for rule in RULES)
    small = [rule for rule in RULES if not rule.title[:1].isupper()]
    assert all(rule.title.split()[0] in rule.name for rule in small)  # a tool written its own way


def test_an_unknown_rule_is_an_error_with_a_suggestion() -> None:
    """A setting without effect is always reported."""
    with pytest.raises(
        UsageError, match=r"config\.toml, line 3: unknown rule `apt-list`"
    ) as caught:
        check_rules(["apt-list"], lambda _: "config.toml, line 3")
    assert (caught.value.hint or "").startswith("did you mean apt-lists")


def test_an_image_without_layers_has_no_finding() -> None:
    """Every rule accepts an empty image."""
    opened = opened_of([])
    assert opened.findings is not None
    assert opened.findings.found == ()


def test_secrets_are_counted_by_file_without_guesses() -> None:
    """A file with two kinds of secrets counts once; a secret in the history has no file."""
    sure, other = claims("secret-key", "a", "b"), claims("secret-token", "b")
    guess = replace(claims("secret-guess", "c"), confidence=Confidence.LOW)
    findings = run_rules(evidence(), rules=[sure, other, guess, claims("waste", "c")])
    assert findings.secrets == 2
    in_history = replace(findings.found[0], paths=np.zeros(0, np.int32))
    assert replace(findings, found=(*findings.found, in_history)).secrets == 3
