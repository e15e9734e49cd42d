"""Findings in groups: by how much they matter, by the step to change, or by rule."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum

from layerscope.analysis.findings.finding import Finding, Findings
from layerscope.words import Severity


class FindingsBy(StrEnum):
    """What findings of one group have in common."""

    SEVERITY = "severity"
    """How much they matter; those of the base image are a group of their own."""
    STEP = "step"
    """The step that is to be changed."""
    RULE = "rule"


BASE = "base"
"""The key of the base image's findings among those of severities."""


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """Findings that belong together."""

    key: Severity | str | int
    """A severity or `BASE`, a step (-1 for none), or the name of a rule."""
    members: tuple[int, ...]
    """Their numbers, in the order of all findings."""
    saving: int
    """Content bytes that their fixes save together."""


def group_findings(findings: Findings, by: FindingsBy, base_steps: int) -> list[FindingGroup]:
    """All findings in groups: severities in their order and the base image last, else the group that saves most first."""
    members: dict[Severity | str | int, list[int]] = {}
    for number, finding in enumerate(findings.found):
        members.setdefault(_key(finding, by, base_steps), []).append(number)
    groups = [
        FindingGroup(key, tuple(numbers), findings.saving(numbers))
        for key, numbers in members.items()
    ]
    if by is FindingsBy.SEVERITY:
        order: list[Hashable] = [*Severity, BASE]
        return sorted(groups, key=lambda group: order.index(group.key))
    return sorted(groups, key=lambda group: (-group.saving, group.members))


def _key(finding: Finding, by: FindingsBy, base_steps: int) -> Severity | str | int:
    if by is FindingsBy.STEP:
        return finding.steps[0] if finding.steps else -1
    if by is FindingsBy.RULE:
        return finding.rule
    return BASE if is_base(finding, base_steps) else finding.severity


def is_base(finding: Finding, base_steps: int) -> bool:
    """Whether a finding is the base image's, if that has so many steps."""
    return bool(finding.steps) and finding.steps[0] < base_steps
