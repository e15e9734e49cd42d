"""Whether an image passes the gate, in words that agree with the exit code."""

from __future__ import annotations

from msgspec import Struct

from layerscope.analysis.gate.verdict import Outcome, Verdict
from layerscope.opening.opened import Opened
from layerscope.report.options import ReportOptions
from layerscope.text import count_of


class Conclusion(Struct, frozen=True):
    """The headline of a verdict."""

    outcome: Outcome
    verb: str
    """The verb after the image's name: `passes`, `fails`, `is damaged`."""
    checks: str
    """The number of checks: `61 checks`, `2 of 61 checks`, with that of warnings."""

    @property
    def sentence(self) -> str:
        """Verb and checks: `fails 2 of 61 checks`, `is damaged: 61 checks pass on the readable part`."""
        return f"{self.verb}{':' if self.verb == DAMAGED else ''} {self.checks}"


DAMAGED = "is damaged"


def conclusion_of(verdict: Verdict, opened: Opened, options: ReportOptions) -> Conclusion:
    """The headline; an image that is damaged passes only if the damage is accepted."""
    failed, warned = verdict.count(Outcome.FAIL), verdict.count(Outcome.WARN)
    checks = count_of(len(verdict.checks), "check")
    warnings = f", {count_of(warned, 'warning')}" if warned else ""
    if opened.damages() and not options.ignore_errors:
        verb = "pass" if len(verdict.checks) != 1 else "passes"
        counts = f"{checks} {verb}"
        if failed:
            counts = f"{failed:,} of {checks} {'fails' if failed == 1 else 'fail'}"
        return Conclusion(Outcome.FAIL, DAMAGED, f"{counts} on the readable part{warnings}")
    if failed:
        return Conclusion(Outcome.FAIL, "fails", f"{failed:,} of {checks}{warnings}")
    return Conclusion(Outcome.PASS, "passes", f"{checks}{warnings}")
