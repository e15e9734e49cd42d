"""The verdict of a gate for people: the table, the worst offenders, and what to do next."""

from __future__ import annotations

from typing import BinaryIO

from layerscope.analysis.gate.verdict import Offender, Outcome, Verdict
from layerscope.opening.open import Opened
from layerscope.report.console import Paper, Part
from layerscope.report.gate.advice import write_advice
from layerscope.report.gate.offenders import write_offenders
from layerscope.report.gate.table import GLYPHS, STYLES, summary, write_table
from layerscope.report.options import ReportOptions
from layerscope.report.text import NARROWEST, WIDEST
from layerscope.text import count_of, percent, safe_name, size

_DIVE = (
    "These are dive's rules with exact figures: dive counts the copy that is kept as wasted, too, and "
    "overlooks deleted directories, so its figures differ."
)
_WARNINGS = 50


def write(verdict: Verdict, opened: Opened, stream: BinaryIO, options: ReportOptions) -> None:
    """Write the verdict; everything keeps to the width."""
    paper = Paper(stream, min(max(options.width, NARROWEST), WIDEST), color=options.color)
    _write_header(paper, verdict, opened, options)
    write_table(paper, verdict.checks, binary=options.binary_sizes)
    told: dict[tuple[Offender, ...], str] = {}
    for wanted in (Outcome.FAIL, Outcome.WARN):
        for check in verdict.checks:
            if check.outcome is wanted:
                paths = (
                    check.offenders
                    if check.offenders and check.offenders[0].finding is None
                    else ()
                )
                same_as = told.get(paths) if paths else None
                write_offenders(paper, opened, check, options, same_as)
                told.setdefault(paths, check.rule)
    _write_warnings(paper, verdict)
    write_advice(paper, verdict, opened)
    paper.flush()


def _write_header(paper: Paper, verdict: Verdict, opened: Opened, options: ReportOptions) -> None:
    image, accounting, binary = opened.image, opened.accounting, options.binary_sizes
    outcome = Outcome.PASS if verdict.passed else Outcome.FAIL
    word = "passes" if verdict.passed else "fails"
    paper.flow(
        [
            (f"{GLYPHS[outcome]} {safe_name(image.title)} {word}", f"{STYLES[outcome]} bold"),
            (summary(verdict.checks), ""),
        ],
        between="  ",
    )
    wasted = f"{size(accounting.wasted, binary=binary)} wasted"
    facts: list[Part] = [
        (f"{size(accounting.stored, binary=binary)} stored", ""),
        (f"{wasted} ({percent(accounting.wasted, accounting.stored)})", ""),
        (f"efficiency {percent(accounting.efficiency, 1)}", ""),
        (count_of(len(image.layers), "layer"), ""),
    ]
    paper.flow(facts)
    rules = "defaults, as there is no .layerscope.toml" if verdict.source_kind == "defaults" else safe_name(verdict.source)  # fmt: skip
    about: list[Part] = [(f"rules: {rules}", "dim")]
    if verdict.base_layers:
        guess = " (a guess)" if verdict.base_guessed else ""
        about.append((f"base image: {count_of(verdict.base_layers, 'layer')}{guess}", "dim"))
    if verdict.baseline is not None:
        about.append((f"compared with {safe_name(verdict.baseline)}", "dim"))
    if verdict.ignored_bytes:
        about.append((f"{size(verdict.ignored_bytes, binary=binary)} of waste ignored", "dim"))
    if verdict.ignored_findings:
        about.append((f"{count_of(verdict.ignored_findings, 'finding')} ignored", "dim"))
    paper.flow(about)
    if verdict.source_kind == "dive":
        paper.paragraph(_DIVE, "dim")
    damages = opened.damages()
    for damage in damages[:3]:
        paper.paragraph(safe_name(damage[0].upper() + damage[1:]) + ".", "bold red")
    if damages:
        paper.paragraph("The checks cover what could be read.", "bold red")


def _write_warnings(paper: Paper, verdict: Verdict) -> None:
    if not verdict.warnings:
        return
    paper.heading("Warnings")
    for warning in verdict.warnings[:_WARNINGS]:
        place = f"{warning.place}: " if warning.place else ""
        paper.paragraph(safe_name(f"{place}{warning.message} [{warning.code}]"), "yellow", indent=2)
    if len(verdict.warnings) > _WARNINGS:
        paper.line("  ", (f"… and {len(verdict.warnings) - _WARNINGS:,} more", "dim"))
