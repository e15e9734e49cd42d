"""The paths that each layer changes, in the text report."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from layerscope.image.summary import one_line
from layerscope.layers.index import KIND_LETTERS, Kind
from layerscope.opening.opened import Opened
from layerscope.report.console import Console, Part, change_glyph
from layerscope.report.options import ReportOptions
from layerscope.report.rows import shown_path
from layerscope.text import clip, mode_text, safe_name, size
from layerscope.words import CHANGES, Change, StepKind


def write_files(console: Console, opened: Opened, options: ReportOptions) -> None:
    """Write the changed paths of each layer with their attributes after it (before it for deleted paths)."""
    for layer in opened.image.layers:
        title = f"Layer {layer.index}"
        line = safe_name(one_line(opened.image.steps[layer.step]))
        console.heading(title, f"  {clip(line, console.width - len(title) - 2)}")
        counts = opened.filesystem.changes.counts(layer.index)
        words = [f"{counts[change]:,} {change.word}" for change in CHANGES if counts[change]]
        console.line("  ", (" · ".join(words) or StepKind.UNCHANGED.word, "dim"))
        for parts in _rows(opened, layer.index, options):
            console.line(*parts)


def _rows(opened: Opened, layer: int, options: ReportOptions) -> Iterator[list[Part | str]]:
    """A line for each change of a layer, in path order."""
    filesystem, inodes = opened.filesystem, opened.filesystem.inodes
    changes, columns = filesystem.changes, filesystem.inodes.columns
    span = changes.of_layer(layer)
    rows = np.flatnonzero(changes.kinds[span] != Change.UNCHANGED) + span.start
    if not len(rows):
        return
    after = changes.after[rows]
    row_inodes = filesystem.inode_of[np.where(after >= 0, after, changes.before[rows])]
    owner_width = (
        sum(len(str(int(ids[row_inodes].max()))) for ids in (columns.uids, columns.gids)) + 1
    )
    size_width = 10 if options.binary_sizes else 8
    for path, change, inode in zip(
        filesystem.table.full_paths(changes.paths[rows]),
        changes.kinds[rows].tolist(),
        row_inodes.tolist(),
        strict=True,
    ):
        kind = Kind(int(columns.kinds[inode]))
        mode, owner, amount = f"{KIND_LETTERS[kind]}?????????", "?", ""
        if inode != inodes.implicit:
            mode = mode_text(int(columns.modes[inode]), KIND_LETTERS[kind])
            owner = f"{columns.uids[inode]}:{columns.gids[inode]}"
        if kind is Kind.FILE:
            amount = size(int(columns.stored[inode]), binary=options.binary_sizes)
        elif kind in (Kind.CHARACTER, Kind.BLOCK):
            amount = "{}, {}".format(*divmod(int(columns.devices[inode]), 1 << 32))
        link = int(columns.links[inode])
        target = f" -> {safe_name(inodes.links[link])}" if link else ""
        yield [
            "  ",
            change_glyph(Change(change)),
            f" {mode}  {owner:<{owner_width}}  {amount:>{size_width}}  {shown_path(path)}",
            (target, "dim"),
        ]
