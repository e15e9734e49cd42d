"""The gate report as GitHub Actions workflow commands."""

from __future__ import annotations

from typing import BinaryIO

from layerscope.analysis.gate.verdict import Outcome, Verdict
from layerscope.opening.opened import Opened
from layerscope.report.gate.conclusion import conclusion_of
from layerscope.report.gate.issues import issues_of_verdict
from layerscope.report.github import MAX_ANNOTATIONS, command, line, write_issues
from layerscope.report.headline import figures_line
from layerscope.report.options import ReportOptions
from layerscope.text import safe_name


def write(verdict: Verdict, opened: Opened, stream: BinaryIO, options: ReportOptions) -> None:
    """Write an annotation for each issue, and a line with the verdict."""
    write_issues(opened, issues_of_verdict(opened, verdict, binary=options.binary_sizes), stream)
    skipped = [check for check in verdict.checks if check.outcome is Outcome.SKIP]
    for check in skipped[:MAX_ANNOTATIONS]:
        title = f"{safe_name(check.rule)} was not checked"
        command(stream, "notice", {"title": title}, safe_name(check.message))
    for warning in verdict.warnings[:MAX_ANNOTATIONS]:
        place = f" ({safe_name(warning.place)})" if warning.place else ""
        command(stream, "warning", {"title": warning.code}, safe_name(warning.message) + place)
    sentence = conclusion_of(verdict, opened, options).sentence
    line(stream, f"{safe_name(opened.image.title)} {sentence} · {figures_line(opened, options)}")
