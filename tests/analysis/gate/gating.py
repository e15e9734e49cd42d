"""Runs the gate on tiny images."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.findings.finding import Finding
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.rules import RULES as FINDING_RULES
from layerscope.analysis.gate import RULES
from layerscope.analysis.gate.base import GateBase, guessed_base
from layerscope.analysis.gate.baseline_report import Report, read_report
from layerscope.analysis.gate.config import GateConfig
from layerscope.analysis.gate.decide import decide
from layerscope.analysis.gate.ignores import Ignore
from layerscope.analysis.gate.ledger import ledger_of
from layerscope.analysis.gate.verdict import Check, Outcome, Verdict
from layerscope.opening.open import Opened
from layerscope.report import ReportOptions, writer_of
from layerscope.words import Confidence, Severity
from tests.analysis.findings.rule_images import Step, findings_of, opened_of
from tests.images import file, whiteout

NOTHING = {rule.name: None for rule in RULES}
"""Every rule off."""

STEPS: list[Step] = [
    (
        "/bin/sh -c #(nop) ADD file:base in /",
        [file("base", b"b" * 1000), file("twice", b"1" * 300)],
    ),
    ('/bin/sh -c #(nop)  CMD ["sh"]', None),
    ("RUN /bin/sh -c one # buildkit", [file("twice", b"2" * 300), file("gone", b"g" * 200)]),
    ("RUN /bin/sh -c two # buildkit", [whiteout("gone"), file("app/x", b"x" * 500)]),
]
"""2,300 bytes stored in three layers, 500 of them wasted: 300 of layer 0 and 200 of layer 1. The base is layer 0."""


def config(
    values: Mapping[str, object] | None = None, ignores: Sequence[Ignore] = (), **more: Any
) -> GateConfig:
    """A configuration with only these rules on, and no floor."""
    settings = GateConfig(limits=NOTHING, wasted_floor=0, ignores=tuple(ignores), **more)
    return settings.with_values(values or {}, {name: f"line of {name}" for name in values or {}})


def verdict_of(
    image: Opened,
    wanted: GateConfig,
    *,
    base: GateBase | None = None,
    findings: Sequence[Finding] | None = None,
    baseline: Report | None = None,
    rules: Sequence[Rule] = FINDING_RULES,
) -> Verdict:
    """The verdict on an image, with its own findings unless others are given."""
    base = guessed_base(image.image) if base is None else base
    table = image.filesystem.table
    blobs = [index.compressed_bytes for index in image.indexes]
    ledger = ledger_of(image.image, image.accounting, table, blobs, base.layers)
    found = findings_of(image).found if findings is None else findings
    known = None if baseline is None else ("old.json", baseline)
    return decide(
        wanted, image.image, image.filesystem, ledger, found, wanted.rules, base, known, rules
    )


def run_gate(
    steps: Sequence[Step], values: Mapping[str, object], ignores: Sequence[Ignore] = ()
) -> Verdict:
    """The verdict on an image of these steps."""
    return verdict_of(opened_of(steps), config(values, ignores))


def only_check(verdict: Verdict, rule: str) -> Check:
    """The only check of a rule."""
    (check,) = [check for check in verdict.checks if check.rule == rule]
    return check


def outcome(values: Mapping[str, object], steps: Sequence[Step] = STEPS) -> Outcome:
    """The outcome of the only check."""
    (check,) = run_gate(steps, values).checks
    return check.outcome


def report_of(image: Opened, folder: Path, *, files: bool = False) -> Report:
    """The baseline made from an image."""
    stream = io.BytesIO()
    writer_of("json")(image, stream, ReportOptions(files=files))
    path = folder / "baseline.json"
    path.write_bytes(stream.getvalue())
    return read_report(path)


def finding(
    image: Opened,
    rule: str,
    *paths: str,
    severity: Severity = Severity.WARNING,
    confidence: Confidence = Confidence.HIGH,
    layer: int = 0,
    size: int = 100,
    title: str = "Found",
) -> Finding:
    """A finding as from a rule."""
    step = image.image.layers[layer].step
    return Finding(
        rule=rule,
        title=title,
        severity=severity,
        confidence=confidence,
        bytes=size,
        steps=(step,),
        layers=(layer,),
        paths=numbers_of(image, paths),
        inodes=numbers_of(image, ()),
        base=step < guessed_base(image.image).steps,
        why="It matters.",
        fix="# fix",
    )


def numbers_of(image: Opened, paths: Sequence[str]) -> NDArray[np.int32]:
    """The numbers of paths in an image's table."""
    found = [image.filesystem.table.find(path.encode()) for path in paths]
    assert None not in found
    return np.array(found, np.int32)
