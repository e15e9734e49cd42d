"""Groups findings by severity, by the step to change, or by rule."""

from __future__ import annotations

from collections.abc import Hashable
from enum import StrEnum

from msgspec import Struct

from layerscope.analysis.findings.finding import Finding, Findings
from layerscope.words import Severity


class FindingsBy(StrEnum):
    """How findings are grouped."""

    SEVERITY = "severity"
    """By severity; secrets and findings in the base image are separate groups."""
    STEP = "step"
    """By the step to change."""
    RULE = "rule"


SECRETS, BASE = "secrets", "base"
"""Keys besides severities: secrets, and findings in the base image."""


class FindingGroup(Struct, frozen=True):
    """Findings that belong together."""

    key: Severity | str | int
    """A severity, `SECRETS` or `BASE`; a step (-1 for none); or the name of a rule."""
    members: tuple[int, ...]
    """Their numbers, in the order of all findings."""
    saving: int
    """Content bytes that their fixes save together."""


def group_findings(findings: Findings, by: FindingsBy, base_steps: int) -> list[FindingGroup]:
    """All findings in groups: secrets, severities in order, then the base image; other groupings by saving, largest first."""
    members: dict[Severity | str | int, list[int]] = {}
    for number, finding in enumerate(findings.found):
        members.setdefault(_key(finding, by, base_steps), []).append(number)
    groups = [
        FindingGroup(key, tuple(numbers), findings.saving(numbers))
        for key, numbers in members.items()
    ]
    if by is FindingsBy.SEVERITY:
        order: list[Hashable] = [SECRETS, *Severity, BASE]
        return sorted(groups, key=lambda group: order.index(group.key))
    return sorted(groups, key=lambda group: (-group.saving, group.members))


def _key(finding: Finding, by: FindingsBy, base_steps: int) -> Severity | str | int:
    if by is FindingsBy.STEP:
        return finding.steps[0] if finding.steps else -1
    if by is FindingsBy.RULE:
        return finding.rule
    if finding.secret:
        return SECRETS
    return BASE if is_base(finding, base_steps) else finding.severity


def is_base(finding: Finding, base_steps: int) -> bool:
    """Whether a finding is in the base image, if that has `base_steps` steps."""
    return bool(finding.steps) and finding.steps[0] < base_steps
