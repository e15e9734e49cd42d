"""Rules that compare one figure of an image with a limit. What is exactly at the limit passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from layerscope.analysis.gate.rule import GateRule
from layerscope.analysis.gate.verdict import Check, GateWarning, Outcome, Unit, amount
from layerscope.words import Severity

if TYPE_CHECKING:
    from layerscope.analysis.gate.case import Case
    from layerscope.analysis.gate.ignores import Ignores
    from layerscope.analysis.gate.offenders import Offenders


@dataclass(frozen=True, slots=True)
class Measured:
    """A measured figure of an image."""

    value: float
    said: str
    """Its explanation, as a sentence without a full stop."""
    wasted: int | None = None
    """For a share: its wasted bytes. The share counts if they exceed the floor."""
    stored: int = 0
    """For a share: the bytes of the whole."""


Measure = Callable[["Ignores", bool], Measured | str]
"""Measures a ledger (through its ignores; the flag says whether the base image is known), or returns why it cannot."""


def figure_rule(
    name: str,
    *,
    title: str,
    help: str,
    unit: Unit,
    parse: Callable[[object], Any],
    measure: Measure,
    offenders: Callable[[Case, float], Offenders],
    at_least: bool = False,
    default: float | None = None,
    ignorable: bool = True,
) -> GateRule:
    """A rule that fails if a figure is above its limit, or below it with `at_least`."""

    def beyond(value: float, limit: float) -> bool:
        return value < limit if at_least else value > limit

    def worse(case: Case, now: Measured, before: float) -> bool:
        """Whether a figure is worse than in the baseline by more than the tolerance."""
        more = before - now.value if at_least else now.value - before
        if unit is Unit.RATIO:
            more *= now.stored
        tolerated = 0 if case.baseline is None or unit is Unit.LAYERS else case.baseline.tolerated
        return more > tolerated

    def check(case: Case, limit: float) -> Iterator[Check]:
        now = measure(case.ignores, case.base_known)
        place = case.place(name)
        if isinstance(now, str):
            subject = "not checked" if place == f"--{name}" else f"{name} is not checked"
            case.warnings.append(GateWarning("rule-skipped", f"{subject}: {now}", place))
            yield Check(name, title, Outcome.SKIP, Severity.ERROR, unit, None, limit, at_least, f"{now}.", place=place)  # fmt: skip
            return
        before = None if case.baseline is None else measure(case.baseline.ignores, case.base_known)
        value_before = before.value if isinstance(before, Measured) else None
        outcome, message = Outcome.PASS, f"{now.said}."
        found: Offenders = ((), 0)
        if beyond(now.value, limit):
            if now.wasted is not None and now.wasted <= case.wasted_floor:
                floor = amount(case.wasted_floor, Unit.BYTES)
                message = f"{amount(now.wasted, Unit.BYTES)} wasted: percentages are ignored up to {floor}."
            elif (
                value_before is not None
                and beyond(value_before, limit)
                and not worse(case, now, value_before)
            ):
                message = f"{now.said}; no worse than the baseline ({amount(value_before, unit)})."
            else:
                outcome = Outcome.FAIL
                found = offenders(case, limit)
        yield Check(
            rule=name,
            title=title,
            outcome=outcome,
            severity=Severity.ERROR,
            unit=unit,
            value=now.value,
            limit=limit,
            at_least=at_least,
            message=message,
            offenders=found[0],
            offender_count=found[1],
            place=place,
            baseline=value_before,
        )

    metavar = {Unit.RATIO: "SHARE", Unit.BYTES: "SIZE"}.get(unit, "NUMBER")
    return GateRule(name, help, parse, check, metavar, default, ignorable=ignorable)
