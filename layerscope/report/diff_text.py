"""The comparison of two images as text: figures, layers, steps, files, packages, config."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from layerscope.analysis.compare.comparison import Comparison
from layerscope.analysis.compare.config import shown_value
from layerscope.analysis.compare.steps import StepChange, StepPair
from layerscope.image.history import Step
from layerscope.image.summary import one_line
from layerscope.opening.opened import Opened, file_name
from layerscope.report.console import (
    Console,
    Part,
    change_glyph,
    growth_style,
    listed,
    padded,
    signed,
    widest,
    write_heading,
)
from layerscope.report.diff_schema import blob_bytes, stored_bytes
from layerscope.report.diff_text_files import write_files
from layerscope.report.diff_totals import write_totals
from layerscope.report.options import ReportOptions
from layerscope.report.text import NARROWEST, WIDEST
from layerscope.text import clip, count_of, safe_name, size
from layerscope.words import Change

STEPS = 40
PACKAGES = 30
SETTINGS = 60
"""Most rows that are shown."""
_NAME = 36
"""Columns that package names are clipped to."""

_STEP_GLYPHS: dict[StepChange, Part] = {
    StepChange.ADDED: change_glyph(Change.ADDED),
    StepChange.REMOVED: change_glyph(Change.REMOVED),
    StepChange.CHANGED: change_glyph(Change.MODIFIED),
    StepChange.REBUILT: ("·", "dim"),
}
_FIELDS = {
    "workingDir": "workdir",
    "labels": "label",
    "exposedPorts": "port",
    "volumes": "volume",
}
"""Config fields that have a different name in a Dockerfile."""


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
    console.paragraph(_verdict(comparison), "bold")
    write_totals(console, old, new, options)
    if not comparison.only:
        _write_layers(console, new, comparison, options)
        _write_steps(console, comparison, options)
    write_files(console, old, new, comparison, options)
    if not comparison.only:
        _write_packages(console, comparison, options)
        _write_config(console, comparison)
    for name, side in (("old", old), ("new", new)):
        for damage in side.damages()[:STEPS]:
            console.line()
            console.paragraph(f"The {name} image: {safe_name(damage)}.", "bold red")
    console.flush()


def _write_image(console: Console, name: str, side: Opened, other: Opened) -> None:
    """Write which image it is; with its whole reference if both have the same name."""
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


def _verdict(comparison: Comparison) -> str:
    """The result in one line."""
    counts = [(len(comparison.files), "path")]
    if not comparison.only:
        changed = [
            pair
            for pair in comparison.steps
            if pair.change not in (StepChange.SAME, StepChange.REBUILT)
        ]
        counts += [(len(changed), "step"), (len(comparison.config), "setting")]
    words = [count_of(count, word) for count, word in counts if count]
    rebuilt = any(pair.change is StepChange.REBUILT for pair in comparison.steps)
    if words:
        return f"Differences: {', '.join(words)}."
    if comparison.differ:
        return "Only layer digests differ."
    if comparison.only:
        return "No differences in these paths."
    if rebuilt:
        return "No differences except layer digests (file times); use --mtime to compare times."
    return "No differences."


def _write_layers(
    console: Console, new: Opened, comparison: Comparison, options: ReportOptions
) -> None:
    """Write the layers that both images share, and what a host with the old image fetches for the new one."""
    layers, binary = comparison.layers, options.binary_sizes
    count = len(new.image.layers)
    shared = size(stored_bytes(new, layers.shared), binary=binary)
    below = ""
    if layers.shared and layers.common != len(layers.shared):
        below = f", {layers.common:,} of them from the bottom"
    write_heading(console, "Layers", f"{len(layers.shared):,} of {count:,} shared{below}")
    if layers.shared:
        console.paragraph(f"Shared: {shared} of content.", indent=2)
    if not layers.fetched:
        console.paragraph("Upgrading from the old image fetches no layers.", indent=2)
        return
    content = size(stored_bytes(new, layers.fetched), binary=binary)
    sent = blob_bytes(new, layers.fetched)
    much = f"{size(sent, binary=binary)} compressed, " if sent is not None else ""
    console.paragraph(
        f"Upgrading from the old image fetches {count_of(len(layers.fetched), 'layer')}: {much}{content} of content.",
        indent=2,
    )


def _write_steps(console: Console, comparison: Comparison, options: ReportOptions) -> None:
    """Write the steps that differ, in the order of the new image."""
    pairs = [pair for pair in comparison.steps if pair.change is not StepChange.SAME]
    if not pairs:
        console.line()
        console.line("No step differs.")
        return
    counts = [
        (sum(pair.change is change for pair in pairs), change.value) for change in _STEP_GLYPHS
    ]
    write_heading(console, "Steps", listed(counts))
    console.line()
    shown = pairs[:STEPS]
    moved = [pair.new_bytes - pair.old_bytes for pair in shown]
    sizes = [signed(count, binary=options.binary_sizes) if count else "·" for count in moved]
    places = [_place(pair) for pair in shown]
    width, place_width = widest(sizes), max(widest(places), len("layer"))
    console.line((f"    {'':>{width}}  {'layer':<{place_width}}  instruction", "dim"))
    room = console.width - width - place_width - 8
    for pair, count, amount, place in zip(shown, moved, sizes, places, strict=True):
        texts = list(_instructions(pair))
        console.line(
            "  ", _STEP_GLYPHS[pair.change], (f" {amount:>{width}}", growth_style(count)),
            f"  {place:<{place_width}}  ", clip(texts[0], room),
        )  # fmt: skip
        if len(texts) > 1:
            console.line(" " * (console.width - room), (clip(f"was {texts[1]}", room), "dim"))
    if len(pairs) > len(shown):
        console.line(
            "  ", (f"… and {count_of(len(pairs) - len(shown), 'more step', 'more steps')}", "dim")
        )


def _place(pair: StepPair) -> str:
    """The layers of a pair of steps: 3, 3 → 4, or · for a step without a layer."""
    numbers = [
        "·" if step.layer is None else str(step.layer) for step in (pair.old, pair.new) if step
    ]
    return " → ".join(dict.fromkeys(numbers))


def _instructions(pair: StepPair) -> Iterator[str]:
    """The instruction of a step, and the old one if it changed."""
    lines = [_line(step) for step in (pair.new, pair.old) if step is not None]
    yield from dict.fromkeys(lines)


def _line(step: Step) -> str:
    return safe_name(one_line(step))


def _write_packages(console: Console, comparison: Comparison, options: ReportOptions) -> None:
    """Write packages that were added, removed or changed version."""
    changes, binary = comparison.packages, options.binary_sizes
    if not changes:
        return
    kinds = [
        Change.ADDED if not change.old else Change.MODIFIED if change.new else Change.REMOVED
        for change in changes
    ]
    counts = [
        (kinds.count(Change.ADDED), "added"),
        (kinds.count(Change.REMOVED), "removed"),
        (kinds.count(Change.MODIFIED), "changed"),
    ]
    growth = sum(change.growth for change in changes)
    write_heading(
        console,
        "Packages",
        listed(counts),
        (signed(growth, binary=binary), growth_style(growth)),
    )
    console.line()
    shown = changes[:PACKAGES]
    sizes = [signed(change.growth, binary=binary) for change in shown]
    names = [clip(safe_name(change.name), _NAME) for change in shown]
    width, name_width = widest(sizes), widest(names)
    for change, kind, amount, name in zip(shown, kinds, sizes, names, strict=False):
        versions = [safe_name(side.version) for side in (change.old, change.new) if side]
        room = max(console.width - width - name_width - len(change.kind) - 11, 8)
        console.line(
            "  ", change_glyph(kind), (f" {amount:>{width}}", growth_style(change.growth)),
            f"  {padded(name, name_width)}  ", clip(" → ".join(versions), room),
            (f"  {change.kind}", "dim"),
        )  # fmt: skip
    if len(changes) > len(shown):
        more = count_of(len(changes) - len(shown), "more package", "more packages")
        console.line("  ", (f"… and {more}", "dim"))


def _write_config(console: Console, comparison: Comparison) -> None:
    """Write the config settings that differ."""
    found = comparison.config
    if not found:
        console.line()
        console.line("The configs are the same.")
        return
    write_heading(console, "Config", count_of(len(found), "setting differs", "settings differ"))
    console.line()
    for item in found[:SETTINGS]:
        gone, come = item.new is None, item.old is None
        kind = Change.REMOVED if gone else Change.ADDED if come else Change.MODIFIED
        field = _FIELDS.get(item.field, item.field)
        name = (
            field
            if item.name is None
            else f"{field} {clip(safe_name(item.name), console.width // 2)}"
        )
        values = [shown_value(item.name, value) for value in (item.old, item.new) if value]
        room = console.width - 6
        if len(name) + sum(map(len, values)) + 9 <= console.width:
            console.line(
                "  ", change_glyph(kind), f" {name}", "  " if values else "", " → ".join(values)
            )
            continue
        console.line("  ", change_glyph(kind), f" {name}")
        for value in values:
            console.line("      ", clip(value, room))
    if len(found) > SETTINGS:
        more = count_of(len(found) - SETTINGS, "more setting", "more settings")
        console.line("  ", (f"… and {more}", "dim"))
