"""What to change, in the HTML report: findings with their fixes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layerscope.opening.open import Opened
from layerscope.report.html_parts import code, escaped, fitting, left_out, path_code, prose, section
from layerscope.report.issues import Issue
from layerscope.report.options import ReportOptions
from layerscope.text import clip, percent, size

_MOST = 200
_ROOM = 400_000
"""Bytes of all findings."""
_OPEN = 3
"""Findings that are unfolded from the start."""
_PATHS = 4
"""Paths of a finding that are not folded."""


def findings_section(opened: Opened, issues: Sequence[Issue], options: ReportOptions) -> str:
    """The findings that save most, and what all of them save together."""
    findings = opened.findings
    if findings is None:
        return ""
    if not issues:
        return section("What to change", "Nothing to fix was found.", "")
    saving, stored = findings.saving(), opened.accounting.stored
    binary = options.binary_sizes
    note = (
        f"{size(saving, binary=binary)} could be saved ({percent(saving, stored)}): "
        f"the image would store {size(stored - saving, binary=binary)}"
    )
    shown = fitting(_findings(issues), _MOST, _ROOM)
    return section(
        "What to change", note, "\n".join([*shown, left_out(len(issues) - len(shown), "finding")])
    )


def _findings(issues: Sequence[Issue]) -> Iterator[str]:
    for number, issue in enumerate(issues):
        opened = " open" if number < _OPEN else ""
        amount, _, why = issue.text.partition(". ") if issue.bytes else ("", "", issue.text)
        shown = f"<b>{escaped(amount)}</b>" if amount else ""
        paths = _paths(issue)
        yield (
            f'<details class="finding"{opened}><summary><span class="tag {issue.level.value}">{issue.level.value}</span>'
            f'{shown} {escaped(clip(issue.title, 300))}<span class="place">{escaped(issue.place)}</span></summary>\n'
            f"<div><p>{prose(why)} {code(issue.rule)}</p>"
            f"{paths}{_fix(issue.fix)}</div></details>"
        )


def _paths(issue: Issue) -> str:
    """The largest paths; some of them folded."""
    items = [f"<li>{path_code(path)}</li>" for path in issue.paths]
    more = issue.path_count - len(issue.paths)
    if more > 0:
        items.append(f'<li class="quiet">… and {more:,} more</li>')
    if not items:
        return ""
    if len(items) <= _PATHS + 1:
        return f"<ul>{''.join(items)}</ul>"
    hidden = issue.path_count - _PATHS
    return (
        f"<ul>{''.join(items[:_PATHS])}<li><details><summary>and {hidden:,} more</summary>"
        f"<ul>{''.join(items[_PATHS:])}</ul></details></li></ul>"
    )


def _fix(fix: str) -> str:
    if not fix:
        return ""
    return (
        f'<div class="fix"><button class="copy" type="button" hidden>copy</button>'
        f"<pre><code>{escaped(fix)}</code></pre></div>"
    )
