"""Rules that compare a figure: a value exactly at the limit passes, one byte beyond it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerscope.analysis.gate.base import GateBase
from layerscope.analysis.gate.verdict import Check, Outcome, Unit
from layerscope.opening.open import Options, open_image
from layerscope.sources import Request
from layerscope.words import Severity
from tests.analysis.findings.rule_images import opened_of
from tests.analysis.gate.gating import STEPS, config, only_check, outcome, run_gate, verdict_of
from tests.images import file, layer_tar, oci_archive, whiteout, write

PASS, FAIL, SKIP = Outcome.PASS, Outcome.FAIL, Outcome.SKIP


@pytest.mark.parametrize(
    ("rule", "at", "beyond"),
    [
        ("min-efficiency", 1800 / 2300, 1801 / 2300),
        ("max-wasted", 500, 499),
        ("max-wasted-percent", 500 / 2300, 499 / 2300),
        ("max-user-wasted-percent", 500 / 1000, 499 / 1000),
        ("max-new-waste", 500, 499),
        ("max-size", 2300, 2299),
        ("max-layer-size", 1300, 1299),
        ("max-layers", 3, 2),
    ],
)
def test_an_image_exactly_at_the_limit_passes(rule: str, at: float, beyond: float) -> None:
    """A limit is the last allowed value."""
    assert outcome({rule: at}) is PASS
    assert outcome({rule: beyond}) is FAIL


def test_shares_count_only_above_the_floor() -> None:
    """A small image that wastes half of itself does not fail a build."""
    image = opened_of(STEPS)
    wanted = {"min-efficiency": 0.9, "max-wasted-percent": 0.1, "max-user-wasted-percent": 0.1}
    low = verdict_of(image, config({**wanted, "wasted-floor": 499}))
    high = verdict_of(image, config({**wanted, "wasted-floor": 500}))
    assert [check.outcome for check in low.checks] == [FAIL] * 3
    assert [check.outcome for check in high.checks] == [PASS] * 3
    assert (
        only_check(high, "min-efficiency").message
        == "500 B wasted: percentages are ignored up to 500 B."
    )


def test_bytes_count_without_a_floor() -> None:
    """A limit in bytes applies, however small."""
    verdict = verdict_of(opened_of(STEPS), config({"max-wasted": 499, "wasted-floor": "1 GB"}))
    assert not verdict.passed


def test_offenders_are_the_largest_with_their_origins() -> None:
    """An offender has the path, its layer, the step that hides it, and the reason."""
    check = only_check(run_gate(STEPS, {"max-wasted": 0}), "max-wasted")
    assert check.offender_count == 2
    assert [
        (one.path, one.bytes, one.layer, one.hidden_by, one.note) for one in check.offenders
    ] == [
        ("/twice", 300, 0, 1, "overwritten in layer 1"),
        ("/gone", 200, 1, 2, "deleted in layer 2"),
    ]
    assert [one.step for one in check.offenders] == [2, 2]  # the one to change


def test_only_layers_above_the_limit_are_offenders() -> None:
    """A layer that keeps the limit is none."""
    check = only_check(run_gate(STEPS, {"max-layer-size": 500}), "max-layer-size")
    assert [(one.layer, one.bytes) for one in check.offenders] == [(0, 1300)]


def test_new_waste_is_caused_by_later_steps() -> None:
    """Waste within the base image is not new; files of the base that a step hides are."""
    steps = [
        ("ADD file:a in /", [file("a", b"1" * 900)]),
        ("RUN b", [file("a", b"2" * 900)]),
        ("RUN c", [file("a", b"3" * 40), file("d", b"4" * 10)]),
        ("RUN d", [whiteout("d")]),
    ]
    image = opened_of(steps)
    for layers, new in ((0, 1810), (2, 910), (3, 10), (4, 0)):
        verdict = verdict_of(image, config({"max-new-waste": 0}), base=GateBase(layers, layers))
        assert only_check(verdict, "max-new-waste").value == new


def test_without_a_base_image_all_waste_is_new() -> None:
    """A limit applies even if the end of the base is unknown, and the check says so."""
    steps = [("RUN a", [file("a", b"1" * 9)]), ("RUN b", [whiteout("a")])]
    check = only_check(run_gate(steps, {"max-new-waste": 8}), "max-new-waste")
    assert (check.outcome, check.value) == (FAIL, 9)
    assert "the base image is unknown" in check.message


def test_a_single_layer_has_no_user_waste() -> None:
    """dive shows NaN %."""
    steps = [("RUN a", [file("a", b"1" * 9), file("a", b"2" * 9)])]
    check = only_check(run_gate(steps, {"max-user-wasted-percent": 0}), "max-user-wasted-percent")
    assert (check.outcome, check.value) == (PASS, 0)


@pytest.mark.parametrize(
    ("last", "share"), [([file("a", b"2" * 1000)], 1.0), ([whiteout("a")], 1.0)]
)
def test_a_rewritten_base_counts_as_user_waste(last: list[object], share: float) -> None:
    """dive shows 200 %; if later layers store nothing, any waste is 100 %."""
    steps = [("RUN a", [file("a", b"1" * 1000)]), ("RUN b", last)]
    check = only_check(run_gate(steps, {"max-user-wasted-percent": 0.5}), "max-user-wasted-percent")  # type: ignore[arg-type]
    assert (check.outcome, check.value) == (FAIL, share)


def test_uncompressed_layers_have_no_compressed_size_to_check() -> None:
    """A limit without effect is reported."""
    verdict = run_gate(STEPS, {"max-compressed-size": 1})
    check = only_check(verdict, "max-compressed-size")
    assert (check.outcome, check.value) == (SKIP, None)
    assert verdict.passed
    (warning,) = verdict.warnings
    assert warning.code == "rule-skipped"
    assert warning.place == "line of max-compressed-size"


def test_an_empty_image_passes_every_limit() -> None:
    """All of its figures are 0."""
    values = {
        "min-efficiency": 1,
        "max-wasted": 0,
        "max-wasted-percent": 0,
        "max-user-wasted-percent": 0,
        "max-new-waste": 0,
        "max-size": 0,
        "max-layer-size": 0,
        "max-layers": 0,
        "forbidden-paths": ["*"],
        "allowed-paths": ["/nowhere"],
        "findings": True,
    }
    assert run_gate([], values).passed


def test_a_rule_that_is_off_checks_nothing() -> None:
    """`false` turns it off."""
    assert run_gate(STEPS, {"max-wasted": False, "max-layers": False}).checks == ()


def test_compressed_sizes_are_those_of_the_blobs(tmp_path: Path) -> None:
    """Offenders have the pushed bytes, too, not the stored ones."""
    layers = [layer_tar([file("a", b"a" * 5000)]), layer_tar([file("b", bytes(range(256)) * 4)])]
    path = write(tmp_path / "image.tar", oci_archive(layers, compress="gzip"))
    image = open_image(Request(str(path)), Options(rules={}))
    sizes = [index.compressed_bytes or 0 for index in image.indexes]
    total = sum(sizes)
    at = verdict_of(image, config({"max-compressed-size": total}))
    assert (only_check(at, "max-compressed-size").outcome, total < 3000) == (PASS, True)
    check = only_check(
        verdict_of(image, config({"max-compressed-size": total - 1})), "max-compressed-size"
    )
    assert check.outcome is FAIL
    assert sorted(one.bytes or 0 for one in check.offenders) == sorted(sizes)


@pytest.mark.parametrize(
    ("unit", "value", "limit", "shown", "allowed"),
    [
        (Unit.BYTES, 40_400_001, 40_400_000, "40,400,001 B", "≤ 40,400,000 B"),
        (Unit.BYTES, 40_400_000, 40_400_000, "40.4 MB", "≤ 40.4 MB"),
        (Unit.BYTES, 50_000_000, 40_400_000, "50.0 MB", "≤ 40.4 MB"),
        (Unit.RATIO, 0.22901, 0.229, "22.901 %", "≤ 22.9 %"),
        (Unit.LAYERS, 4, 3, "4 layers", "≤ 3 layers"),
    ],
)
def test_rounding_never_hides_why_a_check_fails(
    unit: Unit, value: float, limit: float, shown: str, allowed: str
) -> None:
    """`fail 40.4 MB ≤ 40.4 MB` would not help."""
    check = Check(
        "rule", "Title", Outcome.FAIL, Severity.ERROR, unit, value, limit, False, "Said.", place=""
    )
    assert (check.value_text(), check.limit_text()) == (shown, allowed)
