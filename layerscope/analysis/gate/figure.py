"""Rules that compare one figure of an image with a limit. A figure exactly at the limit passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from layerscope.analysis.gate.rule import GateRule
from layerscope.analysis.gate.verdict import Check, GateWarning, Outcome, Unit, amount
from layerscope.words import Severity

if TYPE_CHECKING:
    from layerscope.analysis.gate.case import Case
    from layerscope.analysis.gate.ignores import Ignores
    from layerscope.analysis.gate.offenders import Offenders


class Measured(Struct, frozen=True):
    """A measured figure of an image."""

    value: float
    explanation: str
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

    def worse(case: Case, measured: Measured, baseline: float) -> bool:
        """Whether a figure is worse than in the baseline by more than the tolerance."""
        difference = baseline - measured.value if at_least else measured.value - baseline
        if unit is Unit.RATIO:
            difference *= measured.stored
        tolerated = 0 if case.baseline is None or unit is Unit.LAYERS else case.baseline.tolerated
        return difference > tolerated

    def check(case: Case, limit: float) -> Iterator[Check]:
        measured = measure(case.ignores, case.base_known)
        place = case.place(name)
        if isinstance(measured, str):
            subject = "not checked" if place == f"--{name}" else f"{name} is not checked"
            case.warnings.append(GateWarning("rule-skipped", f"{subject}: {measured}", place))
            yield Check(name, title, Outcome.SKIP, Severity.ERROR, unit, None, limit, at_least, f"{measured}.", place=place)  # fmt: skip
            return
        baseline = (
            None if case.baseline is None else measure(case.baseline.ignores, case.base_known)
        )
        value_before = baseline.value if isinstance(baseline, Measured) else None
        outcome, message = Outcome.PASS, f"{measured.explanation}."
        worst: Offenders = ((), 0)
        if beyond(measured.value, limit):
            if measured.wasted is not None and measured.wasted <= case.wasted_floor:
                floor = amount(case.wasted_floor, Unit.BYTES)
                message = f"{amount(measured.wasted, Unit.BYTES)} wasted: percentages are ignored up to {floor}."
            elif (
                value_before is not None
                and beyond(value_before, limit)
                and not worse(case, measured, value_before)
            ):
                message = f"{measured.explanation}; no worse than the baseline ({amount(value_before, unit)})."
            else:
                outcome = Outcome.FAIL
                worst = offenders(case, limit)
        yield Check(
            rule=name,
            title=title,
            outcome=outcome,
            severity=Severity.ERROR,
            unit=unit,
            value=measured.value,
            limit=limit,
            at_least=at_least,
            message=message,
            offenders=worst[0],
            offender_count=worst[1],
            place=place,
            baseline=value_before,
        )

    metavar = {Unit.RATIO: "SHARE", Unit.BYTES: "SIZE"}.get(unit, "NUMBER")
    return GateRule(name, help, parse, check, metavar, default, ignorable=ignorable)
