"""`baseline-tolerance`: growth over the baseline to tolerate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerscope.analysis.gate import offenders
from layerscope.analysis.gate.rule import GateRule
from layerscope.analysis.gate.values import Tolerance, parse_tolerance
from layerscope.analysis.gate.verdict import Check, Outcome, Unit
from layerscope.text import percent, size
from layerscope.words import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from layerscope.analysis.gate.case import Case

NAME = "baseline-tolerance"
WASTED, SIZE, EFFICIENCY = "baseline-wasted", "baseline-size", "baseline-efficiency"


def _check(case: Case, tolerance: Tolerance) -> Iterator[Check]:
    if case.baseline is None:
        return
    before, now = case.baseline.ignores, case.ignores
    old, new = before.figures(WASTED), now.figures(WASTED)
    old_size, new_size = int(before.ledger.stored.sum()), int(now.ledger.stored.sum())
    allowed = tolerance.allowed(old_size)
    wasted_more = new.wasted - old.wasted > allowed
    worst = offenders.newly_wasted(case, now.waste_kept(WASTED)) if wasted_more else ((), 0)
    yield Check(
        WASTED, "Wasted, against the baseline", _outcome(wasted_more), Severity.ERROR, Unit.BYTES,
        new.wasted, old.wasted + allowed,
        message=f"{size(new.wasted)} wasted, {size(old.wasted)} in the baseline.",
        offenders=worst[0], offender_count=worst[1], place=case.place(NAME), baseline=old.wasted,
    )  # fmt: skip
    is_larger = new_size - old_size > allowed
    yield Check(
        SIZE, "Size, against the baseline", _outcome(is_larger), Severity.ERROR, Unit.BYTES,
        new_size, old_size + allowed,
        message=f"{size(new_size)} stored, {size(old_size)} in the baseline.",
        place=case.place(NAME), baseline=old_size,
    )  # fmt: skip
    # Less live content lowers efficiency by itself: not a regression unless more is wasted.
    least = old.live / (old.stored + allowed) if old.stored else 1.0
    below = new.efficiency < least
    is_lower = below and wasted_more
    yield Check(
        EFFICIENCY, "Efficiency, against the baseline", _outcome(is_lower), Severity.ERROR, Unit.RATIO,
        new.efficiency, least if is_lower or not below else None, at_least=True,
        message="Lower only because less is live."
        if below and not is_lower
        else f"{percent(old.efficiency, 1)} in the baseline.",
        place=case.place(NAME), baseline=old.efficiency,
    )  # fmt: skip


def _outcome(worse: bool) -> Outcome:
    return Outcome.FAIL if worse else Outcome.PASS


RULE = GateRule(
    NAME,
    "Growth over the baseline to tolerate: a size, or a percentage of its stored bytes.",
    parse_tolerance,
    _check,
    metavar="SIZE|PERCENT",
    default=Tolerance(share=0.01),
    ignorable=False,
)
