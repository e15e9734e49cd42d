"""Tables of the text report: steps, waste, duplicates."""

from __future__ import annotations

from layerscope.image.history import Step
from layerscope.image.summary import one_line, split_run
from layerscope.opening.opened import Opened
from layerscope.opening.run_rules import base_steps_of, without_other_dockerfile
from layerscope.report.console import Console, Part, padded, widest
from layerscope.report.options import ReportOptions
from layerscope.report.rows import (
    kind_word,
    layer_label,
    layer_notes,
    safe_path,
    waste_rows,
)
from layerscope.text import bar, cells, clip, clip_start, count_of, safe_name, size, whole_percent
from layerscope.words import StepKind

WASTED_FILES = 20
DUPLICATES = 10
"""Maximum rows."""

_SHARE_WIDTH = 5
"""Columns of a percentage."""
_MIN_WIDTH = 24
"""Columns that an instruction or a path needs in its row; with less room, the notes go on their own line."""


def write_steps(console: Console, opened: Opened, options: ReportOptions) -> None:
    """Write one row per step: layer, size, share, wasted, instruction; a rule below those of the base image."""
    image, accounting = opened.image, opened.accounting
    console.line()
    if not image.steps:
        console.line("This image has no layers and no steps.")
        return
    binary = options.binary_sizes
    sizes = [size(layer.stored, binary=binary) for layer in accounting.layers]
    wastes = [
        size(layer.wasted, binary=binary) if layer.wasted else "0" for layer in accounting.layers
    ]
    numbers = len(str(max(len(image.layers) - 1, 0)))
    size_width, waste_width = max(widest(sizes), 4), max(widest(wastes), 5)
    bar_width = 4 if console.width < 72 else 8 if console.width < 120 else 12
    middle = bar_width + 2 + _SHARE_WIDTH + 2 + waste_width
    indent = 2 + numbers + 2 + size_width + 2 + middle + 2
    room = console.width - indent
    heading = f"  {'#':>{numbers}}  {'size':>{size_width}}  {'share':<{bar_width + 2 + _SHARE_WIDTH}}  {'waste':>{waste_width}}  instruction"
    console.line((heading, "dim"))
    base = base_steps_of(opened)
    for step in image.steps:
        if step.index == base > 0:
            console.line((f"{f'  ── above: {_base_words(opened)} ':─<{console.width}}", "dim"))
        if step.layer is None:
            row = f"  {'·':>{numbers}}  {'0 B':>{size_width}}  {StepKind.METADATA.word:<{middle}}  "
            console.line((row + clip(safe_name(one_line(step)), room), "dim"))
            continue
        account = accounting.layers[step.layer]
        kind = kind_word(opened, step.layer)
        notes = layer_notes(opened, step.layer)
        if account.stored or not kind:
            wasted = f"{wastes[step.layer]:>{waste_width}}"
            columns: list[Part] = [
                (f"{bar(account.stored, accounting.stored, bar_width):<{bar_width}}", "blue"),
                (f"  {whole_percent(account.stored, accounting.stored):>{_SHARE_WIDTH}}  ", ""),
                (wasted, "yellow" if account.wasted else "dim"),
            ]
            notes = [kind, *notes] if kind else notes
        else:
            columns = [(f"{kind:<{middle}}", "dim")]
        note = ", ".join(notes)
        start = f"  {step.layer:>{numbers}}  {sizes[step.layer]:>{size_width}}  "
        beside = bool(note) and room - len(note) - 2 >= _MIN_WIDTH
        space = room - len(note) - 2 if beside else room
        shown = _instruction(step, space)
        if beside:
            fill = space - sum(cells(text) for text, _ in shown) + 2
            shown += [(" " * fill, ""), (note, "yellow")]
        console.line(start, *columns, "  ", *shown)
        if note and not beside:
            console.line(" " * max(min(indent, console.width - len(note)), 0), (note, "yellow"))


def _base_words(opened: Opened) -> str:
    written = without_other_dockerfile(opened).dockerfile_lines
    known = written is not None and written.base_steps is not None
    return "base image" if known else "base image (estimated)"


def _instruction(step: Step, width: int) -> list[Part]:
    """The instruction of a step, with its keyword in bold. If it is too long, a common start of RUN steps is left out."""
    text = safe_name(one_line(step))
    keyword, prelude, rest = split_run(text)
    if prelude:
        prelude = prelude if cells(text) <= width else "… "
        room = width - len(keyword) - len(prelude)
        return [(keyword, "bold"), (prelude, "dim"), (clip(rest, room), "")]
    line = clip(text, width)
    keyword = step.instruction or ""
    if not step.recorded:
        return [(line, "dim")]
    if keyword and line.startswith(keyword):
        return [(keyword, "bold"), (line[len(keyword) :], "")]
    return [(line, "")]


def write_waste(console: Console, opened: Opened, options: ReportOptions) -> None:
    """Write the largest wasted files, and why they are wasted."""
    waste, binary = opened.accounting.waste, options.binary_sizes
    if not len(waste):
        console.line()
        console.line("Nothing is wasted in this image.")
        return
    total = size(opened.accounting.wasted, binary=binary)
    console.heading("Wasted", "  ", (total, "yellow"), f" in {count_of(len(waste), 'file')}")
    console.flow(
        [
            (f"{reason.word} {size(count, binary=binary)}", "")
            for reason, count in waste.by_reason().items()
        ],
        indent=2,
    )
    console.line()
    rows = [
        (
            size(row.bytes, binary=binary),
            row.path,
            row.reason,
            layer_label(opened, row.stored_in),
            layer_label(opened, row.hidden_by),
        )
        for row in waste_rows(opened, WASTED_FILES)
    ]
    columns = list(zip(*rows, strict=True))
    sizes = max(widest(columns[0]), len("bytes"))
    why, stored, hidden = (
        max(widest(column), len(title))
        for column, title in zip(columns[2:], ("why", "stored in", "hidden by"), strict=True)
    )
    room = console.width - (2 + sizes + 2 + 2 + stored + 2 + hidden + 2 + why)
    if room < _MIN_WIDTH:
        for count, path, reason, stored_in, hidden_by in rows:
            space = console.width - sizes - 4
            console.line("  ", (f"{count:>{sizes}}", "yellow"), "  ", clip_start(path, space))
            rest = f"{reason}, stored in {stored_in}, hidden by {hidden_by}"
            console.line(" " * (sizes + 4), (clip(rest, space), "dim"))
    else:
        room = min(room, widest(columns[1]))
        title = f"  {'bytes':>{sizes}}  {'path':<{room}}  {'stored in':<{stored}}  {'hidden by':<{hidden}}  why"
        console.line((title, "dim"))
        for count, path, reason, stored_in, hidden_by in rows:
            console.line(
                "  ", (f"{count:>{sizes}}", "yellow"), "  ", padded(clip_start(path, room), room),
                f"  {padded(stored_in, stored)}  {padded(hidden_by, hidden)}  ", (reason, "dim"),
            )  # fmt: skip
    if len(waste) > WASTED_FILES:
        rest_bytes = size(int(waste.bytes[WASTED_FILES:].sum()), binary=binary)
        more = count_of(len(waste) - WASTED_FILES, "more file", "more files")
        console.line("  ", (f"… and {more}, {rest_bytes}", "dim"))


def write_duplicates(console: Console, opened: Opened, options: ReportOptions) -> None:
    """Write the duplicates with the largest savings."""
    duplicates, binary = opened.duplicates, options.binary_sizes
    if not duplicates:
        console.line()
        console.line("Duplicates: skipped." if duplicates is None else "No duplicates.")
        return
    total = size(duplicates.saving, binary=binary)
    console.heading("Duplicates", f"  {total} in duplicates of {count_of(len(duplicates), 'file')}")
    console.line("  ", ("not counted as wasted", "dim"))
    console.line()
    shown = duplicates[:DUPLICATES]
    sizes = [size(duplicate.saving, binary=binary) for duplicate in shown]
    counts = [f"{len(duplicate.paths):,} ×" for duplicate in shown]
    size_width, count_width = max(widest(sizes), 6), max(widest(counts), 6)
    indent = 2 + size_width + 2 + count_width + 2
    room = console.width - indent
    console.line((f"  {'saving':>{size_width}}  {'copies':>{count_width}}  paths", "dim"))
    for duplicate, saving, copies in zip(shown, sizes, counts, strict=True):
        first, second = (safe_path(opened, path) for path in duplicate.paths[:2])
        more = f"  and {len(duplicate.paths) - 2:,} more" if len(duplicate.paths) > 2 else ""
        console.line(
            f"  {saving:>{size_width}}  {copies:>{count_width}}  ", clip_start(first, room)
        )
        console.line(" " * indent, clip_start(second, room - len(more)), (more, "dim"))
    if len(duplicates) > DUPLICATES:
        rest = size(duplicates[DUPLICATES:].saving, binary=binary)
        more = count_of(len(duplicates) - DUPLICATES, "more file", "more files")
        console.line("  ", (f"… and copies of {more}, {rest}", "dim"))
