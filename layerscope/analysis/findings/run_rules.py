"""Reads the files that rules need, then applies all rules to an image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from msgspec.structs import replace

from layerscope.analysis.cache import ImageCache
from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.edits import Fix
from layerscope.analysis.findings.finding import Claim, Finding, Findings, rank, unique_in_order
from layerscope.analysis.findings.layer_scans import LayerScans
from layerscope.analysis.findings.rule import Rule
from layerscope.analysis.findings.rules import RULES
from layerscope.analysis.findings.secrets.scan import SecretScan, find_secrets
from layerscope.analysis.packages.manager_files import ManagerFiles, read_manager_files
from layerscope.analysis.packages.managers import count_packages, find_packages, open_databases
from layerscope.analysis.scan_files import Scanner, scan_files
from layerscope.image.secret_spans import MASK, masked
from layerscope.progress import check
from layerscope.settings import RuleChoice
from layerscope.words import Severity


def scan_image(
    evidence: Evidence, scans: LayerScans | None = None, cache: ImageCache | None = None
) -> None:
    """Find secrets and packages in one pass over the layers, for later use through `evidence.once`. Contents that `scans` or the
    cache know are not read again. Raises `CancelledError`.
    """
    filesystem = evidence.filesystem
    scans = scans or LayerScans(filesystem.layer_count)
    if cache is not None:
        scans.read(cache, filesystem)
    secrets = SecretScan(evidence, scans)
    packages = None if cache is None else cache.packages(filesystem)
    databases = open_databases(evidence) if packages is None else []
    manager_files = ManagerFiles(evidence)
    evidence.progress.stage("Scanning files")
    scanners: list[Scanner] = [secrets, *databases, manager_files]
    scan_files(filesystem, evidence.contents, scanners, evidence.progress, scans.kept(filesystem))
    for contents in (manager_files.read, *(database.read for database in databases)):
        scans.keep(filesystem, contents)
    if packages is None:
        packages = count_packages(evidence, databases)
    if cache is not None:
        scans.write(cache, filesystem)
        cache.keep_packages(packages, filesystem)
    evidence.results[read_manager_files] = manager_files
    evidence.results[find_secrets] = secrets.kinds
    evidence.results[find_packages] = packages


def run_rules(
    evidence: Evidence,
    choices: Mapping[str, RuleChoice] | None = None,
    rules: Sequence[Rule] = RULES,
) -> Findings:
    """The findings of all rules; `choices` turns rules off and tunes them. Raises `CancelledError`."""
    choices = choices or {}
    sizes = evidence.filesystem.inodes.columns.stored
    findings: list[Finding] = []
    applied: set[str] = set()
    evidence.progress.stage("Running rules", len(rules))
    evidence.claimed[:] = False
    for rule in sorted(rules, key=lambda rule: rule.last):
        check(evidence.progress)
        choice = choices.get(rule.name, _NO_CHOICE)
        if choice.enabled:
            least = choice.min_bytes
            tuned = rule if least is None else replace(rule, min_bytes=least)
            of_rule = list(_findings(evidence, tuned, choice))
            for finding in of_rule:
                evidence.claimed[finding.inodes] = True
            findings += of_rule
            applied.add(rule.name)
        evidence.progress.advance(1)
    findings.sort(key=rank)
    installed = evidence.once(find_packages)
    return Findings(
        tuple(findings),
        sizes,
        installed.packages,
        tuple(rule.name for rule in rules if rule.name in applied),
        installed.warnings,
    )


_NO_CHOICE = RuleChoice()
_UNQUOTED = "# (the instruction is not quoted: it holds a secret)"
_ELSEWHERE = "# in the Dockerfile of the base image; a newer or smaller base image may not have it"


def _findings(evidence: Evidence, rule: Rule, choice: RuleChoice) -> Iterator[Finding]:
    """The findings of one rule that reach its minimum size."""
    for claim in rule.find(evidence):
        saved = int(evidence.stored(np.unique(claim.inodes)).sum())
        size = saved if claim.bytes is None else claim.bytes
        if size >= rule.min_bytes:
            yield _complete(evidence, rule, choice, claim, size)


def _shown(fix: Fix) -> str:
    """The text of a fix; only its comments if it would quote a secret."""
    text = masked(fix.text)
    if text == fix.text:
        return text
    if fix.advice is not None:
        return f"{masked(fix.advice)}\n{_UNQUOTED}"
    lines = text.split("\n")
    return "\n".join(f"# {line}" if MASK in line and line[:1] != "#" else line for line in lines)


def _complete(
    evidence: Evidence, rule: Rule, choice: RuleChoice, claim: Claim, size: int
) -> Finding:
    steps = claim.steps
    if steps is None:
        steps = tuple(evidence.image.layers[layer].step for layer in claim.layers)
    base = bool(steps) and steps[0] < evidence.base_steps
    fix = claim.fix if isinstance(claim.fix, Fix) else Fix(claim.fix)
    layers = claim.layers
    if not base:
        replaced = sorted(
            {step for edit in fix.edits for step in (edit.step, *edit.steps)} - {*steps}
        )
        steps += tuple(replaced)
        created = [evidence.image.steps[step].layer for step in replaced]
        layers += tuple(layer for layer in created if layer is not None and layer not in layers)
    confidence = claim.confidence or rule.confidence
    severity = (claim.severity or rule.severity).at(confidence)
    return Finding(
        rule=rule.name,
        title=claim.title or rule.title,
        severity=severity if choice.severity is None else Severity(choice.severity),
        confidence=confidence,
        bytes=size,
        steps=steps,
        layers=layers,
        paths=unique_in_order(claim.paths),
        inodes=claim.inodes,
        base=base,
        why=claim.why or rule.why,
        fix=f"{_ELSEWHERE}\n{_shown(fix)}" if base else _shown(fix),
        edits=() if base else fix.edits,
    )
