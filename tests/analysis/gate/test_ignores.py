"""Ignores: their scope, their effect on figures, and warnings about those without effect."""

from __future__ import annotations

import pytest

from layerscope.analysis.gate.base import GateBase
from layerscope.analysis.gate.ignores import Ignore
from layerscope.analysis.gate.verdict import Verdict
from tests.analysis.findings.rule_images import opened_of
from tests.analysis.gate.gating import STEPS, config, finding, only_check, run_gate, verdict_of
from tests.images import file

FIGURES = {"max-wasted": 10**6, "min-efficiency": 0, "max-layer-size": 10**6, "max-size": 10**6}


def figures(*ignores: Ignore) -> tuple[float | None, ...]:
    """Wasted bytes, efficiency, largest layer and size, with these ignores."""
    verdict = run_gate(STEPS, FIGURES, ignores)
    assert not verdict.warnings
    return tuple(only_check(verdict, rule).value for rule in FIGURES)


def unused(verdict: Verdict) -> list[str]:
    """The places of ignores without effect."""
    return [warning.place for warning in verdict.warnings if warning.code == "ignore-unused"]


def test_ignored_waste_counts_neither_as_wasted_nor_as_stored() -> None:
    """Live bytes at an ignored path still count."""
    assert figures() == (500, 1800 / 2300, 1300, 2300)
    assert figures(Ignore(paths=("gone",))) == (300, 1800 / 2100, 1300, 2300)
    assert figures(Ignore(paths=("/gone", "tw*"))) == (0, 1.0, 1300, 2300)


def test_an_ignored_layer_is_left_out_whole() -> None:
    """This includes what it stores and what it hides; for layer 1 that is all waste, and 300 live bytes."""
    assert figures(Ignore(layers=(1,))) == (0, 1.0, 1300, 2300)
    assert figures(Ignore(layers=(0,))) == (200, 800 / 1000, 500, 2300)


def test_an_ignored_base_leaves_out_its_own_layers_and_waste() -> None:
    """Files of the base that later steps hide are the waste of those."""
    assert figures(Ignore(base_image=True)) == (500, 800 / 1300, 500, 2300)


def test_all_conditions_of_an_entry_must_hold() -> None:
    """A path in another layer is not ignored."""
    assert figures(Ignore(paths=("gone",), layers=(2,))) == (300, 1800 / 2100, 1300, 2300)
    verdict = run_gate(STEPS, FIGURES, [Ignore(paths=("gone",), layers=(0,), place="here")])
    assert only_check(verdict, "max-wasted").value == 500
    assert unused(verdict) == ["here"]


def test_an_ignore_may_be_for_one_rule() -> None:
    """The other rules count everything."""
    verdict = run_gate(STEPS, FIGURES, [Ignore(paths=("gone",), rules=("max-wasted",))])
    assert only_check(verdict, "max-wasted").value == 300
    assert only_check(verdict, "min-efficiency").value == 1800 / 2300


def test_a_layer_may_be_named_by_its_digest() -> None:
    """Numbers move when a Dockerfile changes, digests do not."""
    image = opened_of(STEPS)
    digest = image.image.layers[1].diff_id
    assert digest is not None
    verdict = verdict_of(image, config(FIGURES, [Ignore(layers=(digest[:20],))]))
    assert only_check(verdict, "max-wasted").value == 0
    assert not verdict.warnings


@pytest.mark.parametrize(
    "entry",
    [
        Ignore(paths=("/nowhere",), place="here"),
        Ignore(layers=(7,), place="here"),
        Ignore(layers=("sha256:00000000",), place="here"),
        Ignore(rules=("apt-lists",), place="here"),
        Ignore(paths=("base",), place="here"),
    ],
)
def test_an_ignore_without_effect_is_reported_with_its_line(entry: Ignore) -> None:
    """It does not fail the gate, because the image may have improved."""
    verdict = run_gate(STEPS, {**FIGURES, "findings": True}, [entry])
    assert unused(verdict) == ["here"]
    assert verdict.passed


def test_ignoring_an_unknown_base_is_reported() -> None:
    """The warning says what to do."""
    verdict = verdict_of(
        opened_of(STEPS),
        config(FIGURES, [Ignore(base_image=True, place="here")]),
        base=GateBase(),
    )
    (warning,) = verdict.warnings
    assert "the base image is unknown" in warning.message


def test_ignores_are_summarised() -> None:
    """A passing gate must show what it leaves out."""
    verdict = run_gate(STEPS, FIGURES, [Ignore(paths=("gone",))])
    assert verdict.ignored_bytes == 200


def test_findings_are_ignored_by_rule_layer_base_or_all_of_their_paths() -> None:
    """A finding with one path left still counts."""
    image = opened_of(STEPS)
    found = [finding(image, "apt-lists", "base", "twice", layer=0)]

    def count(*entries: Ignore) -> float | None:
        verdict = verdict_of(image, config({"findings": True}, entries), findings=found)
        assert verdict.ignored_findings == 1 - int(only_check(verdict, "apt-lists").value or 0)
        return only_check(verdict, "apt-lists").value

    assert count() == 1
    assert count(Ignore(rules=("apt-lists",))) == 0
    assert count(Ignore(rules=("deleted-later",))) == 1
    assert count(Ignore(layers=(0,))) == 0
    assert count(Ignore(layers=(1,))) == 1
    assert count(Ignore(base_image=True)) == 0
    assert count(Ignore(paths=("base",))) == 1
    assert count(Ignore(paths=("base", "twice"))) == 0
    assert count(Ignore(paths=("base",)), Ignore(paths=("twice",))) == 0
    assert count(Ignore(paths=("base", "twice"), layers=(2,))) == 1


def test_an_ignore_that_covers_part_of_a_finding_is_reported() -> None:
    """It would look effective, but is not."""
    image = opened_of(STEPS)
    found = [finding(image, "apt-lists", "base", "app/x")]
    entry = Ignore(paths=("base",), place="here")
    verdict = verdict_of(image, config({"findings": True}, [entry]), findings=found)
    assert unused(verdict) == ["here"]


def test_forbidden_paths_can_be_excepted() -> None:
    """An ignored directory contains no forbidden paths."""
    steps = [("RUN a", [file("etc/ssl/ca.pem", b"1"), file("app/key.pem", b"2")])]
    values = {"forbidden-paths": ["*.pem"]}
    assert only_check(run_gate(steps, values), "forbidden-paths").value == 2
    check = only_check(run_gate(steps, values, [Ignore(paths=("/etc/ssl",))]), "forbidden-paths")
    assert [one.path for one in check.offenders] == ["/app/key.pem"]
