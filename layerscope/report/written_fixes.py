"""Fixes that a Dockerfile or .dockerignore already has while the image is still the old one."""

from __future__ import annotations

from msgspec.structs import replace

from layerscope.analysis.findings.composing import Plan
from layerscope.analysis.findings.finding import Finding
from layerscope.analysis.findings.patching import Patcher, ignored_text
from layerscope.image.dockerfile import DockerfileInstruction, parse_dockerfile
from layerscope.opening.opened import Opened
from layerscope.opening.run_rules import find_findings, patcher_of
from layerscope.progress import NullProgress
from layerscope.report.patch import Patch, chosen_by_default


def fixes_in_dockerfile(opened: Opened, base_steps: int | None) -> set[int]:
    """Numbers of the findings whose fixes the Dockerfile has; empty if it also differs from the image in any other way.

    The fixes are those of the Dockerfile restored from the history. Rules may report other findings for the Dockerfile itself:
    findings correspond if rule, layers and bytes are equal.
    """
    lines = opened.dockerfile_lines
    if lines is None or opened.findings is None or not lines.spans or not opened.has_contents:
        return set()
    restored = replace(opened, dockerfile_lines=None)
    findings = find_findings(restored, NullProgress(), base_steps=base_steps)
    patcher = patcher_of(restored, base_steps)
    instructions = lines.dockerfile.instructions
    present = {_one_line(each) for each in instructions}
    missing = {_one_line(each) for each in instructions if each.first + 1 in lines.missing}
    for numbers in (chosen_by_default(findings.found), findings.outside_base):
        plan = patcher.plan(findings.found, numbers)
        unfixed, fixed = map(_instructions_of, patcher.texts(plan))
        unexplained = missing - unfixed
        if not unexplained or not unexplained <= fixed:
            continue
        written = {
            _key(findings.found[number])
            for number in plan.applied
            if _is_written(findings.found[number], plan, patcher, present, fixed)
        }
        return {n for n, finding in enumerate(opened.findings.found) if _key(finding) in written}
    return set()


def _is_written(
    finding: Finding, plan: Plan, patcher: Patcher, present: set[str], fixed: set[str]
) -> bool:
    """Whether the Dockerfile has the fixed instructions of all steps that a finding changes, and none of the unfixed ones.

    `present` are the instructions of the Dockerfile, `fixed` those of the restored Dockerfile with the whole plan.
    """
    edits = [edit for edit in finding.edits if edit.kind != "ignore"]
    steps = {step for edit in edits for step in (edit.step, *edit.steps)}
    for group in plan.merges:
        if not steps.isdisjoint(group):
            steps.update(group)
    old, new = map(_instructions_of, patcher.step_texts(steps, plan))
    return old != new and new - old <= present and (old - fixed).isdisjoint(present)


def _key(finding: Finding) -> tuple[str, tuple[int, ...], int]:
    return finding.rule, finding.layers, finding.bytes


def _instructions_of(text: str) -> set[str]:
    dockerfile = parse_dockerfile(text.encode(errors="surrogateescape"), "")
    return {_one_line(each) for each in dockerfile.instructions}


def _one_line(written: DockerfileInstruction) -> str:
    return f"{written.name} {' '.join(written.arguments.split())}"


def is_ignored_already(opened: Opened, patch: Patch, number: int) -> bool:
    """Whether .dockerignore alone fixes a finding, and has its lines already."""
    edits = () if opened.findings is None else opened.findings.found[number].edits
    if patch.restored or any(edit.kind != "ignore" for edit in edits):
        return False
    changed = [change.old for change in patch.files if change.path.name.endswith(".dockerignore")]
    before = (changed[0] if changed else patch.ignored) or ""
    return ignored_text(before, [edit.text for edit in edits]) == before
