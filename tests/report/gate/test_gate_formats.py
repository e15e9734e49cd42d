"""The verdict in every format: other programs can read it, and names never become markup or commands."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from junitparser import Failure, JUnitXml, Skipped, TestSuite
from msgspec.structs import replace

from layerscope.analysis.gate.verdict import Check, GateWarning, Offender, Outcome, Unit, Verdict
from layerscope.image.dockerfile import parse_dockerfile
from layerscope.opening.open import Opened, Options
from layerscope.report.gate import FORMATS, writer_of
from layerscope.report.headline import headline_text
from layerscope.report.options import ReportOptions
from layerscope.words import Severity
from tests.report.hostile import COMMAND, NAMES, hostile
from tests.report.sample import opened
from tests.report.test_html import Page as HtmlPage
from tests.report.test_markdown import OURS
from tests.report.test_markdown import Page as MarkdownPage
from tests.report.test_sarif import SCHEMA, validate

EVIL = "</td><script>owned()</script> `x` @octocat | #1\n::error::owned\r##[error] =1+1 {0} [x](https://evil.example)"
PLACES = re.compile(r"file=Dockerfile,line=(\d+),endLine=(\d+)")


def check(rule: str, outcome: Outcome, *offenders: Offender, **how: Any) -> Check:
    return Check(
        rule=rule,
        title=how.pop("title", rule.capitalize()),
        outcome=outcome,
        severity=Severity.ERROR,
        unit=how.pop("unit", Unit.BYTES),
        value=how.pop("value", 2_000_000),
        limit=how.pop("limit", 1_000_000),
        message=how.pop("message", "There is too much of it."),
        offenders=offenders,
        offender_count=how.pop("count", len(offenders)),
        place="ci.toml:3",
    )


def verdict_of(image: Opened, *, hard: Outcome = Outcome.FAIL) -> Verdict:
    """A verdict with one check of each outcome; the failed one has paths, the one that warns has findings."""
    assert image.findings is not None
    lists = next(found for found in image.findings.found if found.rule == "apt-lists")
    paths = [
        Offender(
            path="/gone/" + (name.decode(errors="surrogateescape") if isinstance(name, bytes) else name),
            bytes=27_000, layer=0, step=0, hidden_by=2, note="deleted by step 2",
        )
        for name in NAMES
    ]  # fmt: skip
    return Verdict(
        checks=(
            check("max-size", Outcome.PASS, value=900_000),
            check("max-wasted", hard, *paths, count=40, title=EVIL, message=EVIL),
            check("apt-lists", Outcome.WARN, Offender(finding=lists, bytes=lists.bytes, step=1),
                  unit=Unit.FINDINGS, value=1, limit=0),
            check("no-secrets", Outcome.SKIP, message=EVIL, value=None),
        ),
        warnings=(GateWarning("ignore-unused", EVIL, "ci.toml:9"),),
        source="ci.toml", source_kind="layerscope", base_layers=0, base_reason="", base_guessed=False,
        ignored_bytes=0, ignored_findings=0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    command = COMMAND.removeprefix("RUN /bin/sh -c ").removesuffix(" # buildkit")
    broken = command.replace("&& ", "&& \\\n")
    text = f"FROM x\n\nRUN {broken}\nRUN rm -rf /gone\n"
    dockerfile = parse_dockerfile(text.encode(), "Dockerfile")
    path = tmp_path_factory.mktemp("evil") / "evil.tar"
    return opened(path, hostile(), Options(rules={}, dockerfile=dockerfile))


def written(image: Opened, form: str, verdict: Verdict | None = None) -> str:
    stream = io.BytesIO()
    writer_of(form)(verdict or verdict_of(image), image, stream, ReportOptions())
    return stream.getvalue().decode()


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_has_every_failed_check(evil: Opened, form: str) -> None:
    text = written(evil, form)
    for rule in ("max-wasted", "apt-lists"):
        assert rule in text


@pytest.mark.parametrize("form", FORMATS)
def test_no_format_controls_the_terminal(evil: Opened, form: str) -> None:
    text = written(evil, form)
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e\u2028\ud800-\udfff]", text)
    assert "\r" not in text.replace("\r\n", "")


def test_junit_has_one_case_per_check(evil: Opened) -> None:
    (suite,) = JUnitXml.fromstring(written(evil, "junit").encode())
    assert isinstance(suite, TestSuite)
    cases = {case.name.partition(":")[0]: case for case in suite if case.classname == "layerscope.gate"}  # fmt: skip
    assert list(cases) == ["max-size", "max-wasted", "apt-lists", "no-secrets"]
    assert cases["max-size"].result == []
    (failure,) = cases["max-wasted"].result
    assert isinstance(failure, Failure)
    assert "/gone/caf\\xe9" in (failure.text or "")
    assert "… and 21 more" in (failure.text or "")
    assert cases["apt-lists"].result == []
    assert "warning" in (cases["apt-lists"].system_out or "")
    assert isinstance(cases["no-secrets"].result[0], Skipped)
    assert suite.failures == 1
    root = ElementTree.fromstring(written(evil, "junit"))  # noqa: S314
    lines = [case.get("line") for case in root.iter("testcase") if case.get("name", "").startswith("apt")]  # fmt: skip
    assert lines == ["3"]


def test_sarif_has_all_rules_and_a_result_for_each_that_fails_or_warns(evil: Opened) -> None:
    from jsonschema import Draft202012Validator

    document = json.loads(written(evil, "sarif"))
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(document)] == []
    (run,) = document["runs"]
    assert [(each["ruleId"], each["level"]) for each in run["results"]] == [
        ("max-wasted", "error"),
        ("apt-lists", "warning"),
    ]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert {"max-size", "max-wasted", "apt-lists", "no-secrets"} <= set(rules)
    assert [rules[each["ruleIndex"]] for each in run["results"]] == ["max-wasted", "apt-lists"]
    region = run["results"][1]["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 3, "endLine": 4}
    assert run["properties"]["passed"] is False


def test_microsofts_validator_finds_no_error_in_a_verdict(evil: Opened, tmp_path: Path) -> None:
    validate(tmp_path, written(evil, "sarif").encode())


def test_annotations_have_lines_and_the_last_line_has_the_verdict(evil: Opened) -> None:
    lines = written(evil, "github").removesuffix("\n").split("\n")
    commands = [line.split(" ")[0] for line in lines if line.startswith("::")]
    assert commands == ["::error", "::warning", "::notice", "::warning"]
    assert not any("##[" in line for line in lines)
    places = [match.groups() for match in map(PLACES.search, lines) if match]
    assert places == [("1", "1"), ("3", "4")]
    assert " fails 1 of 4 checks, 1 warning · " in lines[-1]


def test_csv_has_one_row_per_check(evil: Opened) -> None:
    rows = list(csv.DictReader(io.StringIO(written(evil, "csv"), newline=""), strict=True))
    assert [row["outcome"] for row in rows] == ["pass", "fail", "warn", "skip"]
    assert rows[1]["value"] == "2000000"
    assert rows[1]["limit"] == "1000000"
    assert rows[1]["offenders"] == "40"
    assert rows[3]["value"] == ""


def test_markdown_starts_with_the_verdict_and_has_one_row_per_check(evil: Opened) -> None:
    text = written(evil, "markdown")
    assert text.split("\n")[2].startswith("### ❌ ")
    assert text.split("\n")[4] == f"**{headline_text(evil, ReportOptions())}**"
    page = MarkdownPage(text)
    assert set(page.tags) <= OURS
    assert not re.search(r"(?<![\w])@\w|#\d|https?://", page.words)
    assert page.tags.count("tr") > 4
    passing = verdict_of(evil, hard=Outcome.WARN)
    headline = written(evil, "markdown", passing).split("\n")[2]
    assert headline.startswith("### ✅ ")
    assert headline.endswith(" passes 4 checks, 2 warnings")


def test_html_has_the_verdict_and_one_row_per_check(evil: Opened) -> None:
    page = HtmlPage(written(evil, "html"))
    assert sum(tag == "script" for tag, _ in page.elements) == 1
    assert "Failed: 1 of 4 checks, 1 warning" in page.texts["h2"]
    tags = [a.get("class") for tag, a in page.elements if tag == "span" and (a.get("class") or "").startswith("tag ")]  # fmt: skip
    assert tags[:4] == ["tag pass", "tag fail", "tag warn", "tag skip"]
    assert "Passed: 4 checks, 2 warnings" in HtmlPage(
        written(evil, "html", verdict_of(evil, hard=Outcome.WARN))
    ).texts["h2"]  # fmt: skip


def test_only_findings_that_fail_a_check_are_listed(evil: Opened) -> None:
    """Ignored findings are not listed."""
    for form in ("markdown", "html"):
        text = written(evil, form)
        assert "APT package lists left in the image" in text
        assert "deleted-later" not in text


def test_a_finding_of_two_checks_is_listed_once(evil: Opened) -> None:
    verdict = verdict_of(evil)
    lists = verdict.checks[2]
    twice = replace(verdict, checks=(*verdict.checks, replace(lists, rule="max-findings")))
    (run,) = json.loads(written(evil, "sarif", twice))["runs"]
    assert len(run["results"]) == 2


def test_damage_is_reported_in_every_format(tmp_path: Path) -> None:
    from tests.images import BLOCK, docker_archive, file, layer_tar

    cut = layer_tar([file("a", b"a"), file("b", b"b" * 5000)])[: 4 * BLOCK]
    image = opened(tmp_path / "cut.tar", docker_archive([cut]), Options(rules={}))
    verdict = Verdict(
        (check("max-size", Outcome.PASS),), (), "defaults", "defaults", 0, "", False, 0, 0
    )
    for form in FORMATS.keys() - {"text", "json", "csv"}:
        assert "damaged at byte" in written(image, form, verdict)
    sentence = "is damaged: 1 check passes on the readable part"
    for form in ("text", "markdown", "github"):
        assert sentence in " ".join(written(image, form, verdict).split())
    assert "Damaged: 1 check passes on the readable part" in written(image, "html", verdict)
    failed = replace(verdict, checks=(*verdict.checks, check("max-wasted", Outcome.FAIL)))
    assert "✘ cut.tar is damaged:  1 of 2 checks fails on the readable part" in written(
        image, "text", failed
    ).replace("demo:latest", "cut.tar")


def test_markdown_lists_failures_first_and_folds_rules_without_findings(evil: Opened) -> None:
    idle = [check(f"rule-{number}", Outcome.PASS, unit=Unit.FINDINGS, value=0, limit=0) for number in range(54)]  # fmt: skip
    verdict = verdict_of(evil)
    text = written(evil, "markdown", replace(verdict, checks=(*idle, *verdict.checks)))
    rows = [line for line in text.splitlines() if line.startswith(("| ✅", "| ❌", "| ⚠️", "| ⏭️"))]
    assert [row.split("|")[1].strip() for row in rows] == ["❌", "⚠️", "⏭️", "✅", "✅"]
    assert rows[-1] == "| ✅ | 54 more finding rules | no findings | none |"
