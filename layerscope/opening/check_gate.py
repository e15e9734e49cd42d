"""Checks an opened image against the limits of a gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from layerscope.analysis.gate.base import GateBase
from layerscope.analysis.gate.decide import decide
from layerscope.analysis.gate.ledger import ledger_of
from layerscope.analysis.gate.verdict import GateWarning, Verdict

if TYPE_CHECKING:
    from layerscope.analysis.gate.baseline_report import Report
    from layerscope.analysis.gate.config import GateConfig
    from layerscope.opening.opened import Opened
    from layerscope.settings import RuleChoice


def verdict_of(
    opened: Opened,
    config: GateConfig,
    choices: Mapping[str, RuleChoice],
    base: GateBase,
    baseline: tuple[str, Report] | None = None,
) -> Verdict:
    """The verdict on an image. `choices` and `base` are what it was opened with; `baseline` is the name of the baseline file and its report."""
    ledger = ledger_of(
        opened.image,
        opened.accounting,
        opened.filesystem.table,
        [index.compressed_bytes for index in opened.indexes],
        base.layers,
        [number for number, index in enumerate(opened.indexes) if index.broken is not None],
    )
    findings = () if opened.findings is None else opened.findings.found
    verdict = decide(
        config, opened.image, opened.filesystem, ledger, findings, choices, base, baseline
    )
    if (
        opened.dockerfile_lines is not None
        and (doubt := opened.dockerfile_lines.mismatch()) is not None
    ):
        unlike = GateWarning("dockerfile-unlike", doubt, opened.dockerfile_lines.name)
        verdict = replace(verdict, warnings=(*verdict.warnings, unlike))
    return verdict
