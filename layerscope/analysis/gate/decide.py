"""Applies all gate rules to an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from layerscope.analysis.findings.finding import Finding
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.rules import RULES as FINDING_RULES
from layerscope.analysis.gate import RULES
from layerscope.analysis.gate.base import GateBase
from layerscope.analysis.gate.baseline_report import Report, baseline_of
from layerscope.analysis.gate.case import Case
from layerscope.analysis.gate.config import GateConfig
from layerscope.analysis.gate.ignores import Ignores
from layerscope.analysis.gate.ledger import Ledger
from layerscope.analysis.gate.values import Tolerance
from layerscope.analysis.gate.verdict import Check, GateWarning, Verdict
from layerscope.filesystem.model import Filesystem
from layerscope.image.model import Image
from layerscope.settings import RuleChoice


def decide(
    config: GateConfig,
    image: Image,
    filesystem: Filesystem,
    ledger: Ledger,
    findings: Sequence[Finding],
    choices: Mapping[str, RuleChoice],
    base: GateBase,
    baseline: tuple[str, Report] | None = None,
    finding_rules: Sequence[Rule] = FINDING_RULES,
) -> Verdict:
    """The verdict on an image. `choices` and `base` are those used for the findings; `baseline` is its file name and content."""
    ignores = Ignores(config.ignores, ledger)
    tolerance = config.limits.get("baseline-tolerance") or Tolerance()
    case = Case(
        image=image,
        filesystem=filesystem,
        ledger=ledger,
        ignores=ignores,
        findings=findings,
        finding_rules=[
            rule for rule in finding_rules if choices.get(rule.name, RuleChoice()).enabled
        ],
        base_known=base.known,
        wasted_floor=config.wasted_floor,
        fail_on=config.fail_on,
        separate_secrets=config.limits.get("no-secrets") is not None,
        places=config.places,
        baseline=None
        if baseline is None
        else baseline_of(baseline[1], config.ignores, ledger.base_layers, tolerance),
    )
    checks: list[Check] = []
    for rule in RULES:
        limit = config.limits.get(rule.name)
        if rule.name == "baseline-tolerance":
            limit = tolerance  # off: tolerate nothing
        if limit is not None:
            checks += rule.check(case, limit)
    warnings = [*config.warnings, *case.warnings, *_unused_ignores(ignores, base)]
    wasted = ignores.figures("").wasted
    return Verdict(
        checks=tuple(checks),
        warnings=tuple(warnings),
        source=config.source,
        source_kind=config.source_kind,
        base_layers=base.layers,
        base_reason=base.reason,
        base_guessed=base.guessed,
        ignored_bytes=int(ledger.waste.bytes.sum()) - wasted,
        ignored_findings=len(ignores.findings),
        baseline=None if baseline is None else baseline[0],
        limits=config.limits,
    )


def _unused_ignores(ignores: Ignores, base: GateBase) -> list[GateWarning]:
    """A warning for each ignore that had no effect."""
    warnings = []
    for entry, used in zip(ignores.entries, ignores.used, strict=True):
        if used:
            continue
        message = "this ignore matches nothing"
        if entry.base_image and not base.known:
            message += ": the base image is unknown; give its number of layers with `base`"
        warnings.append(GateWarning("ignore-unused", message, entry.place))
    return warnings
