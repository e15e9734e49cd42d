"""JUnit XML: a library reads it back, with the attributes that GitLab and Jenkins show."""

from __future__ import annotations

import io
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from junitparser import Failure, JUnitXml, Skipped, TestSuite

from layerscope.image.dockerfile import parse_dockerfile
from layerscope.opening.open import Opened, Options
from tests.images import BLOCK, docker_archive, file, layer_tar
from tests.report.hostile import hostile
from tests.report.sample import opened, report

RULES = Options(rules={})


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return opened(tmp_path_factory.mktemp("evil") / "evil.tar", hostile(), RULES)


def suite_of(image: Opened) -> TestSuite:
    """The single suite of a report, read by junitparser."""
    junit = JUnitXml.fromstring(report(image, "junit"))
    suites = list(junit)
    assert len(suites) == 1
    assert isinstance(suites[0], TestSuite)
    return suites[0]


def test_each_finding_is_a_failed_test_and_each_rule_without_one_passes(evil: Opened) -> None:
    assert evil.findings is not None
    suite = suite_of(evil)
    cases = [case for case in suite if case.classname == "layerscope.findings"]
    failed = [case for case in cases if any(isinstance(each, Failure) for each in case.result)]
    assert {case.name.partition(":")[0] for case in failed} == {
        finding.rule for finding in evil.findings.found
    }
    assert {case.name.partition(":")[0] for case in cases} == set(evil.findings.applied)
    for case in failed:
        (failure,) = case.result
        assert failure.type in ("error", "warning")
        assert "Fix:\n" in (failure.text or "")


def test_counts_are_those_of_the_cases(evil: Opened) -> None:
    suite = suite_of(evil)
    assert suite.tests == len(list(suite))
    assert suite.failures == sum(isinstance(r, Failure) for case in suite for r in case.result)
    assert suite.skipped == sum(isinstance(r, Skipped) for case in suite for r in case.result)
    assert suite.errors == 0


def test_cases_have_the_attributes_that_gitlab_and_jenkins_read(evil: Opened) -> None:
    root = ElementTree.fromstring(report(evil, "junit"))  # noqa: S314
    assert root.tag == "testsuites"
    names = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(set(names)) == len(names)  # GitLab keeps one test a name
    for case in root.iter("testcase"):
        assert {"classname", "name", "time"} <= set(case.attrib)
        assert [child.tag for child in case] in ([], ["failure"], ["skipped"], ["system-out"])
        for failure in case.iter("failure"):
            assert set(failure.attrib) == {"message", "type"}
    for suite in root.iter("testsuite"):
        assert {"name", "tests", "failures", "errors", "skipped", "time"} <= set(suite.attrib)


def test_a_case_names_file_and_line_of_the_dockerfile(tmp_path: Path) -> None:
    dockerfile = parse_dockerfile(b"FROM x\n\nRUN rm -rf /gone\n", "build/Dockerfile")
    image = opened(tmp_path / "evil.tar", hostile(), Options(rules={}, dockerfile=dockerfile))
    root = ElementTree.fromstring(report(image, "junit"))  # noqa: S314
    places = [(case.get("file"), case.get("line")) for case in root.iter("testcase") if case.get("file")]  # fmt: skip
    assert places
    assert set(places) == {("build/Dockerfile", "1")}  # of the base, all that is before line 3


def test_damage_is_a_failure(tmp_path: Path) -> None:
    cut = layer_tar([file("a", b"a"), file("b", b"b" * 5000)])[: 4 * BLOCK]
    suite = suite_of(opened(tmp_path / "cut.tar", docker_archive([cut])))
    case = next(case for case in suite if case.name == "Image is complete")
    assert any("damaged" in (each.message or "") for each in case.result)


def test_digests_that_were_not_checked_are_a_skipped_test(tmp_path: Path) -> None:
    image = opened(
        tmp_path / "image.tar",
        docker_archive([layer_tar([file("a", b"a")])]),
        Options(verify_small=False),
    )
    case = next(case for case in suite_of(image) if "digests" in case.name)
    assert isinstance(case.result[0], Skipped)


def test_rules_that_are_off_have_no_test_case(tmp_path: Path) -> None:
    from layerscope.settings import RuleChoice

    options = Options(rules={"apt-lists": RuleChoice(enabled=False)})
    suite = suite_of(opened(tmp_path / "evil.tar", hostile(), options))
    assert not any("apt-lists" in case.name for case in suite)


def test_names_are_valid_xml_text(evil: Opened) -> None:
    text = report(evil, "junit").decode()
    assert not re.search("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)
    all_text = "".join(ElementTree.parse(io.StringIO(text)).getroot().itertext())  # noqa: S314
    assert "'</pre></details><script>owned()</script>'" in all_text
    assert "\\ufffe\\uffff\\x01\\x08\\x0b\\e[31m" in all_text
    assert "caf\\xe9\\xff\\xfe" in all_text
