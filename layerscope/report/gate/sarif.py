"""The gate report as SARIF 2.1.0."""

from __future__ import annotations

from typing import BinaryIO

from layerscope.analysis.gate.verdict import Verdict
from layerscope.opening.opened import Opened
from layerscope.report.gate.issues import issues_of_verdict
from layerscope.report.options import ReportOptions
from layerscope.report.sarif import write_run


def write(verdict: Verdict, opened: Opened, stream: BinaryIO, options: ReportOptions) -> None:
    """Write a result for each issue of the checks that fail or warn: code scanning would show passed ones as alerts, too."""
    write_run(
        opened,
        issues_of_verdict(opened, verdict, binary=options.binary_sizes),
        stream,
        other_rules={check.rule: (check.title, check.severity.value) for check in verdict.checks},
        passed=verdict.passed,
    )
