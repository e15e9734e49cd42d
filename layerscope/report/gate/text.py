"""The gate report as text: the table of checks, the worst offenders, the next steps."""

from __future__ import annotations

from typing import BinaryIO

from layerscope.analysis.gate.verdict import Offender, Outcome, Verdict
from layerscope.opening.opened import Opened
from layerscope.report.console import Console, Part
from layerscope.report.gate.advice import write_advice
from layerscope.report.gate.conclusion import DAMAGED, conclusion_of
from layerscope.report.gate.offenders import write_offenders
from layerscope.report.gate.table import GLYPHS, STYLES, summary, write_table
from layerscope.report.headline import headline_of
from layerscope.report.options import ReportOptions
from layerscope.report.text import HEADLINE_STYLES, NARROWEST, WIDEST
from layerscope.text import count_of, percent, safe_name, size

_DIVE = (
    "Rules from .dive-ci, exact figures: dive also counts the surviving copy as wasted and misses "
    "deleted directories, so its numbers differ."
)
_WARNINGS = 50


def write(verdict: Verdict, opened: Opened, stream: BinaryIO, options: ReportOptions) -> None:
    """Write the verdict, fitted to the width."""
    console = Console(stream, min(max(options.width, NARROWEST), WIDEST), color=options.color)
    _write_header(console, verdict, opened, options)
    write_table(console, verdict.checks, binary=options.binary_sizes)
    rule_of_paths: dict[tuple[Offender, ...], str] = {}
    for outcome in (Outcome.FAIL, Outcome.WARN):
        for check in verdict.checks:
            if check.outcome is outcome:
                paths = (
                    check.offenders
                    if check.offenders and check.offenders[0].finding is None
                    else ()
                )
                same_as = rule_of_paths.get(paths) if paths else None
                write_offenders(console, opened, check, options, same_as)
                rule_of_paths.setdefault(paths, check.rule)
    _write_warnings(console, verdict)
    write_advice(console, verdict, opened)
    console.flush()


def _write_header(
    console: Console, verdict: Verdict, opened: Opened, options: ReportOptions
) -> None:
    image, accounting, binary = opened.image, opened.accounting, options.binary_sizes
    conclusion = conclusion_of(verdict, opened, options)
    outcome, damaged = conclusion.outcome, conclusion.verb == DAMAGED
    title = f"{GLYPHS[outcome]} {safe_name(image.title)} {conclusion.verb}{':' if damaged else ''}"
    console.flow(
        [
            (title, f"{STYLES[outcome]} bold"),
            (conclusion.checks if damaged else summary(verdict.checks), ""),
        ],
        between="  ",
    )
    wasted = f"{size(accounting.wasted, binary=binary)} wasted"
    console.flow((text, HEADLINE_STYLES[role]) for text, role in headline_of(opened, options))
    facts: list[Part] = [
        (f"{wasted} ({percent(accounting.wasted, accounting.stored)})", ""),
        (f"efficiency {percent(accounting.efficiency, 1)}", ""),
        (count_of(len(image.layers), "layer"), ""),
    ]
    console.flow(facts)
    rules = "defaults (no .layerscope.toml found)" if verdict.source_kind == "defaults" else safe_name(verdict.source)  # fmt: skip
    about: list[Part] = [(f"rules: {rules}", "dim")]
    if verdict.base_layers:
        guess = " (estimated)" if verdict.base_guessed else ""
        about.append((f"base image: {count_of(verdict.base_layers, 'layer')}{guess}", "dim"))
    if verdict.baseline is not None:
        about.append((f"compared with {safe_name(verdict.baseline)}", "dim"))
    if verdict.ignored_bytes:
        about.append((f"{size(verdict.ignored_bytes, binary=binary)} of waste ignored", "dim"))
    if verdict.ignored_findings:
        about.append((f"{count_of(verdict.ignored_findings, 'finding')} ignored", "dim"))
    console.flow(about)
    if verdict.source_kind == "dive":
        console.paragraph(_DIVE, "dim")
    damages = opened.damages()
    for damage in damages[:3]:
        console.paragraph(safe_name(damage[0].upper() + damage[1:]) + ".", "bold red")
    if damages:
        console.paragraph("The checks cover only the readable part.", "bold red")


def _write_warnings(console: Console, verdict: Verdict) -> None:
    if not verdict.warnings:
        return
    console.heading("Warnings")
    for warning in verdict.warnings[:_WARNINGS]:
        place = f"{warning.place}: " if warning.place else ""
        console.paragraph(
            safe_name(f"{place}{warning.message} [{warning.code}]"), "yellow", indent=2
        )
    if len(verdict.warnings) > _WARNINGS:
        console.line("  ", (f"… and {len(verdict.warnings) - _WARNINGS:,} more", "dim"))
