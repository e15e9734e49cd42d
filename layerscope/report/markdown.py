"""Markdown for a comment on a pull request: what the image costs, what to mend, each step; never longer than GitHub takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

from layerscope.analysis.gate.verdict import Check, Outcome, Verdict
from layerscope.opening import Opened
from layerscope.report.headline import facts, figures
from layerscope.report.issues import Issue, issues_of, issues_of_verdict, offender_words
from layerscope.report.markdown_text import code, fenced, plain, prose
from layerscope.report.options import ReportOptions
from layerscope.report.rows import layer_label, step_rows, waste_rows
from layerscope.text import clip, clip_start, count_of, safe_name, size, whole_percent

LIMIT = 65_536
"""Characters of a comment on GitHub; bytes here, which are never fewer."""
MARK = "<!-- layerscope -->"
"""The first line, by which a script finds the comment to replace."""
_FINDINGS = 10
_STEPS = 200
_OPEN_STEPS = 12
"""Up to so many steps are shown without a click."""
_WASTE = 10
_PATHS = 3
_DAMAGES = 10
_CELL = 160
"""Characters of an instruction or a path."""
_ROOM = 600
"""Bytes that are kept free for what is said of the rest."""

_MARKS = {Outcome.PASS: "✅", Outcome.WARN: "⚠️", Outcome.FAIL: "❌", Outcome.SKIP: "⏭️"}
_LEVELS = {"error": "🔴", "warning": "🟠", "note": "🔵"}


class _Page:
    """Blocks of Markdown that fit a comment."""

    def __init__(self) -> None:
        self._blocks: list[str] = [MARK]
        self._used = len(MARK)

    def fits(self, block: str) -> bool:
        """Whether there is room for a block."""
        return self._used + len(block.encode()) + 2 <= LIMIT - _ROOM

    def add(self, block: str) -> bool:
        """Add a block if there is room; whether there was."""
        if not self.fits(block):
            return False
        self._blocks.append(block)
        self._used += len(block.encode()) + 2
        return True

    def rows(self, before: str, rows: Iterable[str], after: str = "") -> int:
        """Add a table as long as there is room for its rows; how many there were."""
        lines = [before]
        used = len(before.encode()) + len(after.encode())
        for row in rows:
            used += len(row.encode()) + 1
            if self._used + used + 2 > LIMIT - _ROOM:
                break
            lines.append(row)
        self.add("\n".join(lines) + after)
        return len(lines) - 1

    def write(self, stream: BinaryIO) -> None:
        """Write all blocks."""
        stream.write(("\n\n".join(self._blocks) + "\n").encode())


def write(opened: Opened, stream: BinaryIO, options: ReportOptions) -> None:
    """Write the figures, the findings with their fixes, the steps and the largest waste."""
    page = _Page()
    stored = size(opened.accounting.stored, binary=options.binary_sizes)
    page.add(f"### {code(_name(opened))} · {stored}")
    _add_body(page, opened, issues_of(opened, binary=options.binary_sizes), options)
    page.write(stream)


def write_verdict(
    opened: Opened, verdict: Verdict, stream: BinaryIO, options: ReportOptions
) -> None:
    """Write the verdict, its checks, how to meet those that are not met, and the figures of the image."""
    page = _Page()
    failed = verdict.count(Outcome.FAIL)
    said = f"failed: {failed:,} of {count_of(len(verdict.checks), 'check')}"
    if verdict.passed:
        warned = verdict.count(Outcome.WARN)
        said = f"passed, {count_of(warned, 'warning')}" if warned else "passed"
    mark = _MARKS[Outcome.PASS if verdict.passed else Outcome.FAIL]
    stored = size(opened.accounting.stored, binary=options.binary_sizes)
    page.add(f"### {mark} {code(_name(opened))} {said} · {stored}")
    _add_checks(page, verdict, options)
    for warning in verdict.warnings[:_DAMAGES]:
        place = f" ({code(safe_name(warning.place))})" if warning.place else ""
        page.add(f"> ⚠️ {prose(warning.message)}{place}")
    issues = issues_of_verdict(opened, verdict, binary=options.binary_sizes)
    _add_body(page, opened, [issue for issue in issues if issue.finding is not None], options)
    page.write(stream)


def _name(opened: Opened) -> str:
    return clip(safe_name(opened.image.title), _CELL)


def _add_body(page: _Page, opened: Opened, issues: Sequence[Issue], options: ReportOptions) -> None:
    names, amounts = zip(*figures(opened, options), strict=True)
    page.add(f"| {' | '.join(names)} |\n|{'---:|' * len(names)}\n| {' | '.join(amounts)} |")
    page.add(f"<sub>{plain(' · '.join(facts(opened, options)))}</sub>")
    damages = opened.damages()
    for damage in damages[:_DAMAGES]:
        page.add(f"> ❌ {plain(damage)}")
    if damages:
        page.add("> The figures cover what could be read.")
    _add_issues(page, issues)
    _add_steps(page, opened, options)
    _add_waste(page, opened, options)


def _add_checks(page: _Page, verdict: Verdict, options: ReportOptions) -> None:
    page.rows("| | check | found | allowed |\n|---|---|---:|---:|", map(_check_row, verdict.checks))
    for check in verdict.checks:
        if check.outcome is Outcome.PASS:
            continue
        lines = [f"{_MARKS[check.outcome]} **{plain(check.title)}** {prose(check.message)}"]
        if not any(each.finding for each in check.offenders):
            shown = check.offenders[:_PATHS]
            words = [offender_words(each, binary=options.binary_sizes) for each in shown]
            lines += [f"- {code(clip_start(each, _CELL))}" for each in words if each]
            more = check.offender_count - len(shown)
            lines += [f"- … and {more:,} more"] if shown and more > 0 else []
        page.add("\n".join(lines))


def _check_row(check: Check) -> str:
    found, allowed = plain(check.value_text()), plain(check.limit_text())
    return f"| {_MARKS[check.outcome]} | {plain(check.title)} {code(check.rule)} | {found} | {allowed} |"


def _add_issues(page: _Page, issues: Sequence[Issue]) -> None:
    if not issues:
        return
    page.add("#### What to change")
    shown = 0
    for issue in issues[:_FINDINGS]:
        if not page.add(_issue(issue)):
            break
        shown += 1
    if shown < len(issues):
        page.add(f"… and {count_of(len(issues) - shown, 'more finding')}.")


def _issue(issue: Issue) -> str:
    """A finding: its title with bytes, closed; in it why, where and how to mend it."""
    place = f" · {plain(issue.place)}" if issue.place else ""
    summary = f"{_LEVELS[issue.level.value]} <b>{plain(issue.title)}</b>{place}"
    paths = "\n".join(f"- {code(clip_start(path, _CELL))}" for path in issue.paths[:_PATHS])
    more = issue.path_count - _PATHS
    if more > 0:
        paths += f"\n- … and {more:,} more"
    amount = issue.text.partition(". ")[0]
    if issue.bytes:
        summary = f"{_LEVELS[issue.level.value]} <b>{plain(amount)}</b> {plain(issue.title)}{place}"
    why = issue.text.partition(". ")[2] if issue.bytes else issue.text
    parts = [f"<details><summary>{summary}</summary>", prose(why) + f" {code(issue.rule)}"]
    parts += [paths] if issue.paths else []
    parts += [fenced(issue.fix, "dockerfile")] if issue.fix else []
    return "\n\n".join([*parts, "</details>"])


def _add_steps(page: _Page, opened: Opened, options: ReportOptions) -> None:
    steps = opened.image.steps
    if not steps:
        return
    before = "| layer | size | share | wasted | step |\n|---:|---:|---:|---:|---|"
    title, after = "#### Steps\n\n", ""
    if len(steps) > _OPEN_STEPS:
        title = f"<details><summary>{count_of(len(steps), 'step')}</summary>\n\n"
        after = "\n\n</details>"
    shown = page.rows(title + before, _step_lines(opened, options), after)
    if shown < len(steps):
        page.add(f"… and {count_of(len(steps) - shown, 'more step')}.")


def _step_lines(opened: Opened, options: ReportOptions) -> Iterator[str]:
    stored, binary = opened.accounting.stored, options.binary_sizes
    for number, row in enumerate(step_rows(opened)):
        if number == _STEPS:
            return
        text = code(clip(row.text, _CELL))
        if row.step.layer is None:
            yield f"| | | | | {text} |"
            continue
        wasted = size(row.wasted, binary=binary) if row.wasted else ""
        note = f" <sub>{plain(', '.join(row.notes))}</sub>" if row.notes else ""
        share = whole_percent(row.stored, stored).replace("<", "&lt;").replace(">", "&gt;")
        yield f"| {row.step.layer} | {size(row.stored, binary=binary)} | {share} | {wasted} | {text}{note} |"


def _add_waste(page: _Page, opened: Opened, options: ReportOptions) -> None:
    waste, binary = opened.accounting.waste, options.binary_sizes
    if not len(waste):
        return
    title = (
        f"{size(opened.accounting.wasted, binary=binary)} wasted in {count_of(len(waste), 'file')}"
    )
    before = f"<details><summary>{title}</summary>\n\n| bytes | path | why | stored in | hidden by |\n|---:|---|---|---|---|"
    page.rows(
        before,
        (
            f"| {size(row.bytes, binary=binary)} | {code(clip_start(row.path, _CELL))} | {row.reason} "
            f"| {plain(layer_label(opened, row.stored_in))} | {plain(layer_label(opened, row.hidden_by))} |"
            for row in waste_rows(opened, _WASTE)
        ),
        "\n\n</details>",
    )
