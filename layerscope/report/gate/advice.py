"""The next steps after a failed gate, in the text report."""

from __future__ import annotations

import shlex

from layerscope.analysis.gate import RULES
from layerscope.analysis.gate.dive_ci import KEYS
from layerscope.analysis.gate.layerscope_toml import NAME as CONFIG
from layerscope.analysis.gate.verdict import Check, Outcome, Unit, Verdict
from layerscope.opening.opened import Opened
from layerscope.report.console import Console
from layerscope.report.rows import fix_command
from layerscope.text import clip_start, safe_name


def write_advice(console: Console, verdict: Verdict, opened: Opened) -> None:
    """Write how to inspect the image, accept a finding, or accept the current state."""
    failed = [check for check in verdict.checks if check.outcome is Outcome.FAIL]
    if not failed:
        return
    name = opened.image.reference
    image = "IMAGE" if opened.image.source_kind == "stdin" or not name.isprintable() else shlex.quote(name)  # fmt: skip
    console.heading("Next steps")
    console.paragraph("Inspect the image:", indent=2)
    console.line("    ", (f"layerscope {image}", "cyan"))
    findings = [each.finding for check in failed for each in check.offenders if each.finding is not None]  # fmt: skip
    if any(finding.edits and not finding.base for finding in findings):
        console.paragraph("Apply the fixes that need no decision:", indent=2)
        console.line("    ", (fix_command(opened), "cyan"))
    examples = ((check, _ignore_lines(check, verdict)) for check in failed)
    check, example = next((each for each in examples if each[1]), (None, None))
    if check is not None and example is not None:
        source, limits = safe_name(verdict.source), list[str]()
        place = source if verdict.source_kind == "layerscope" else CONFIG
        if verdict.source_kind == "dive":
            place = f"{CONFIG}, in place of {source} and with its limits"
            limits = _dive_limits(verdict)
        console.paragraph(f"Accept {_accepted_words(check)} in {place}:", indent=2)
        for line in (*limits, "[[ignore]]", *example, 'reason = "…"'):
            console.line("    ", (clip_start(line, console.width - 4), "cyan"))
    if verdict.baseline is None:
        console.paragraph("Accept the current state and fail only on regressions:", indent=2)
        files = " --files" if any(check.unit is Unit.PATHS for check in failed) else ""
        report = f"layerscope report {image} --format json{files} -o baseline.json"
        console.line("    ", (report, "cyan"))
        console.line("    ", (f"layerscope ci {image} --baseline baseline.json", "cyan"))


def _dive_limits(verdict: Verdict) -> list[str]:
    """The lines of a `.layerscope.toml` with the same checks as dive's file, and no others."""
    lines = ["[ci]", "wasted-floor = 0"]
    for rule in RULES:
        limit = verdict.limits.get(rule.name)
        if limit is None and rule.default is not None:
            lines.append(f'{rule.name} = "off"')
        elif rule.name in KEYS.values() and limit is not None:
            lines.append(f"{rule.name} = {limit}")
    return lines


def _accepted_words(check: Check) -> str:
    """What the example accepts: the worst offender of a check."""
    worst = check.offenders[0]
    rule = safe_name(check.rule)
    if worst.finding is not None:
        kind, rule = "finding", safe_name(worst.finding.rule)
    elif worst.path is None:
        kind = "layer"
    else:
        kind = "path" if check.unit is Unit.PATHS else "file"
    return f"the {'first ' if check.offender_count > 1 else ''}{kind} of {rule}"


def _ignore_lines(check: Check, verdict: Verdict) -> list[str] | None:
    """The lines of an [[ignore]] for the worst offender; None if it cannot be ignored."""
    if not check.offenders or check.rule in ("max-size", "max-compressed-size"):
        return None
    worst = check.offenders[0]
    finding = worst.finding
    rule = finding.rule if finding is not None else check.rule
    if check.rule.startswith("baseline-"):
        rule = ""
    lines = [f'rule = "{safe_name(rule)}"'] if rule else []
    if worst.path is None:
        return [*lines, f"layer = {worst.layer}"] if worst.layer is not None else lines or None
    if check.unit in (Unit.BYTES, Unit.RATIO) and finding is None:
        if worst.hidden_by is not None and worst.hidden_by < verdict.base_layers:
            return ["base-image = true"]
        lines = []  # several rules count waste
    path = worst.path
    if not path.isprintable() or any(sign in path for sign in "'\"\\*?["):
        return None
    return [*lines, f'path = "{path}"']
