"""The verdict for programs."""

from __future__ import annotations

import io
import json
from typing import Any

from layerscope.analysis.gate.verdict import Verdict
from layerscope.opening.open import Opened
from layerscope.report.gate import writer_of
from layerscope.report.options import ReportOptions
from tests.analysis.findings.rule_images import opened_of
from tests.analysis.gate.gating import STEPS, config, verdict_of
from tests.images import file, whiteout
from tests.report.gate.test_gate_text import IMAGE, WRITTEN, failing

KEYS = {
    "document": "schemaVersion passed damaged image rules base baseline ignored checks warnings",
    "check": "rule title outcome severity unit value limit atLeast baseline message place "
    "offenderCount offenders",
    "offender": "path bytes layer step line hiddenBy note confidence why fix",
    "warning": "code message place",
}
"""Every key, always there: these are an interface."""


def document(verdict: Verdict, image: Opened = IMAGE) -> dict[str, Any]:
    """The verdict as JSON."""
    stream = io.BytesIO()
    writer_of("json")(verdict, image, stream, ReportOptions())
    decoded: dict[str, Any] = json.loads(stream.getvalue().decode("ascii"))
    return decoded


def test_every_key_is_always_present() -> None:
    """The order of keys is fixed."""
    verdict = document(failing())
    assert list(verdict) == KEYS["document"].split()
    for check in verdict["checks"]:
        assert list(check) == KEYS["check"].split()
        for offender in check["offenders"]:
            assert list(offender) == KEYS["offender"].split()
    for warning in verdict["warnings"]:
        assert list(warning) == KEYS["warning"].split()
    assert verdict["schemaVersion"] == "1.0"
    assert verdict["passed"] is False


def test_figures_are_plain_numbers() -> None:
    """Bytes and counts are integers, shares are fractions."""
    checks = {check["rule"]: check for check in document(failing())["checks"]}
    assert (checks["max-wasted"]["value"], checks["max-wasted"]["limit"]) == (500, 100)
    assert checks["min-efficiency"]["value"] == 1800 / 2300
    assert checks["min-efficiency"]["atLeast"] is True
    assert checks["max-compressed-size"]["value"] is None
    assert checks["max-compressed-size"]["outcome"] == "skip"
    assert checks["max-layers"]["value"] == 3
    (offender,) = checks["forbidden-paths"]["offenders"]
    assert (offender["path"], offender["layer"], offender["step"], offender["hiddenBy"]) == (
        "/gone",
        1,
        2,
        2,
    )
    assert checks["apt-lists"]["offenders"][0]["fix"] == "# fix"


def test_lines_are_given_with_a_dockerfile() -> None:
    """They are counted from 1."""
    checks = {check["rule"]: check for check in document(failing(), WRITTEN)["checks"]}
    assert [one["line"] for one in checks["max-wasted"]["offenders"]] == [3, 3]
    assert [one["line"] for one in checks["max-size"]["offenders"]] == [1, 3, 4]  # FROM, RUN, RUN
    plain = {check["rule"]: check for check in document(failing())["checks"]}
    assert [one["line"] for one in plain["max-size"]["offenders"]] == [None] * 3


def test_names_that_are_not_utf8_are_kept() -> None:
    image = opened_of(
        [("RUN a", [file(b"caf\xe9", b"1")]), ("RUN b", [whiteout(b"caf\xe9")]), *STEPS]
    )
    (check,) = document(verdict_of(image, config({"max-wasted": 0})), image)["checks"]
    assert "/caf\udce9" in [one["path"] for one in check["offenders"]]
