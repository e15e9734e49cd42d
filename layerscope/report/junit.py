"""JUnit XML: test cases as GitLab and Jenkins read them.

https://docs.gitlab.com/ci/testing/unit_test_reports/ · https://github.com/jenkinsci/xunit-plugin (junit-10.xsd)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO
from xml.etree import ElementTree

from msgspec import Struct

from layerscope.analysis.findings.rules import RULES
from layerscope.analysis.gate.verdict import Outcome
from layerscope.opening.opened import Opened
from layerscope.report.headline import digest_words, figures_line
from layerscope.report.issues import (
    dockerfile_path,
    issues_of,
)
from layerscope.report.options import ReportOptions
from layerscope.text import safe_name
from layerscope.words import DigestState, Severity

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow, even as references."""


class Case(Struct, frozen=True):
    """One test case; texts are safe to show."""

    group: str
    """The part of its class name after `layerscope.`."""
    name: str
    outcome: Outcome = Outcome.PASS
    kind: str = ""
    """The type of the failure."""
    message: str = ""
    """One line."""
    details: str = ""
    lines: tuple[int, int] | None = None


def write(opened: Opened, stream: BinaryIO, options: ReportOptions) -> None:
    """Write test cases for the image and for each rule; a rule with findings fails, except for notes."""
    write_cases(opened, stream, [*image_cases(opened), *_finding_cases(opened, options)], options)


def image_cases(opened: Opened) -> Iterator[Case]:
    """Test cases for the completeness and the digests of the image."""
    damages = opened.damages()
    completeness = Outcome.FAIL if damages else Outcome.PASS
    message = safe_name(damages[0]) if damages else ""
    yield Case("image", "Image is complete", completeness, "damage", message, "\n".join(map(safe_name, damages[:100])))  # fmt: skip
    words, state = digest_words(opened)
    if damages and state.bad:
        return
    outcome = (
        Outcome.FAIL if state.bad else Outcome.PASS if state is DigestState.OK else Outcome.SKIP
    )
    yield Case("image", "Layer digests match", outcome, "digest-mismatch", words)


def _finding_cases(opened: Opened, options: ReportOptions) -> Iterator[Case]:
    findings = opened.findings
    if findings is None:
        return
    issues = issues_of(opened, binary=options.binary_sizes)
    for rule in (rule for rule in RULES if rule.name in findings.applied):
        of_rule = [issue for issue in issues if issue.rule == rule.name]
        if not of_rule:
            yield Case("findings", f"{rule.name}: {safe_name(rule.title)}")
        for issue in of_rule:
            yield Case(
                "findings",
                f"{issue.rule}: {issue.title} ({issue.place})",
                Outcome.WARN if issue.level is Severity.NOTE else Outcome.FAIL,
                issue.level.value,
                issue.text,
                issue.details,
                issue.lines,
            )


def write_cases(
    opened: Opened, stream: BinaryIO, cases: list[Case], options: ReportOptions
) -> None:
    """Write a suite of test cases."""
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.outcome is Outcome.FAIL for case in cases)),
        "errors": "0",
        "skipped": str(sum(case.outcome is Outcome.SKIP for case in cases)),
        "time": "0",
    }
    title = safe_name(opened.image.title)
    root = ElementTree.Element("testsuites", {"name": "layerscope", **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": _legal(title), **counts})
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (
        ("image", title),
        ("id", opened.image.id or ""),
        ("figures", figures_line(opened, options)),
        ("storedBytes", str(opened.accounting.stored)),
        ("wastedBytes", str(opened.accounting.wasted)),
    ):
        ElementTree.SubElement(
            properties, "property", {"name": name, "value": _legal(safe_name(value))}
        )
    path = dockerfile_path(opened)
    for case in cases:
        attributes = {"classname": f"layerscope.{case.group}", "name": _legal(case.name)}
        if path is not None and case.lines is not None:
            attributes |= {"file": _legal(safe_name(path)), "line": str(case.lines[0])}
        _add_outcome(ElementTree.SubElement(suite, "testcase", {**attributes, "time": "0"}), case)
    ElementTree.indent(root)
    stream.write(b'<?xml version="1.0" encoding="UTF-8"?>\n')
    stream.write(ElementTree.tostring(root, encoding="utf-8") + b"\n")


def _add_outcome(element: ElementTree.Element, case: Case) -> None:
    message = _legal(case.message)
    if case.outcome is Outcome.FAIL:
        failure = ElementTree.SubElement(
            element, "failure", {"message": message, "type": case.kind}
        )
        failure.text = _legal(case.details)
    elif case.outcome is Outcome.SKIP:
        ElementTree.SubElement(element, "skipped", {"message": message})
    elif case.outcome is Outcome.WARN:
        ElementTree.SubElement(element, "system-out").text = _legal(f"{case.kind}: {case.details}")


def _legal(text: str) -> str:
    return _ILLEGAL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
