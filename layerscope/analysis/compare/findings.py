"""Findings that are new, gone, or about another number of bytes."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from layerscope.image.summary import one_line

if TYPE_CHECKING:
    from layerscope.analysis.compare.side import Side
    from layerscope.analysis.findings.finding import Finding

_NAMED = 5
"""Paths that tell findings of one rule apart, the largest ones."""


@dataclass(frozen=True, slots=True)
class FindingChange:
    """A finding of both images, or of one of them."""

    old: Finding | None
    """None if it is new."""
    new: Finding | None
    """None if it is gone."""

    @property
    def finding(self) -> Finding:
        """The finding, as the new image has it if it does."""
        found = self.new or self.old
        if found is None:
            raise TypeError
        return found

    @property
    def growth(self) -> int:
        """Bytes that it is about more than before."""
        return (self.new.bytes if self.new else 0) - (self.old.bytes if self.old else 0)

    @property
    def differs(self) -> bool:
        """Whether it is new, gone, or about another number of bytes."""
        return self.old is None or self.new is None or bool(self.growth)


def compare_findings(old: Side, new: Side) -> list[FindingChange]:
    """All findings of both: new ones first, secrets before others; then those that changed, are gone, stay."""
    waiting: defaultdict[object, deque[Finding]] = defaultdict(deque)
    pairs, fresh = [], []
    for finding in _found(old):
        waiting[_key(old, finding)].append(finding)
    for finding in _found(new):
        known = waiting.get(_key(new, finding))
        if known:
            pairs.append(FindingChange(known.popleft(), finding))
        else:
            fresh.append(finding)
    # What is left of one rule in both images is one finding whose files differ.
    left: defaultdict[str, deque[Finding]] = defaultdict(deque)
    for finding in _found(old):
        if any(finding is other for other in waiting[_key(old, finding)]):
            left[finding.rule].append(finding)
    for finding in fresh:
        same = left[finding.rule]
        pairs.append(FindingChange(same.popleft() if same else None, finding))
    pairs += [FindingChange(finding, None) for rest in left.values() for finding in rest]
    return sorted(pairs, key=_order)


def _found(side: Side) -> Sequence[Finding]:
    return () if side.findings is None else side.findings.found


def _key(side: Side, finding: Finding) -> object:
    """What is equal for one finding in both images: its rule, and the largest files or the step that it is about."""
    if len(finding.paths):
        table = side.filesystem.table
        return finding.rule, tuple(sorted(map(table.full, finding.paths[:_NAMED].tolist())))
    return finding.rule, *(one_line(side.image.steps[step]) for step in finding.steps[:1])


def _order(change: FindingChange) -> tuple[int, bool, int]:
    rank = 0 if change.old is None else 2 if change.new is None else 1 if change.growth else 3
    return rank, not change.finding.secret, -abs(change.growth or change.finding.bytes)
