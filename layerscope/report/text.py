"""The text report: headline, what to fix first, steps, waste, duplicates, packages and warnings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from layerscope.analysis.headline import Role
from layerscope.opening.opened import Opened, file_name
from layerscope.report.console import Console, Part
from layerscope.report.headline import alternative_name, digest_words, facts, headline_of
from layerscope.report.options import ReportOptions
from layerscope.report.text_files import write_files
from layerscope.report.text_findings import write_base_fixes, write_findings
from layerscope.report.text_packages import write_packages
from layerscope.report.text_tables import write_duplicates, write_steps, write_waste
from layerscope.report.text_unread import write_known, write_notice
from layerscope.text import percent, safe_name, size
from layerscope.words import DigestState

NARROWEST, WIDEST = 60, 200
"""Range of widths that the tables support."""

_WARNINGS = 50
"""Warnings and damaged layers that are listed."""
_NAMES = 3
"""Other images and tags that are listed."""
HEADLINE_STYLES = {
    Role.STORED: "bold",
    Role.AVOIDABLE: "bold yellow",
    Role.BASE: "",
    Role.NOTHING: "green",
    Role.RISK: "bold red",
}


def write(opened: Opened, stream: BinaryIO, options: ReportOptions) -> None:
    """Write the report. Tables fit the width; file lists (`options.files`) do not."""
    width = min(max(options.width, NARROWEST), WIDEST)
    console = Console(stream, width, color=options.color)
    _write_header(console, opened, options)
    if opened.unknown_layers:
        write_known(console, opened, options)
        _write_warnings(console, opened)
        console.flush()
        return
    write_findings(console, opened, options)
    write_steps(console, opened, options)
    write_waste(console, opened, options)
    write_duplicates(console, opened, options)
    write_packages(console, opened, options)
    write_base_fixes(console, opened, options)
    _write_warnings(console, opened)
    if options.files:
        write_files(console, opened, options)
    console.flush()


def _write_header(console: Console, opened: Opened, options: ReportOptions) -> None:
    image, accounting = opened.image, opened.accounting

    def amount(count: int) -> str:
        return size(count, binary=options.binary_sizes)

    name = "" if image.source_kind == "stdin" else file_name(image.reference)
    title: list[Part] = [
        (safe_name(image.title), "bold"),
        (safe_name(str(image.platform)), ""),
        (safe_name(image.source_kind), ""),
        (safe_name(name) if name != image.title else "", "dim"),
    ]
    console.flow((part for part in title if part[0]), between="  ")
    others = [safe_name(tag) for tag in image.tags[1:]]
    if others:
        console.paragraph(f"also called {_first_names(others)}", "dim")
    if image.alternatives:
        names = [alternative_name(other) for other in image.alternatives]
        console.paragraph(f"also available: {_first_names(names)}", "dim")
    if image.beside.referrers:
        kinds = list(dict.fromkeys(safe_name(one.name) for one in image.beside.referrers))
        console.paragraph(f"in the registry: {_first_names(kinds)}", "dim")
    write_notice(console, opened)
    if opened.unknown_layers:
        return
    wasted = f"{amount(accounting.wasted)} wasted ({percent(accounting.wasted, accounting.stored)})"
    console.flow((text, HEADLINE_STYLES[role]) for text, role in headline_of(opened, options))
    console.flow(
        [
            (wasted, "yellow" if accounting.wasted else ""),
            (f"efficiency {percent(accounting.efficiency, 1)}", ""),
            (f"{amount(accounting.live)} live", ""),
        ]
    )
    console.flow([*((fact, "") for fact in facts(opened, options)), *_digests(opened)])
    damages = opened.damages()
    if damages:
        console.line()
        for damage in damages[:_WARNINGS]:
            console.paragraph(safe_name(damage[0].upper() + damage[1:]) + ".", "bold red")
        if len(damages) > _WARNINGS:
            console.paragraph(f"… and {len(damages) - _WARNINGS:,} more.", "bold red")
        console.paragraph("The figures cover only the readable part.")


def _first_names(names: Sequence[str]) -> str:
    """The first names, and the number of the rest."""
    more = f" and {len(names) - _NAMES:,} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more


def _digests(opened: Opened) -> Iterator[Part]:
    """Whether the layers match their digests."""
    words, state = digest_words(opened)
    if opened.image.layers or state.bad:
        yield words, "bold red" if state.bad else "" if state is DigestState.OK else "dim"


def _write_warnings(console: Console, opened: Opened) -> None:
    warnings = opened.warnings
    if not warnings:
        return
    console.heading("Warnings")
    for warning in warnings[:_WARNINGS]:
        where = "" if warning.layer is None else f"layer {warning.layer}: "
        console.paragraph(f"{where}{safe_name(warning.message)} [{warning.code}]", indent=2)
    if len(warnings) > _WARNINGS:
        console.line("  ", (f"… and {len(warnings) - _WARNINGS:,} more", "dim"))
