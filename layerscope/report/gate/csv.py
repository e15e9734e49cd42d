"""The gate report as CSV, one row per check."""

from __future__ import annotations

from typing import BinaryIO

from layerscope.analysis.gate.verdict import Verdict
from layerscope.opening.opened import Opened
from layerscope.report.csv import Cell, write_table
from layerscope.report.options import ReportOptions

_COLUMNS = "rule outcome severity value limit unit at_least baseline offenders title message place"


def write(verdict: Verdict, _opened: Opened, stream: BinaryIO, _options: ReportOptions) -> None:
    """Write a row for each check."""
    rows = (
        (
            check.rule,
            check.outcome.value,
            check.severity.value,
            _number(check.value),
            _number(check.limit),
            check.unit.value,
            int(check.at_least),
            _number(check.baseline),
            check.offender_count,
            check.title,
            check.message,
            check.place,
        )
        for check in verdict.checks
    )
    write_table(stream, _COLUMNS.split(), rows)


def _number(number: float | None) -> Cell:
    """An integer if the number has no fraction."""
    return int(number) if number is not None and number == int(number) else number
