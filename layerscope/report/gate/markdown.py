"""The verdict of a gate as Markdown for a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from layerscope.analysis.gate.verdict import Check, Outcome, Verdict
from layerscope.opening.opened import Opened
from layerscope.report.gate.conclusion import conclusion_of
from layerscope.report.gate.issues import issues_of_verdict, offender_words
from layerscope.report.gate.table import idle_title, in_order, is_idle
from layerscope.report.headline import headline_text
from layerscope.report.markdown import CELL, MAX_WARNINGS, PATHS, Page, add_body, name_of
from layerscope.report.markdown_text import code, plain, prose
from layerscope.report.options import ReportOptions
from layerscope.text import clip_start, safe_name

_MARKS = {Outcome.PASS: "✅", Outcome.WARN: "⚠️", Outcome.FAIL: "❌", Outcome.SKIP: "⏭️"}


def write(verdict: Verdict, opened: Opened, stream: BinaryIO, options: ReportOptions) -> None:
    """Write the verdict, its checks, how to meet the unmet ones, and the figures of the image."""
    page = Page()
    conclusion = conclusion_of(verdict, opened, options)
    page.add(f"### {_MARKS[conclusion.outcome]} {code(name_of(opened))} {conclusion.sentence}")
    page.add(f"**{plain(headline_text(opened, options))}**")
    page.rows(
        "| | check | found | allowed |\n|---|---|---:|---:|",
        _rows(verdict.checks, options),
    )
    for check in in_order(verdict.checks):
        if check.outcome is not Outcome.PASS:
            page.add(_details(opened, check, options))
    for warning in verdict.warnings[:MAX_WARNINGS]:
        place = f" ({code(safe_name(warning.place))})" if warning.place else ""
        page.add(f"> ⚠️ {prose(warning.message)}{place}")
    issues = issues_of_verdict(opened, verdict, binary=options.binary_sizes)
    add_body(page, opened, [issue for issue in issues if issue.finding is not None], options)
    page.write(stream)


def _rows(checks: Sequence[Check], options: ReportOptions) -> Iterator[str]:
    """The failed checks first; finding rules without findings share a row."""
    for check in in_order(checks):
        if not is_idle(check):
            yield _row(check, options)
    idle = idle_title(checks)
    if idle:
        yield f"| {_MARKS[Outcome.PASS]} | {idle} | no findings | none |"


def _row(check: Check, options: ReportOptions) -> str:
    found = plain(check.value_text(binary=options.binary_sizes))
    allowed = plain(check.limit_text(binary=options.binary_sizes))
    title = f"{plain(check.title)} {code(safe_name(check.rule))}"
    return f"| {_MARKS[check.outcome]} | {title} | {found} | {allowed} |"


def _details(opened: Opened, check: Check, options: ReportOptions) -> str:
    """The message and worst offenders of a check that is not met; findings follow later with their fixes."""
    lines = [f"{_MARKS[check.outcome]} **{plain(check.title)}** {prose(check.message)}"]
    if not any(each.finding for each in check.offenders):
        shown = check.offenders[:PATHS]
        words = [offender_words(opened, each, binary=options.binary_sizes) for each in shown]
        lines += [f"- {code(clip_start(each, CELL))}" for each in words if each]
        more = check.offender_count - len(shown)
        lines += [f"- … and {more:,} more"] if shown and more > 0 else []
    return "\n".join(lines)
