"""Paths that differ between two images, in a text comparison."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.compare.comparison import Comparison
from layerscope.analysis.compare.directories import DirectoryChange
from layerscope.analysis.compare.files import FileChanges
from layerscope.filesystem.paths import PathTable
from layerscope.opening.opened import Opened
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
from layerscope.report.diff_rows import counts_words, differences, directory_name
from layerscope.report.options import ReportOptions
from layerscope.report.rows import shown_path
from layerscope.text import clip, clip_start, count_of
from layerscope.words import CHANGES, Change

DIRECTORIES = 12
LARGEST = 20
"""Maximum rows."""


def write_files(
    console: Console, old: Opened, new: Opened, comparison: Comparison, options: ReportOptions
) -> None:
    """Write the number of changed paths, their directories, and the largest changes (all with `options.files`)."""
    changes, binary = comparison.files, options.binary_sizes
    if not len(changes):
        console.line()
        console.line(
            "No path differs." if not changes.total_growth else "No path differs, only hard links."
        )
        return
    counts = changes.counts()
    growth = changes.total_growth
    write_heading(
        console,
        "Files",
        counts_text((counts[change], change.word) for change in CHANGES),
        (signed(growth, binary=binary), growth_style(growth)),
    )
    console.line()
    _write_directories(console, changes.table, comparison.directories, binary)
    console.line()
    rows = np.arange(len(changes)) if options.files else changes.largest(LARGEST)
    console.line((f"  {'all' if options.files else 'largest'} changes", "dim"))
    for parts in _rows(old, new, changes, rows, console.width, options):
        console.line(*parts)
    if len(rows) < len(changes):
        more = count_of(len(changes) - len(rows), "more path", "more paths")
        console.line("  ", (f"… and {more}: --files lists them", "dim"))


def _write_directories(
    console: Console, table: PathTable, groups: Sequence[DirectoryChange], binary: bool
) -> None:
    """Write the directories with the largest differences, most growth first."""
    weights = sorted((group.weight for group in groups), reverse=True)
    threshold = weights[DIRECTORIES - 1] if len(weights) > DIRECTORIES else 0
    shown = [group for group in groups if group.weight >= threshold][:DIRECTORIES]
    sizes = [signed(group.growth, binary=binary) for group in shown]
    width = max(widest(sizes), len("change"))
    counts = [counts_words(group.counts) for group in shown]
    room = max(min(console.width - 4 - width - 2 - widest(counts), 60), 20)
    names = [clip_start(directory_name(table, group, len(groups)), room) for group in shown]
    room = max(widest(names), len("directory"))
    console.line((f"  {'change':>{width}}  directory", "dim"))
    for group, amount, name, count in zip(shown, sizes, names, counts, strict=True):
        console.line(
            "  ", (f"{amount:>{width}}", growth_style(group.growth)), f"  {padded(name, room)}  ",
            (clip(count, console.width - width - room - 6), "dim"),
        )  # fmt: skip
    if len(groups) > len(shown):
        left_out = sum(group.growth for group in groups) - sum(group.growth for group in shown)
        more = count_of(len(groups) - len(shown), "more directory", "more directories")
        console.line("  ", (f"… and {more}, {signed(left_out, binary=binary)}", "dim"))


def _rows(
    old: Opened,
    new: Opened,
    changes: FileChanges,
    rows: NDArray[np.int64],
    width: int,
    options: ReportOptions,
) -> Iterator[list[Part | str]]:
    """A line for each of these changes."""
    old_inodes, new_inodes = old.filesystem.inodes, new.filesystem.inodes
    room = 11 if options.binary_sizes else 9
    table = changes.table
    columns = (changes.paths, changes.kinds, changes.why, changes.old, changes.new)
    for path, change, why, before, after in zip(
        *(column[rows].tolist() for column in columns), strict=True
    ):
        growth = int(changes.growth[path])
        amount = signed(growth, binary=options.binary_sizes) if growth else "·"
        words = " · ".join(
            differences(old_inodes, new_inodes, before, after, why, options.binary_sizes)
        )
        name = shown_path(table.full(path))
        if not options.files:
            space = width - room - 8
            words = clip(words, max(space // 2, space - len(name)))
            name = clip_start(name, space - len(words) if words else space)
        yield [
            "  ",
            change_glyph(Change(change)),
            (f" {amount:>{room}}", growth_style(growth)),
            f"  {name}",
            (f"  {words}" if words else "", "dim"),
        ]
