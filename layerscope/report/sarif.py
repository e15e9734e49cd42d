"""SARIF 2.1.0 for code scanning: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from layerscope import __version__
from layerscope.analysis.findings.composing import Plan
from layerscope.analysis.findings.finding import Finding
from layerscope.analysis.findings.patching import Patcher
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.rules import RULES
from layerscope.opening.opened import Opened
from layerscope.opening.run_rules import patcher_of
from layerscope.report.issues import Issue, dockerfile_path, issues_of
from layerscope.report.options import ReportOptions
from layerscope.report.patch import lines_of_file
from layerscope.text import safe_name
from layerscope.words import Confidence

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_PRECISIONS = {Confidence.HIGH: "very-high", Confidence.MEDIUM: "medium", Confidence.LOW: "low"}
_SOURCES = "SRCROOT"
_SYNTAX = re.compile(r"[\[\]{}]")
"""Syntax of links and placeholders in messages."""


def write(opened: Opened, stream: BinaryIO, options: ReportOptions) -> None:
    """Write a result per finding."""
    write_run(opened, issues_of(opened, binary=options.binary_sizes), stream)


def write_run(
    opened: Opened,
    issues: Sequence[Issue],
    stream: BinaryIO,
    *,
    other_rules: Mapping[str, tuple[str, str]] | None = None,
    passed: bool | None = None,
) -> None:
    """Write a result per issue. `other_rules` maps rules that are not finding rules to their titles and levels."""
    rules = _rules(other_rules or {})
    places = {rule["id"]: number for number, rule in enumerate(rules)}
    for issue in issues:
        if issue.rule not in places:  # a rule of another version, from a cache or a baseline
            places[issue.rule] = len(rules)
            rules.append(_rule(issue.rule, issue.title, issue.title))
    patcher = None if opened.dockerfile_lines is None else patcher_of(opened)
    accounting, title = opened.accounting, safe_name(opened.image.title)
    properties: dict[str, Any] = {
        "image": title,
        "imageId": opened.image.id and safe_name(opened.image.id),
        "storedBytes": accounting.stored,
        "liveBytes": accounting.live,
        "wastedBytes": accounting.wasted,
    }
    if passed is not None:
        properties["passed"] = passed
    run = {
        "tool": {
            "driver": {
                "name": "layerscope",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": rules,
            }
        },
        "automationDetails": {"id": f"layerscope/{quote(title)}/"},
        "invocations": [
            {
                "executionSuccessful": not opened.damages(),
                "toolExecutionNotifications": [*_notifications(opened)],
            }
        ],
        "originalUriBaseIds": {
            _SOURCES: {"description": {"text": "The folder that the Dockerfile is in."}}
        },
        "columnKind": "unicodeCodePoints",
        "properties": properties,
        "results": [_result(opened, issue, places[issue.rule], patcher) for issue in issues],
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    stream.write(json.dumps(document, indent=2, ensure_ascii=True).encode("ascii") + b"\n")


def _rules(other_rules: Mapping[str, tuple[str, str]]) -> list[dict[str, Any]]:
    """All finding rules, and the other rules that were applied."""
    rules = [
        _rule(
            rule.name,
            rule.title,
            rule.why,
            rule.severity.value,
            _PRECISIONS[rule.confidence],
            rule.codes,
        )
        | _help(rule)
        for rule in RULES
    ]
    known = {rule.name for rule in RULES}
    rules += (
        _rule(name, title, title, level)
        for name, (title, level) in other_rules.items()
        if name not in known
    )
    return rules


def _help(rule: Rule) -> dict[str, Any]:
    """The help of a rule: a summary, and where to read more."""
    parts = [rule.finds, rule.why, f"When it is wrong: {rule.wrong[:1].lower()}{rule.wrong[1:]}"]
    if rule.codes:
        parts.append(f"The same as {' and '.join(rule.codes)} of hadolint and BuildKit.")
    text = "\n\n".join(part for part in parts if part)
    return {
        "helpUri": rule.page,
        "help": {"text": _message(text), "markdown": f"{text}\n\n[More about it]({rule.page})"},
    }


def _rule(
    name: str,
    title: str,
    why: str,
    level: str = "warning",
    precision: str = "very-high",
    codes: Sequence[str] = (),
) -> dict[str, Any]:
    title, why = safe_name(title), safe_name(why)
    return {
        "id": safe_name(name),
        "name": "".join(word.capitalize() for word in safe_name(name).split("-")),
        "shortDescription": {"text": _message(_sentence(title))},
        "fullDescription": {"text": _message(_sentence(why))},
        "help": {"text": _message(_sentence(why))},
        "defaultConfiguration": {"level": level},
        "properties": {
            "precision": precision,
            "problem.severity": {"note": "recommendation"}.get(level, level),
            "tags": ["container", "image-size"],
            "codes": list(codes),
        },
    }


def _result(
    opened: Opened, issue: Issue, rule_index: int, patcher: Patcher | None
) -> dict[str, Any]:
    where = f" ({issue.place})" if issue.place else ""
    fixes = (
        [] if issue.finding is None or patcher is None else _fixes(opened, issue.finding, patcher)
    )
    return {
        "ruleId": safe_name(issue.rule),
        "ruleIndex": rule_index,
        "level": issue.level.value,
        "message": {"text": _message(f"{issue.title}{where}. {issue.details}")},
        "locations": [_location(opened, issue)],
        "partialFingerprints": {"primaryLocationLineHash": issue.fingerprint},
        "properties": {
            "bytes": issue.bytes,
            "steps": list(issue.steps),
            "layers": [] if issue.finding is None else list(issue.finding.layers),
            "base": issue.finding is not None and issue.finding.base,
            "confidence": None if issue.finding is None else issue.finding.confidence.value,
            "pathCount": issue.path_count,
        },
        **({"fixes": fixes} if fixes else {}),
    }


def _fixes(opened: Opened, finding: Finding, patcher: Patcher) -> list[dict[str, Any]]:
    """The changes of a fix to the Dockerfile, as whole lines."""
    plan = patcher.plan([finding], [0]) if finding.edits else Plan()
    dockerfile = dockerfile_path(opened)
    if not plan.applied or dockerfile is None:
        return []
    before, *texts = patcher.changed_lines(plan)
    old, new = (lines_of_file(text) for text in texts)
    replacements = []
    for kind, first, last, begin, end in difflib.SequenceMatcher(None, old, new).get_opcodes():
        if kind != "equal":
            stop = {"endLine": before + last + 1, "endColumn": 1}
            if last == len(old) and old and not old[-1].endswith("\n"):
                stop = {"endLine": before + last, "endColumn": len(old[-1]) + 1}
            replacements.append(
                {
                    "deletedRegion": {"startLine": before + first + 1, "startColumn": 1, **stop},
                    "insertedContent": {"text": "".join(new[begin:end])},
                }
            )
    if not replacements:
        return []
    return [
        {
            "description": {"text": _message(_sentence(safe_name(finding.title)))},
            "artifactChanges": [
                {"artifactLocation": _artifact(dockerfile), "replacements": replacements}
            ],
        }
    ]


def _location(opened: Opened, issue: Issue) -> dict[str, Any]:
    """The lines of the Dockerfile, otherwise the image; with the paths as logical locations."""
    dockerfile = dockerfile_path(opened)
    physical: dict[str, Any]
    if dockerfile is not None:
        first, last = issue.lines or (1, 1)
        physical = {
            "artifactLocation": _artifact(dockerfile),
            "region": {"startLine": first, "endLine": last},
        }
    else:
        physical = {
            "artifactLocation": {"uri": quote(safe_name(opened.image.title))},
            "region": {"startLine": 1},
        }
    logical = [
        {"fullyQualifiedName": path, "name": path.rpartition("/")[2] or path, "kind": "resource"}
        for path in issue.paths
    ]
    return {"physicalLocation": physical, **({"logicalLocations": logical} if logical else {})}


def _artifact(path: str) -> dict[str, Any]:
    if Path(path).is_absolute():
        return {"uri": Path(path).as_uri()}
    return {"uri": quote(os.fsencode(path)), "uriBaseId": _SOURCES}


def _notifications(opened: Opened) -> Iterable[dict[str, Any]]:
    """Notifications for damages and warnings."""
    for damage in opened.damages()[:50]:
        yield {"level": "error", "message": {"text": _message(_sentence(safe_name(damage)))}}
    for warning in opened.warnings[:200]:
        where = "" if warning.layer is None else f"Layer {warning.layer}: "
        yield {
            "level": "warning",
            "descriptor": {"id": warning.code},
            "message": {"text": _message(_sentence(where + safe_name(warning.message)))},
        }


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _message(text: str) -> str:
    """A text with the syntax of links and placeholders escaped."""
    return _SYNTAX.sub(lambda match: match[0] * 2 if match[0] in "{}" else f"\\{match[0]}", text)
