"""The comparison of two images as text: figures, layers, steps, files, packages, config."""

from __future__ import annotations

from typing import BinaryIO

from layerscope.analysis.compare.comparison import Comparison
from layerscope.analysis.compare.steps import StepChange
from layerscope.opening.opened import Opened, file_name
from layerscope.report.console import (
    Console,
    Part,
    change_glyph,
    counts_text,
    growth_style,
    padded,
    signed,
    widest,
    write_heading,
)
from layerscope.report.diff_rows import (
    config_row,
    package_row,
    step_rows,
    upgrade_words,
    verdict,
)
from layerscope.report.diff_schema import stored_bytes
from layerscope.report.diff_text_files import write_files
from layerscope.report.diff_text_risks import write_findings, write_risks
from layerscope.report.diff_totals import write_totals
from layerscope.report.options import ReportOptions
from layerscope.report.text import NARROWEST, WIDEST
from layerscope.text import clip, count_of, safe_name, size
from layerscope.words import Change

STEPS = 40
PACKAGES = 30
SETTINGS = 60
"""Maximum rows."""
_NAME = 36
"""Columns that package names are clipped to."""

_STEP_STYLES: dict[StepChange, Part] = {
    StepChange.ADDED: change_glyph(Change.ADDED),
    StepChange.REMOVED: change_glyph(Change.REMOVED),
    StepChange.CHANGED: change_glyph(Change.MODIFIED),
    StepChange.REBUILT: ("·", "dim"),
}


def write(
    old: Opened,
    new: Opened,
    comparison: Comparison,
    stream: BinaryIO,
    options: ReportOptions,
) -> None:
    """Write the differences; long lists are cut, paths only without `options.files`."""
    console = Console(stream, min(max(options.width, NARROWEST), WIDEST), color=options.color)
    for name, side, other in (("old", old, new), ("new", new, old)):
        _write_image(console, name, side, other)
    console.paragraph(verdict(comparison), "bold")
    write_risks(console, new, comparison)
    write_totals(console, old, new, options)
    if not comparison.only:
        _write_layers(console, new, comparison, options)
        _write_steps(console, comparison, options)
    write_files(console, old, new, comparison, options)
    if not comparison.only:
        _write_packages(console, comparison, options)
        write_findings(console, old, new, comparison, options)
        _write_config(console, comparison)
    for name, side in (("old", old), ("new", new)):
        for damage in side.damages()[:STEPS]:
            console.line()
            console.paragraph(f"The {name} image: {safe_name(damage)}.", "bold red")
    console.flush()


def _write_image(console: Console, name: str, side: Opened, other: Opened) -> None:
    """Write the name of an image, or its whole reference if both have the same name."""
    image = side.image
    place = "stdin" if image.source_kind == "stdin" else file_name(image.reference)
    if place == file_name(other.image.reference):
        place = image.reference
    parts: list[Part] = [
        (safe_name(image.title), "bold"),
        (safe_name(str(image.platform)), ""),
        (safe_name(image.source_kind), ""),
        (safe_name(place) if place != image.title else "", "dim"),
    ]
    console.flow([(f"{name}:", "dim"), *(part for part in parts if part[0])], between="  ")


def _write_layers(
    console: Console, new: Opened, comparison: Comparison, options: ReportOptions
) -> None:
    """Write the layers that both images share, and what a host with the old image fetches for the new one."""
    layers, binary = comparison.layers, options.binary_sizes
    count = len(new.image.layers)
    shared = size(stored_bytes(new, layers.shared), binary=binary)
    from_bottom = ""
    if layers.shared and layers.common != len(layers.shared):
        from_bottom = f", {layers.common:,} of them from the bottom"
    write_heading(console, "Layers", f"{len(layers.shared):,} of {count:,} shared{from_bottom}")
    if layers.shared:
        console.paragraph(f"Shared: {shared} of content.", indent=2)
    console.paragraph(upgrade_words(new, comparison, binary=binary), indent=2)


def _write_steps(console: Console, comparison: Comparison, options: ReportOptions) -> None:
    """Write the steps that differ, in the order of the new image."""
    rows = list(step_rows(comparison))
    if not rows:
        console.line()
        console.line("No step differs.")
        return
    counts = [(sum(row.change is change for row in rows), change.value) for change in _STEP_STYLES]
    write_heading(console, "Steps", counts_text(counts))
    console.line()
    shown = rows[:STEPS]
    sizes = [
        signed(row.growth, binary=options.binary_sizes) if row.growth else "·" for row in shown
    ]
    width, place_width = widest(sizes), max(widest([row.place for row in shown]), len("layer"))
    console.line((f"    {'':>{width}}  {'layer':<{place_width}}  instruction", "dim"))
    room = console.width - width - place_width - 8
    for row, amount in zip(shown, sizes, strict=True):
        console.line(
            "  ", _STEP_STYLES[row.change], (f" {amount:>{width}}", growth_style(row.growth)),
            f"  {row.place:<{place_width}}  ", clip(row.text, room),
        )  # fmt: skip
        if row.old_text:
            console.line(" " * (console.width - room), (clip(f"was {row.old_text}", room), "dim"))
    if len(rows) > len(shown):
        console.line(
            "  ", (f"… and {count_of(len(rows) - len(shown), 'more step', 'more steps')}", "dim")
        )


def _write_packages(console: Console, comparison: Comparison, options: ReportOptions) -> None:
    """Write packages that were added, removed or changed version."""
    changes, binary = comparison.packages, options.binary_sizes
    if not changes:
        return
    rows = [package_row(change) for change in changes]
    counts = [
        (sum(row.change is change for row in rows), word)
        for change, word in (
            (Change.ADDED, "added"),
            (Change.REMOVED, "removed"),
            (Change.MODIFIED, "changed"),
        )
    ]
    growth = sum(change.growth for change in changes)
    write_heading(
        console,
        "Packages",
        counts_text(counts),
        (signed(growth, binary=binary), growth_style(growth)),
    )
    console.line()
    shown = rows[:PACKAGES]
    sizes = [signed(row.growth, binary=binary) for row in shown]
    names = [clip(row.name, _NAME) for row in shown]
    width, name_width = widest(sizes), widest(names)
    for row, amount, name in zip(shown, sizes, names, strict=True):
        room = max(console.width - width - name_width - len(row.kind) - 11, 8)
        console.line(
            "  ", change_glyph(row.change), (f" {amount:>{width}}", growth_style(row.growth)),
            f"  {padded(name, name_width)}  ", clip(row.versions, room), (f"  {row.kind}", "dim"),
        )  # fmt: skip
    if len(changes) > len(shown):
        more = count_of(len(changes) - len(shown), "more package", "more packages")
        console.line("  ", (f"… and {more}", "dim"))


def _write_config(console: Console, comparison: Comparison) -> None:
    """Write the config settings that differ."""
    settings = comparison.config
    if not settings:
        console.line()
        console.line("The configs are the same.")
        return
    write_heading(console, "Config", count_of(len(settings), "setting differs", "settings differ"))
    console.line()
    for row in map(config_row, settings[:SETTINGS]):
        name = f"{row.field} {clip(row.name, console.width // 2)}".rstrip()
        values = row.values
        room = console.width - 6
        if len(name) + sum(map(len, values)) + 9 <= console.width:
            console.line(
                "  ", change_glyph(row.change), f" {name}", "  " if values else "", " → ".join(values)
            )  # fmt: skip
            continue
        console.line("  ", change_glyph(row.change), f" {name}")
        for value in values:
            console.line("      ", clip(value, room))
    if len(settings) > SETTINGS:
        more = count_of(len(settings) - SETTINGS, "more setting", "more settings")
        console.line("  ", (f"… and {more}", "dim"))
