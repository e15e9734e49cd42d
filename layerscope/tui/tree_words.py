"""Texts of the file tree: its title, its empty states, and the notes beside its rows."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from layerscope import text
from layerscope.browse.choices import Mode, Sort
from layerscope.image.history import Step
from layerscope.image.summary import one_line
from layerscope.words import Change

if TYPE_CHECKING:
    from layerscope.analysis.duplicates import CopyIndex
    from layerscope.browse.rows import TreeRow
    from layerscope.browse.tree import TreeView
    from layerscope.filesystem.inodes import Why
    from layerscope.layers.index import LayerIndex

FROM_TOC = "from the table of contents"
"""Title while the tree comes from the layers' tables of contents, which are not verified yet."""
SORT_WORDS = {
    Sort.SIZE: "by size",
    Sort.NAME: "by name",
    Sort.CHANGE: "by change",
    Sort.LAYER: "by layer",
}


class Place(Struct, frozen=True):
    """What the file tree shows: a step, or the final image."""

    title: str
    layer: int
    """The last layer that is applied; -1 is before the first."""
    stored: int | None = None
    """The layer that the step stores; None for none."""
    final: bool = False
    """Whether it is the final image, of which all files are shown in any mode."""
    no_files: str = ""
    """The text in place of the changes of a step that has none."""


def place_of(step: Step, layer: int) -> Place:
    """A step; `layer` is the last one at or before it."""
    where = f"Layer {step.layer}" if step.layer is not None else f"Step {step.index}"
    no_files = "" if step.layer is not None else f"Metadata step without files: {effect_of(step)}."
    return Place(
        f"{where} · {text.safe_name(one_line(step))}", layer, step.layer, no_files=no_files
    )


_EFFECTS = {
    "ENV": "sets environment variables",
    "CMD": "sets the default command",
    "ENTRYPOINT": "sets the entrypoint",
    "LABEL": "sets labels",
    "EXPOSE": "documents ports",
    "WORKDIR": "sets the working directory",
    "USER": "sets the user",
    "VOLUME": "declares volumes",
    "ARG": "declares a build argument",
    "HEALTHCHECK": "sets the health check",
    "STOPSIGNAL": "sets the stop signal",
    "SHELL": "sets the shell for RUN",
    "ONBUILD": "adds a trigger for images built from this one",
    "MAINTAINER": "sets the maintainer",
}


def effect_of(step: Step) -> str:
    """What a metadata step does, for example `sets the user`."""
    return _EFFECTS.get(step.instruction or "", "changes the image config")


def comparison_title(old: int, new: int) -> str:
    """The compared layers; -1 is before the first."""
    if old == new:
        return f"{_layer(old)} is marked".capitalize()
    return f"Changes from {_layer(old)} (old) to {_layer(new)} (new)"


def _layer(layer: int) -> str:
    return f"layer {layer}" if layer >= 0 else "nothing"


def view_words(view: TreeView) -> str:
    """Mode, order, filter and row count; a narrow title keeps only the last parts."""
    parts = [f"{_mode(view)}, largest files"] if view.flat else [_mode(view), SORT_WORDS[view.sort]]
    if view.filter:
        parts.append(f"filter · {view.matching:,} of {text.count_of(view.present, 'row')}")
        parts.append(_matching_totals(view))
    else:
        parts.append(text.count_of(len(view), "row"))
    return " · ".join(parts)


def _matching_totals(view: TreeView) -> str:
    """The number and size of the files that match a filter, and of removed files that match."""
    totals, removed = view.matched.totals, view.matched.removed_files
    words = f"{text.count_of(int(totals.files[0]), 'file')}, {text.size(int(totals.bytes[0]))}"
    if removed:
        words += f"; {removed:,} removed, {text.size(int(view.matched.removed[0]))}"
    return words


def _mode(view: TreeView) -> str:
    if view.mode is Mode.RANGE:
        return "all differences"
    if view.mode is Mode.LAYER:
        return "changes in this layer"
    return "changed only" if view.changed_only else "all files"


def empty_text(view: TreeView, index: LayerIndex | None, back_key: str) -> str:
    """The text of an empty tree; `index` is the selected layer's, `back_key` clears the filter."""
    if view.filter:
        waits = view.filter.unavailable(view.marks)
        if waits:
            return text.safe_name(waits)
        written = text.safe_name(view.filter.text)
        return f"No file matches `{written}`. {back_key} clears the filter."
    if view.mode is Mode.RANGE:
        if view.layer == view.since:
            return "This is the marked layer. Select another layer to compare."
        return "These two layers do not differ."
    if view.mode is Mode.UP_TO:
        if view.changed_only and view.layer >= 0:
            return "This layer neither adds nor changes a file that exists after it."
        return "The image has no files at this step."
    if index is not None and index.broken is not None and not len(index):
        message = text.safe_name(index.broken.message)
        return f"This layer cannot be read: {message}."
    if index is not None and not len(index):
        return "This layer is empty: it has no entries."
    return "This layer changes nothing: its entries are identical to those of lower layers."


@cache
def _why_words() -> dict[Why, str]:
    from layerscope.filesystem.inodes import (
        Why,  # not before the first frame, like everything that needs numpy
    )

    return {
        Why.TYPE: "type",
        Why.CONTENT: "content",
        Why.TARGET: "target",
        Why.DEVICE: "device",
        Why.MODE: "mode",
        Why.OWNER: "owner",
        Why.MTIME: "time",
        Why.XATTRS: "extended attributes",
    }


def note(view: TreeView, entry: TreeRow) -> str:
    """A note on a change: what the row replaces, or which attributes changed. May be empty."""
    if entry.context or entry.change not in (Change.MODIFIED, Change.METADATA, Change.REMOVED):
        return ""
    before = version_before(view, entry.path)
    if before is None:
        return ""
    filesystem = view.filesystem
    layer = filesystem.layer_of(before)
    if entry.change is Change.REMOVED:
        return f"was in layer {layer}"
    if entry.change is Change.METADATA:
        return _attributes(view, entry, int(filesystem.inode_of[before]))
    from layerscope.layers.index import KIND_PHRASES, Kind

    kind = Kind(int(filesystem.kinds[before]))
    if kind is Kind.FILE:
        return f"replaces {text.size(int(filesystem.stored[before]))} from layer {layer}"
    return f"replaces {KIND_PHRASES[kind]} from layer {layer}"


def duplicate_note(view: TreeView, entry: TreeRow, copies: CopyIndex | None) -> str:
    """The number of a file among its duplicates in the final image; empty if it has none."""
    from layerscope.layers.index import Kind

    filesystem = view.filesystem
    if copies is None or entry.kind is not Kind.FILE or entry.version < 0 or entry.removed:
        return ""
    if filesystem.died[entry.version] != filesystem.layer_count:
        return ""
    place = copies.of(entry.path)
    if place is None:
        return ""
    return f"duplicate {place[0] + 1:,} of {len(place[1].paths):,}"


def version_before(view: TreeView, path: int) -> int | None:
    """The version of a path before the layer or range; None if there is none."""
    since = view.since if view.mode is Mode.RANGE else view.layer - 1
    return view.filesystem.version_after(path, since)


def _attributes(view: TreeView, entry: TreeRow, before: int) -> str:
    """The attributes that differ; mode and owner with old and new value."""
    from layerscope.filesystem.inodes import Why

    columns = view.filesystem.inodes.columns
    if Why.MODE in entry.why:
        old = int(columns.modes[before])
        return f"mode {old:04o} → {entry.mode:04o}"
    if Why.OWNER in entry.why:
        old_owner = f"{int(columns.uids[before])}:{int(columns.gids[before])}"
        return f"owner {old_owner} → {entry.uid}:{entry.gid}"
    words = [word for why, word in _why_words().items() if why in entry.why]
    return ", ".join(words)
