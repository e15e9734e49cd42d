"""With a baseline, only regressions fail."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from layerscope.analysis.findings.finding import Finding
from layerscope.analysis.gate.baseline_report import Report, read_report
from layerscope.analysis.gate.ignores import Ignore
from layerscope.analysis.gate.verdict import Outcome
from layerscope.errors import ExitCode, UsageError
from layerscope.limits import Limits
from layerscope.opening.open import Opened
from layerscope.words import Severity
from tests.analysis.findings.rule_images import Step, opened_of
from tests.analysis.gate.gating import STEPS, config, finding, only_check, report_of, verdict_of
from tests.images import file, whiteout

PASS, FAIL = Outcome.PASS, Outcome.FAIL
ALL = {
    "min-efficiency": 1,
    "max-wasted": 0,
    "max-size": 0,
    "max-layers": 1,
    "max-layer-size": 1,
    "max-new-waste": 0,
    "max-wasted-percent": 0,
    "max-user-wasted-percent": 0,
    "baseline-tolerance": 0,
}


def grown(bytes_wasted: int) -> list[Step]:
    """The usual image, with this many more wasted bytes."""
    return [
        *STEPS[:2],
        ("RUN one", [file("twice", b"2" * 300), file("gone", b"g" * (200 + bytes_wasted))]),
        *STEPS[3:],
    ]


@pytest.fixture
def old(tmp_path: Path) -> Report:
    """The report of the usual image."""
    return report_of(opened_of(STEPS), tmp_path, files=True)


def test_the_same_image_passes_whatever_the_limits(old: Report) -> None:
    """The baseline contains all violations."""
    verdict = verdict_of(opened_of(STEPS), config(ALL), baseline=old)
    assert len(verdict.checks) == 11
    assert {check.outcome for check in verdict.checks} == {PASS}
    assert "no worse than the baseline" in only_check(verdict, "max-wasted").message
    assert only_check(verdict, "max-wasted").baseline == 500


def test_one_wasted_byte_more_fails(old: Report) -> None:
    """The limits fail, and so does the comparison."""
    verdict = verdict_of(opened_of(grown(1)), config(ALL), baseline=old)
    failed = {check.rule for check in verdict.checks if check.outcome is FAIL}
    assert failed == {
        "min-efficiency",
        "max-wasted",
        "max-size",
        "max-new-waste",
        "max-wasted-percent",
        "max-user-wasted-percent",
        "baseline-wasted",
        "baseline-size",
        "baseline-efficiency",
    }
    (worst,) = only_check(verdict, "baseline-wasted").offenders
    assert (worst.path, worst.bytes) == ("/gone", 201)


@pytest.mark.parametrize(
    ("tolerance", "more", "wanted"),
    [("10 B", 10, PASS), ("10 B", 11, FAIL), ("1 %", 23, PASS), ("1 %", 24, FAIL)],
)
def test_growth_is_tolerated_up_to_the_tolerance(
    old: Report, tolerance: str, more: int, wanted: Outcome
) -> None:
    """A share refers to the bytes that the baseline stores, 2,300 here."""
    wanted_config = config({"max-wasted": 0, "baseline-tolerance": tolerance})
    verdict = verdict_of(opened_of(grown(more)), wanted_config, baseline=old)
    assert only_check(verdict, "baseline-wasted").outcome is wanted
    assert only_check(verdict, "baseline-size").outcome is wanted
    assert only_check(verdict, "max-wasted").outcome is wanted


def test_a_limit_that_the_baseline_kept_applies(old: Report) -> None:
    """Exceeding it is a regression, however small."""
    wanted = config({"max-wasted": 500, "baseline-tolerance": "1 kB"})
    verdict = verdict_of(opened_of(grown(1)), wanted, baseline=old)
    assert only_check(verdict, "baseline-wasted").outcome is PASS
    assert only_check(verdict, "max-wasted").outcome is FAIL


def test_a_smaller_image_is_no_regression(old: Report) -> None:
    """Its share of waste grows automatically."""
    smaller = [*STEPS[:3], ("RUN two", [whiteout("gone"), file("app/x", b"x")])]
    verdict = verdict_of(opened_of(smaller), config({"baseline-tolerance": 0}), baseline=old)
    assert {check.outcome for check in verdict.checks} == {PASS}
    assert "only because less is live" in only_check(verdict, "baseline-efficiency").message


def test_ignores_apply_to_the_baseline_too(old: Report) -> None:
    """Ignored growth does not count, and ignored bytes of the baseline do not allow other waste."""
    ignores = [Ignore(paths=("/gone",))]
    wanted = {"max-wasted": 0, "baseline-tolerance": 0}
    same = verdict_of(opened_of(grown(50)), config(wanted, ignores), baseline=old)
    assert only_check(same, "baseline-wasted").outcome is PASS
    assert only_check(same, "baseline-wasted").value == 300
    more = [*STEPS, ("RUN x", [whiteout("base")])]
    other = verdict_of(opened_of(more), config(wanted, ignores), baseline=old)
    assert (only_check(other, "baseline-wasted").value, only_check(other, "baseline-wasted").baseline) == (1300, 300)  # fmt: skip


def with_findings(image: Opened, old: Report, before: list[Finding]) -> Report:
    """The baseline with these findings."""

    table = image.filesystem.table
    plain = msgspec.to_builtins(old) | {
        "findings": [
            {
                "rule": one.rule,
                "title": one.title,
                "bytes": one.bytes,
                "paths": [path.decode() for path in table.full_paths(one.paths)],
            }
            for one in before
        ]
    }
    return msgspec.convert(plain, Report)


def outcome_of(old: Report, now: Finding, before: Finding | None) -> Outcome:
    """The outcome of a finding if the baseline has another one."""
    image = opened_of(STEPS)
    known = with_findings(image, old, [] if before is None else [before])
    wanted = config({"findings": True, "no-secrets": False})
    return only_check(verdict_of(image, wanted, findings=[now], baseline=known), now.rule).outcome


def test_a_finding_is_known_by_its_rule_and_paths(old: Report) -> None:
    """The step does not identify it, because steps move when a line is added to a Dockerfile."""
    image = opened_of(STEPS)
    now = finding(image, "apt-lists", "base", layer=1)
    assert outcome_of(old, now, None) is FAIL
    assert outcome_of(old, now, finding(image, "apt-lists", "base", layer=0)) is PASS
    assert outcome_of(old, now, finding(image, "apt-lists", "base", "app/x")) is PASS
    assert outcome_of(old, now, finding(image, "apt-lists", "app/x")) is FAIL
    assert outcome_of(old, now, finding(image, "deleted-later", "base")) is FAIL


def test_a_known_finding_may_not_grow(old: Report) -> None:
    """It may grow by the tolerance at most, 1 % of the image."""
    image = opened_of(STEPS)
    before = finding(image, "apt-lists", "base", size=100)
    wanted = config({"findings": True, "baseline-tolerance": "1 %"})
    for size, outcome in ((123, PASS), (124, FAIL)):
        now = finding(image, "apt-lists", "base", size=size)
        known = with_findings(image, old, [before])
        verdict = verdict_of(image, wanted, findings=[now], baseline=known)
        assert only_check(verdict, "apt-lists").outcome is outcome


def test_notes_are_no_regression(old: Report) -> None:
    """New notes never fail the gate."""
    note = finding(opened_of(STEPS), "apt-lists", "base", severity=Severity.NOTE)
    assert outcome_of(old, note, None) is PASS


def test_a_finding_without_paths_is_known_by_its_title(old: Report) -> None:
    """Nothing else identifies it."""
    image = opened_of(STEPS)
    assert outcome_of(old, finding(image, "apt-lists"), finding(image, "apt-lists")) is PASS
    other = finding(image, "apt-lists", title="Another")
    assert outcome_of(old, other, finding(image, "apt-lists")) is FAIL


def test_forbidden_paths_in_the_baseline_pass(old: Report, tmp_path: Path) -> None:
    """The baseline has to list files; otherwise they fail, and the message says why."""
    wanted = config({"forbidden-paths": ["gone", "new"]})
    same = verdict_of(opened_of(STEPS), wanted, baseline=old)
    assert only_check(same, "forbidden-paths").outcome is PASS
    more = [*STEPS, ("RUN new", [file("new", b"n")])]
    check = only_check(verdict_of(opened_of(more), wanted, baseline=old), "forbidden-paths")
    assert [one.path for one in check.offenders] == ["/new"]
    bare = report_of(opened_of(STEPS), tmp_path)
    check = only_check(verdict_of(opened_of(STEPS), wanted, baseline=bare), "forbidden-paths")
    assert check.outcome is FAIL
    assert "--files" in check.message


def test_names_that_are_not_utf8_are_recognised(tmp_path: Path) -> None:
    """They are stored as lone surrogates, and names of whiteouts as plain names."""
    steps: list[Step] = [
        (
            "RUN a",
            [file(b"caf\xe9", b"1" * 9), file("a\ud83d".encode(errors="surrogatepass"), b"2")],
        ),
        ("RUN b", [whiteout(b"caf\xe9")]),
    ]
    image = opened_of(steps)
    known = report_of(image, tmp_path, files=True)
    wanted = config({"max-wasted": 0, "baseline-tolerance": 0}, [Ignore(paths=("caf\udce9",))])
    verdict = verdict_of(image, wanted, baseline=known)
    assert (only_check(verdict, "baseline-wasted").value, only_check(verdict, "baseline-wasted").baseline) == (0, 0)  # fmt: skip


def _document(tmp_path: Path) -> dict[str, Any]:
    report_of(opened_of(STEPS), tmp_path)
    found: dict[str, Any] = json.loads((tmp_path / "baseline.json").read_bytes())
    return found


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "line 1: invalid JSON"),
        (b'{\n"a": }', "line 2: invalid JSON"),
        (b"[]", "no schemaVersion"),
        (b"{}", "no schemaVersion"),
        (b'{"schemaVersion": 1}', "no schemaVersion"),
        (b'{"schemaVersion": "2.0"}', "schema 2.0"),
        (b'{"schemaVersion": "1.0"}', "missing required field `totals`"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":\n"\xe4"}', "line 2: invalid UTF-8"),
        (b"9" * 10_000, "a number with too many digits"),
    ],
    ids=["empty", "cut", "list", "object", "number", "newer", "bare", "deep", "binary", "digits"],
)
def test_a_file_that_is_not_a_report_is_an_error(data: bytes, said: str, tmp_path: Path) -> None:
    """The error has the name of the file, and how to write a report."""
    path = tmp_path / "old.json"
    path.write_bytes(data)
    with pytest.raises(UsageError) as caught:
        read_report(path)
    assert caught.value.exit_code == ExitCode.USAGE
    assert caught.value.message.startswith(str(path))
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("keys", "value", "said"),
    [
        (("totals", "storedBytes"), -1, "$.totals.storedBytes"),
        (("totals", "storedBytes"), 1, "do not add up"),
        (("totals", "wastedBytes"), 1, "do not add up"),
        (("layers", 0, "storedBytes"), 1 << 70, "$.layers[0].storedBytes"),
        (("waste", "records", 0, "storedIn"), 9, "a layer that does not exist"),
        (("waste", "records", 0, "hiddenBy"), 9, "a layer that does not exist"),
        (("waste", "records", 0, "reason"), "bored", "$.waste.records[0].reason"),
        (("waste", "records", 0, "path"), None, "$.waste.records[0].path"),
        (("findings",), {}, "$.findings"),
        (("totals", "efficiency"), -1, "$.totals.efficiency"),
        (("totals", "efficiency"), 1e308, "$.totals.efficiency"),
        (("totals", "avoidableBytes"), -1, "$.totals.avoidableBytes"),
        (("totals", "duplicateBytes"), 10**30, "$.totals.duplicateBytes"),
        (("totals", "liveBytes"), 7, "do not add up"),
        (("totals", "layers"), -1, "$.totals.layers"),
        (("totals", "layers"), 9, "do not add up"),
        (("totals", "files"), 10**30, "$.totals.files"),
        (("duplicates",), "x", "$.duplicates"),
        (("image",), [], "$.image"),
        (("warnings",), [1], "$.warnings"),
        (("steps",), None, "$.steps"),
    ],
)
def test_a_report_that_was_changed_is_an_error(
    keys: tuple[str | int, ...], value: object, said: str, tmp_path: Path
) -> None:
    """An unchecked baseline could let anything pass."""
    document: Any = _document(tmp_path)
    inner = document
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    path = tmp_path / "old.json"
    path.write_text(json.dumps(document))
    with pytest.raises(UsageError) as caught:
        read_report(path)
    assert said in caught.value.message


def test_a_baseline_must_be_a_file(tmp_path: Path) -> None:
    """A missing file or a directory is an error."""
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(UsageError, match=str(path)):
            read_report(path)


def test_later_reports_of_the_same_schema_are_read(tmp_path: Path) -> None:
    """Later versions of schema 1 may add keys."""
    document = _document(tmp_path) | {"schemaVersion": "1.7", "more": {"than": "known"}}
    path = tmp_path / "old.json"
    path.write_text(json.dumps(document))
    assert len(read_report(path).layers) == 3


def test_a_report_with_impossible_names_is_read(tmp_path: Path) -> None:
    """Halves of surrogate pairs are valid JSON."""
    document = _document(tmp_path)
    odd = "a/\ud83d\ud83d"
    document["waste"]["records"][0]["path"] = odd
    document["layers"][0]["files"] = [{"path": odd}]
    document["findings"] = [{"rule": "apt-lists", "title": "x", "bytes": 1, "paths": [odd]}]
    path = tmp_path / "old.json"
    path.write_text(json.dumps(document))
    wanted = config({"max-wasted": 0, "findings": True, "forbidden-paths": "gone"})
    verdict = verdict_of(opened_of(STEPS), wanted, baseline=read_report(path))
    assert only_check(verdict, "baseline-wasted").outcome is PASS


def test_a_baseline_with_endless_paths_is_an_error(
    old: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its paths have the same limits as those of an image."""
    limits = "layerscope.analysis.gate.baseline_report.DEFAULT_LIMITS"
    monkeypatch.setattr(limits, Limits(metadata_bytes=100))
    old.waste.records[0].path = "a/b/c"
    with pytest.raises(
        UsageError, match="the baseline: limit metadata_bytes exceeded: more than 100"
    ):
        verdict_of(opened_of(STEPS), config(), baseline=old)


def test_a_pipe_cannot_be_a_baseline(tmp_path: Path) -> None:
    """It is not opened, because there may never be a writer."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="not a regular file"):
        read_report(tmp_path / "pipe")
