"""Findings that only one of two images has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from layerscope.analysis.compare.risks import secret_keys
from layerscope.analysis.compare.side import Side
from layerscope.analysis.compare.steps import StepPair

if TYPE_CHECKING:
    from layerscope.analysis.findings.finding import Finding

_MAX_PATHS = 100
"""Maximum paths of a finding that are compared, largest first."""


class FindingChanges(Struct, frozen=True):
    """Findings that only one image has, in the order in which to fix them."""

    new: Sequence[Finding]
    """Without secrets: see `new_secrets`."""
    removed: Sequence[Finding]
    """Including secrets."""


def compare_findings(old: Side, new: Side, steps: Sequence[StepPair]) -> FindingChanges | None:
    """New and removed findings; None unless both images were searched.

    A finding is the same if its rule reports the same step, even with a changed instruction, or the same path.
    """
    if old.findings is None or new.findings is None:
        return None
    before, secrets = _split_secrets(old.findings.to_fix)
    after, other_secrets = _split_secrets(new.findings.to_fix)
    remaining = {key for each in other_secrets for key, _ in secret_keys(new, each)}
    removed = [
        each for each in secrets if not any(key in remaining for key, _ in secret_keys(old, each))
    ]
    before, after = _by_step(before, after, steps)
    before, after = _by_path(old, new, before, after)
    return FindingChanges(after, removed + before)


def _split_secrets(findings: Iterable[Finding]) -> tuple[list[Finding], list[Finding]]:
    """Findings without secrets, and the secrets."""
    others: list[Finding] = []
    secrets: list[Finding] = []
    for finding in findings:
        (secrets if finding.secret else others).append(finding)
    return others, secrets


def _by_step(
    before: list[Finding], after: list[Finding], steps: Sequence[StepPair]
) -> tuple[list[Finding], list[Finding]]:
    """Both without findings of the same rule and step."""
    moved = {pair.old.index: pair.new.index for pair in steps if pair.old and pair.new}
    waiting: defaultdict[tuple[str, int | None], list[int]] = defaultdict(list)
    for number, finding in enumerate(before):
        step = moved.get(finding.steps[0], -1) if finding.steps else None
        waiting[finding.rule, step].append(number)
    unmatched, matched = [], set()
    for finding in after:
        numbers = waiting[finding.rule, finding.steps[0] if finding.steps else None]
        if numbers:
            matched.add(numbers.pop(0))
        else:
            unmatched.append(finding)
    return [each for number, each in enumerate(before) if number not in matched], unmatched


def _by_path(
    old: Side, new: Side, before: list[Finding], after: list[Finding]
) -> tuple[list[Finding], list[Finding]]:
    """Both without findings of the same rule that share one of their largest paths."""
    holders: dict[tuple[str, bytes], int] = {}
    for number, finding in enumerate(before):
        for name in old.filesystem.table.full_paths(finding.paths[:_MAX_PATHS]):
            holders.setdefault((finding.rule, name), number)
    unmatched, matched = [], set()
    for finding in after:
        names = new.filesystem.table.full_paths(finding.paths[:_MAX_PATHS])
        numbers = (holders.get((finding.rule, name), -1) for name in names)
        match = next((number for number in numbers if number >= 0 and number not in matched), None)
        if match is None:
            unmatched.append(finding)
        else:
            matched.add(match)
    return [each for number, each in enumerate(before) if number not in matched], unmatched
