"""The gate report as JSON, schema 1.0: stable names, every key always present.

Sizes are bytes, shares are fractions (0.1 is 10 %), indices start at 0, unknown values are null. Bytes of a path that are not
UTF-8 become lone surrogates, written as `\\udcXX`.
"""

from __future__ import annotations

import json
from typing import Any, BinaryIO

from layerscope.analysis.gate.verdict import Check, Offender, Unit, Verdict
from layerscope.opening.opened import Opened
from layerscope.report.options import ReportOptions
from layerscope.report.rows import lines_of

SCHEMA_VERSION = "1.0"


def write(verdict: Verdict, opened: Opened, stream: BinaryIO, _options: ReportOptions) -> None:
    """Write the verdict as one JSON document, in ASCII."""
    text = json.dumps(document(verdict, opened), indent=2, ensure_ascii=True)
    stream.write(text.encode("ascii") + b"\n")


def document(verdict: Verdict, opened: Opened) -> dict[str, Any]:
    """The verdict as plain data."""
    image = opened.image
    return {
        "schemaVersion": SCHEMA_VERSION,
        "passed": verdict.passed,
        "damaged": bool(opened.damages()),
        "image": {"reference": image.reference, "tags": list(image.tags), "id": image.id},
        "rules": {"kind": verdict.source_kind, "source": verdict.source},
        "base": {
            "layers": verdict.base_layers,
            "guessed": verdict.base_guessed,
            "reason": verdict.base_reason or None,
        },
        "baseline": verdict.baseline,
        "ignored": {"wastedBytes": verdict.ignored_bytes, "findings": verdict.ignored_findings},
        "checks": [_check(opened, check) for check in verdict.checks],
        "warnings": [
            {"code": warning.code, "message": warning.message, "place": warning.place or None}
            for warning in verdict.warnings
        ],
    }


def _check(opened: Opened, check: Check) -> dict[str, Any]:
    return {
        "rule": check.rule,
        "title": check.title,
        "outcome": check.outcome.value,
        "severity": check.severity.value,
        "unit": check.unit.value,
        "value": _number(check.value, check.unit),
        "limit": _number(check.limit, check.unit),
        "atLeast": check.at_least,
        "baseline": _number(check.baseline, check.unit),
        "message": check.message,
        "place": check.place,
        "offenderCount": check.offender_count,
        "offenders": [_offender(opened, offender) for offender in check.offenders],
    }


def _offender(opened: Opened, offender: Offender) -> dict[str, Any]:
    finding, step = offender.finding, offender.step
    lines = None if step is None else lines_of(opened, [step])
    return {
        "path": offender.path,
        "bytes": offender.bytes,
        "layer": offender.layer,
        "step": step,
        "line": None if lines is None else lines[0],
        "hiddenBy": offender.hidden_by,
        "note": offender.note,
        "confidence": None if finding is None else finding.confidence.value,
        "why": None if finding is None else finding.why,
        "fix": None if finding is None else finding.fix,
    }


def _number(number: float | None, unit: Unit) -> float | int | None:
    return number if number is None or unit is Unit.RATIO else int(number)
