"""The table of checks: outcome, value and limit of each."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from layerscope.analysis.gate.verdict import Check, Outcome, Unit
from layerscope.report.console import Console, padded, widest
from layerscope.text import cells, clip, count_of, safe_name

GLYPHS = {Outcome.PASS: "✔", Outcome.WARN: "!", Outcome.FAIL: "✘", Outcome.SKIP: "–"}
STYLES = {
    Outcome.PASS: "green",
    Outcome.WARN: "yellow",
    Outcome.FAIL: "bold red",
    Outcome.SKIP: "dim",
}
_MIN_WIDTH = 24
"""Columns that a message needs beside its row; with less room it goes on its own line."""


class _Row(Struct, frozen=True):
    outcome: Outcome
    rule: str
    value: str
    limit: str
    message: str
    always_shown: bool
    """Whether the message is shown even if there is no room for it in the row."""


def write_table(console: Console, checks: Sequence[Check], *, binary: bool) -> None:
    """Write all checks; finding rules without findings share a row."""
    rows = [_row(check, binary) for check in checks if not is_idle(check)]
    title = idle_title(checks)
    if title:
        rows.append(_Row(Outcome.PASS, title, "0", "none", "no findings", always_shown=False))
    console.line()
    if not rows:
        console.line("  ", ("all rules are off; nothing was checked", "yellow"))
        return
    values = max(widest([row.value for row in rows]), len("value"))
    limits = max(widest([row.limit for row in rows]), len("limit"))
    fixed = 2 + 6 + 2 + 2 + values + 2 + limits
    rules = min(max(widest([row.rule for row in rows]), len("check")), console.width - fixed)
    indent = fixed + rules + 2
    room = console.width - indent
    heading = f"  {'':<6}  {'check':<{rules}}  {'value':>{values}}  {'limit':<{limits}}"
    console.line((heading, "dim"))
    for row in rows:
        style = STYLES[row.outcome]
        beside = room >= _MIN_WIDTH and (not row.always_shown or cells(row.message) <= room)
        console.line(
            "  ",
            (f"{GLYPHS[row.outcome]} {row.outcome.value}", style),
            "  ",
            (padded(clip(row.rule, rules), rules), "bold" if row.outcome is Outcome.FAIL else ""),
            "  ",
            (" " * (values - widest([row.value])) + row.value, style if row.outcome in (Outcome.FAIL, Outcome.WARN) else ""),
            "  ",
            padded(row.limit, limits),
            "  ",
            (clip(row.message, room) if beside else "", "dim"),
        )  # fmt: skip
        if row.always_shown and not beside:
            console.paragraph(row.message, "dim", indent=10)


def _row(check: Check, binary: bool) -> _Row:
    value = check.value_text(binary=binary)
    if check.unit in (Unit.FINDINGS, Unit.PATHS, Unit.LAYERS) and check.value is not None:
        value = f"{int(check.value):,}"
    limit = check.limit_text(binary=binary).removesuffix(" layers").removesuffix(" layer")
    message = safe_name(check.message.removesuffix("."))
    always_shown = check.outcome is Outcome.SKIP or ":" in message or ";" in message
    return _Row(check.outcome, safe_name(check.rule), value, limit or "any", message, always_shown)


def _is_finding(check: Check) -> bool:
    """Whether a check belongs to one finding rule."""
    return check.unit is Unit.FINDINGS and not check.rule.startswith("no-secrets")


def idle_title(checks: Sequence[Check]) -> str:
    """The row of the finding rules without findings: `54 more finding rules`; "" if there are none."""
    idle = sum(map(is_idle, checks))
    if not idle:
        return ""
    more = " more" if len(checks) > idle and any(map(_is_finding, checks)) else ""
    return f"{idle:,}{more} finding rule{'' if idle == 1 else 's'}"


def in_order(checks: Sequence[Check]) -> list[Check]:
    """The checks that fail first, then those that warn, those not made, and those that pass."""
    order = (Outcome.FAIL, Outcome.WARN, Outcome.SKIP, Outcome.PASS)
    return sorted(checks, key=lambda check: order.index(check.outcome))


def is_idle(check: Check) -> bool:
    """Whether a finding rule has no findings and nothing to compare with."""
    return (
        _is_finding(check)
        and check.outcome is Outcome.PASS
        and not check.value
        and not check.baseline
    )


def summary(checks: Sequence[Check]) -> str:
    """The number of checks by outcome: 2 failed, 1 warning, 7 passed."""
    counts = {outcome: sum(check.outcome is outcome for check in checks) for outcome in Outcome}
    words = [
        f"{counts[Outcome.FAIL]:,} failed",
        count_of(counts[Outcome.WARN], "warning") if counts[Outcome.WARN] else "",
        f"{counts[Outcome.SKIP]:,} skipped" if counts[Outcome.SKIP] else "",
        f"{counts[Outcome.PASS]:,} passed",
    ]
    return ", ".join(word for word in words if word)
