"""The text report: an image at a glance, then each step, what is wasted, what is stored twice and what is odd."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from layerscope.opening.open import Opened, file_name
from layerscope.report.console import Paper, Part
from layerscope.report.headline import alternative_name, digest_words, facts
from layerscope.report.options import ReportOptions
from layerscope.report.text_files import write_files
from layerscope.report.text_findings import write_findings
from layerscope.report.text_packages import write_packages
from layerscope.report.text_tables import write_duplicates, write_steps, write_waste
from layerscope.text import percent, safe_name, size
from layerscope.words import DigestState

NARROWEST, WIDEST = 60, 200
"""Widths that the tables can be fitted to."""

_WARNINGS = 50
"""Warnings, and layers that are damaged, that are listed."""
_NAMES = 3
"""Other images and tags that are named."""


def write(opened: Opened, stream: BinaryIO, options: ReportOptions) -> None:
    """Write the report for people. Tables keep to the width; the files of `options.files` are listed whole."""
    width = min(max(options.width, NARROWEST), WIDEST)
    paper = Paper(stream, width, color=options.color)
    _write_header(paper, opened, options)
    write_steps(paper, opened, options)
    write_waste(paper, opened, options)
    write_duplicates(paper, opened, options)
    write_findings(paper, opened, options)
    write_packages(paper, opened, options)
    _write_warnings(paper, opened)
    if options.files:
        write_files(paper, opened, options)
    paper.flush()


def _write_header(paper: Paper, opened: Opened, options: ReportOptions) -> None:
    image, accounting = opened.image, opened.accounting

    def shown(count: int) -> str:
        return size(count, binary=options.binary_sizes)

    name = "" if image.source_kind == "stdin" else file_name(image.reference)
    first: list[Part] = [
        (safe_name(image.title), "bold"),
        (safe_name(str(image.platform)), ""),
        (safe_name(image.source_kind), ""),
        (safe_name(name) if name != image.title else "", "dim"),
    ]
    paper.flow((part for part in first if part[0]), between="  ")
    others = [safe_name(tag) for tag in image.tags[1:]]
    if others:
        paper.paragraph(f"also called {_some(others)}", "dim")
    if image.alternatives:
        named = [alternative_name(other) for other in image.alternatives]
        paper.paragraph(f"also in it: {_some(named)}", "dim")
    wasted = f"{shown(accounting.wasted)} wasted ({percent(accounting.wasted, accounting.stored)})"
    paper.flow(
        [
            (f"{shown(accounting.stored)} stored", ""),
            (f"{shown(accounting.live)} live", ""),
            (wasted, "yellow" if accounting.wasted else ""),
            (f"efficiency {percent(accounting.efficiency, 1)}", ""),
        ]
    )
    paper.flow([*((fact, "") for fact in facts(opened, options)), *_digests(opened)])
    damages = opened.damages()
    if damages:
        paper.line()
        for damage in damages[:_WARNINGS]:
            paper.paragraph(safe_name(damage[0].upper() + damage[1:]) + ".", "bold red")
        if len(damages) > _WARNINGS:
            paper.paragraph(f"… and {len(damages) - _WARNINGS:,} more.", "bold red")
        paper.paragraph("The figures cover what could be read.")


def _some(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - _NAMES:,} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more


def _digests(opened: Opened) -> Iterator[Part]:
    """Whether the layers are what their digests say."""
    words, state = digest_words(opened)
    if opened.image.layers or state.bad:
        yield words, "bold red" if state.bad else "" if state is DigestState.OK else "dim"


def _write_warnings(paper: Paper, opened: Opened) -> None:
    warnings = opened.warnings
    if not warnings:
        return
    paper.heading("Warnings")
    for warning in warnings[:_WARNINGS]:
        where = "" if warning.layer is None else f"layer {warning.layer}: "
        paper.paragraph(f"{where}{safe_name(warning.message)} [{warning.code}]", indent=2)
    if len(warnings) > _WARNINGS:
        paper.line("  ", (f"… and {len(warnings) - _WARNINGS:,} more", "dim"))
