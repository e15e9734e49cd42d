"""The verdict of a gate as JUnit XML: one test case per check."""

from __future__ import annotations

from typing import BinaryIO

from layerscope.analysis.gate.verdict import Check, Verdict
from layerscope.opening.opened import Opened
from layerscope.report.gate.issues import level_of, lines_of_check, offender_words
from layerscope.report.junit import Case, image_cases, write_cases
from layerscope.report.options import ReportOptions
from layerscope.text import safe_name


def write(verdict: Verdict, opened: Opened, stream: BinaryIO, options: ReportOptions) -> None:
    """Write a test case for the image itself and for each check. Checks that only warn pass, with their warning as output."""
    cases = [_case(opened, check, options) for check in verdict.checks]
    write_cases(opened, stream, [*image_cases(opened), *cases], options)


def _case(opened: Opened, check: Check, options: ReportOptions) -> Case:
    lines = [safe_name(check.message)]
    lines += [offender_words(opened, each, binary=options.binary_sizes) for each in check.offenders]
    more = check.offender_count - len(check.offenders)
    lines += [f"… and {more:,} more"] if more > 0 else []
    lines += [f"set by {safe_name(check.place)}"] if check.place else []
    return Case(
        "gate",
        f"{safe_name(check.rule)}: {safe_name(check.title)}",
        check.outcome,
        level_of(check).value,
        safe_name(check.message),
        "\n".join(lines),
        lines_of_check(opened, check),
    )
