"""The Markdown report for a pull request comment: figures, findings, steps, within GitHub's length limit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

from layerscope.analysis.packages.usage import package_usage
from layerscope.opening.opened import Opened
from layerscope.report.headline import facts, figures, headline_text
from layerscope.report.issues import Issue, issues_of
from layerscope.report.markdown_text import code, fenced, plain, prose
from layerscope.report.options import ReportOptions
from layerscope.report.rows import layer_label, step_rows, waste_rows
from layerscope.text import clip, clip_start, count_of, percent, safe_name, size, whole_percent

LIMIT = 65_000
"""Maximum bytes of a report: a GitHub comment has 65,536 characters, some of which are left for a script's own line."""
MARK = "<!-- layerscope -->"
"""The first line, so that a script can find the comment to replace."""
_FINDINGS = 10
_STEPS = 200
_OPEN_STEPS = 12
"""More steps than this are folded."""
_WASTE = 10
_PACKAGES = 20
PATHS = 3
"""Paths that a finding lists."""
MAX_WARNINGS = 10
"""Maximum damaged parts and warnings that are listed."""
CELL = 160
"""Characters of an instruction or a path."""
_RESERVED = 1500
"""Bytes kept free for the lines that count what was left out."""

_LEVELS = {"error": "🔴", "warning": "🟠", "note": "🔵"}


class Page:
    """Blocks of Markdown that fit into a comment."""

    def __init__(self, mark: str = MARK) -> None:
        self._blocks: list[str] = [mark]
        self._used = len(mark)

    def fits(self, block: str) -> bool:
        """Whether there is room for a block."""
        return self._used + len(block.encode()) + 2 <= LIMIT - _RESERVED

    def add(self, block: str) -> bool:
        """Add a block if there is room; returns whether there was."""
        if not self.fits(block):
            return False
        self._blocks.append(block)
        self._used += len(block.encode()) + 2
        return True

    def note(self, block: str) -> None:
        """Add a short line about what was left out, for which there is always room."""
        self._blocks.append(block)
        self._used += len(block.encode()) + 2

    def rows(self, before: str, rows: Iterable[str], after: str = "") -> int:
        """Add a table with as many rows as fit, or nothing if none fits; returns the number of rows."""
        lines = [before]
        used = len(before.encode()) + len(after.encode())
        for row in rows:
            used += len(row.encode()) + 1
            if self._used + used + 2 > LIMIT - _RESERVED:
                break
            lines.append(row)
        if len(lines) > 1:
            self.add("\n".join(lines) + after)
        return len(lines) - 1

    def write(self, stream: BinaryIO) -> None:
        """Write all blocks."""
        stream.write(("\n\n".join(self._blocks) + "\n").encode())


def write(opened: Opened, stream: BinaryIO, options: ReportOptions) -> None:
    """Write the headline, the findings with their fixes, the steps, the largest waste and packages."""
    page = Page()
    page.add(f"### {code(name_of(opened))}")
    page.add(f"**{plain(headline_text(opened, options))}**")
    add_body(page, opened, issues_of(opened, binary=options.binary_sizes), options)
    page.write(stream)


def name_of(opened: Opened) -> str:
    """The name of the image, safe to show."""
    return clip(safe_name(opened.image.title), CELL)


def add_body(page: Page, opened: Opened, issues: Sequence[Issue], options: ReportOptions) -> None:
    """Add the figures, the findings, the steps, the largest waste and the largest packages."""
    names, amounts = zip(*figures(opened, options), strict=True)
    page.add(f"| {' | '.join(names)} |\n|{'---:|' * len(names)}\n| {' | '.join(amounts)} |")
    page.add(f"<sub>{plain(' · '.join(facts(opened, options)))}</sub>")
    damages = opened.damages()
    for damage in damages[:MAX_WARNINGS]:
        page.add(f"> ❌ {plain(damage)}")
    if damages:
        page.add("> The figures cover only the readable part.")
    _add_issues(page, issues)
    _add_steps(page, opened, options)
    _add_waste(page, opened, options)
    _add_packages(page, opened, options)


def _add_issues(page: Page, issues: Sequence[Issue]) -> None:
    if not issues:
        return
    page.add("#### What to fix first")
    shown = sum(page.add(issue_block(issue)) for issue in issues[:_FINDINGS])
    if shown < len(issues):
        page.note(f"… and {count_of(len(issues) - shown, 'more finding')}.")


def issue_block(issue: Issue) -> str:
    """A folded finding: bytes and title; inside, reason, paths and fix."""
    place = f" · {plain(issue.place)}" if issue.place else ""
    summary = f"{_LEVELS[issue.level.value]} <b>{plain(issue.title)}</b>{place}"
    paths = "\n".join(f"- {code(clip_start(path, CELL))}" for path in issue.paths[:PATHS])
    more = issue.path_count - PATHS
    if more > 0:
        paths += f"\n- … and {more:,} more"
    amount = issue.text.partition(". ")[0]
    if issue.bytes:
        summary = f"{_LEVELS[issue.level.value]} <b>{plain(amount)}</b> {plain(issue.title)}{place}"
    why = issue.text.partition(". ")[2] if issue.bytes else issue.text
    parts = [f"<details><summary>{summary}</summary>", prose(why) + f" {code(issue.rule)}"]
    parts += [paths] if issue.paths else []
    if issue.difference:
        parts.append(fenced("\n".join([*issue.notes, issue.difference]), "diff"))
    elif issue.fix:
        parts.append(fenced(issue.fix, "dockerfile"))
    return "\n\n".join([*parts, "</details>"])


def _add_steps(page: Page, opened: Opened, options: ReportOptions) -> None:
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
        page.note(f"… and {count_of(len(steps) - shown, 'more step')}.")


def _step_lines(opened: Opened, options: ReportOptions) -> Iterator[str]:
    stored, binary = opened.accounting.stored, options.binary_sizes
    for number, row in enumerate(step_rows(opened)):
        if number == _STEPS:
            return
        text = code(clip(row.text, CELL))
        if row.step.layer is None:
            yield f"| | | | | {text} |"
            continue
        wasted = size(row.wasted, binary=binary) if row.wasted else ""
        note = f" <sub>{plain(', '.join(row.notes))}</sub>" if row.notes else ""
        share = whole_percent(row.stored, stored).replace("<", "&lt;").replace(">", "&gt;")
        yield f"| {row.step.layer} | {size(row.stored, binary=binary)} | {share} | {wasted} | {text}{note} |"


def _add_waste(page: Page, opened: Opened, options: ReportOptions) -> None:
    waste, binary = opened.accounting.waste, options.binary_sizes
    if not len(waste):
        return
    title = (
        f"{size(opened.accounting.wasted, binary=binary)} wasted in {count_of(len(waste), 'file')}"
    )
    before = f"<details><summary>{title}</summary>\n\n| bytes | path | why | stored in | hidden by |\n|---:|---|---|---|---|"
    shown = page.rows(
        before,
        (
            f"| {size(row.bytes, binary=binary)} | {code(clip_start(row.path, CELL))} | {row.reason} "
            f"| {plain(layer_label(opened, row.stored_in))} | {plain(layer_label(opened, row.hidden_by))} |"
            for row in waste_rows(opened, _WASTE)
        ),
        "\n\n</details>",
    )
    if not shown:
        page.note(f"… and {title}.")


def _add_packages(page: Page, opened: Opened, options: ReportOptions) -> None:
    packages = () if opened.findings is None else opened.findings.packages
    if not packages:
        return
    binary = options.binary_sizes
    usage = package_usage(opened.filesystem, packages)
    title = (
        f"{count_of(len(packages), 'package')}, {size(usage.owned, binary=binary)}: "
        f"{percent(usage.owned, usage.live)} of the final image"
    )
    before = (
        f"<details><summary>{plain(title)}</summary>\n\n"
        "| bytes | package | version | type | files | layer |\n|---:|---|---|---|---:|---:|"
    )
    shown = page.rows(
        before,
        (
            f"| {size(each.bytes, binary=binary)} | {code(clip(safe_name(each.name), CELL))} "
            f"| {code(clip(safe_name(each.version), CELL))} | {each.kind} | {each.files:,} | {each.layer} |"
            for each in packages[:_PACKAGES]
        ),
        "\n\n</details>",
    )
    if not shown:
        page.note(f"… and {plain(title)}.")
