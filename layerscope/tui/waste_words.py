"""Texts of waste records: where they are stored, what hides them, and why."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from layerscope import text
from layerscope.analysis.accounting import Waste
from layerscope.analysis.grouping import GroupBy, WasteGroups
from layerscope.filesystem.inodes import Why
from layerscope.filesystem.model import Filesystem
from layerscope.image.history import Step
from layerscope.image.model import Image
from layerscope.image.summary import one_line
from layerscope.layers.index import Kind
from layerscope.words import REASONS, Reason

GROUPED_BY = {
    GroupBy.REASON: "by reason",
    GroupBy.STEP: "by instruction",
    GroupBy.DIRECTORY: "by directory",
}

_ATTRIBUTES = {
    Why.MODE: "mode",
    Why.OWNER: "owner",
    Why.MTIME: "time",
    Why.XATTRS: "xattrs",
}
_KINDS = {
    Kind.FILE: "a file",
    Kind.DIRECTORY: "a directory",
    Kind.SYMLINK: "a symlink",
    Kind.CHARACTER: "a device",
    Kind.BLOCK: "a device",
    Kind.FIFO: "a fifo",
    Kind.BROKEN_LINK: "a broken link",
}


class WasteRecord(Struct, frozen=True):
    """One waste record. Sizes are in bytes."""

    path: int
    bytes: int
    reason: Reason
    stored_in: int
    hidden_by: int
    shown_in: int
    """The layer whose tree shows the path; for a later hard link, not the layer that stored the content."""
    why: str
    """What differs, for example `owner differs` or `new content, +4.7 kB`."""


def record_of(filesystem: Filesystem, waste: Waste, row: int) -> WasteRecord:
    """One row of the waste table."""
    path, inode, hidden_by = (
        int(waste.paths[row]),
        int(waste.inodes[row]),
        int(waste.hidden_by[row]),
    )
    versions = filesystem.rows_of(path)
    died = (filesystem.died[versions] == hidden_by) & (filesystem.inode_of[versions] == inode)
    rows = np.flatnonzero(died)
    stored_in = int(waste.stored_in[row])
    reason = REASONS[int(waste.reasons[row])]
    successor, shown_in = -1, stored_in
    if len(rows):
        version = versions.start + int(rows[-1])
        successor = int(filesystem.successors[version])
        shown_in = int(filesystem.born[version])
    return WasteRecord(
        path=path,
        bytes=int(waste.bytes[row]),
        reason=reason,
        stored_in=stored_in,
        hidden_by=hidden_by,
        shown_in=shown_in,
        why=_why(filesystem, reason, inode, successor),
    )


def _why(filesystem: Filesystem, reason: Reason, old: int, new: int) -> str:
    """What differs between a dead inode and its successor, -1 for none."""
    inodes = filesystem.inodes
    if new < 0 or reason in (Reason.DELETED, Reason.IDENTICAL):
        return reason.word
    if reason is Reason.TYPE_CHANGED:
        return f"became {_KINDS.get(Kind(int(inodes.columns.kinds[new])), 'something else')}"
    if reason is Reason.OVERWRITTEN:
        growth = int(inodes.columns.stored[new]) - int(inodes.columns.stored[old])
        sign = "+" if growth > 0 else "−"
        return (
            f"new content, {sign}{text.size(abs(growth))}" if growth else "new content, same size"
        )
    bits = int(inodes.differences(np.array([old], np.int32), np.array([new], np.int32))[0])
    words = [word for bit, word in _ATTRIBUTES.items() if bits & bit]
    return f"{' and '.join(words[:2])} {'differs' if len(words) == 1 else 'differ'}"


def group_words(groups: WasteGroups, group: int, image: Image, path: str) -> tuple[str, str]:
    """Title and sentence of a group; `path` is the displayed path of its directory."""
    key = int(groups.keys[group])
    if groups.by is GroupBy.REASON:
        return REASONS[key].word, REASONS[key].sentence
    reasons = " · ".join(
        f"{text.size(size)} {reason.word}" for reason, size in groups.reasons(group)[:3]
    )
    return (step_label(step_of(image, key), key) if groups.by is GroupBy.STEP else path), reasons


def layers_width(count: int) -> int:
    """Cells that `layers_words` needs in an image with `count` layers."""
    return 2 * len(str(max(count - 1, 0))) + 3


def layers_words(stored_in: int, hidden_by: int | None) -> str:
    """The layer that stores a content, and the one that hides it, if any."""
    return f"{stored_in}" if hidden_by is None else f"{stored_in} → {hidden_by}"


def step_of(image: Image, layer: int) -> Step:
    """The step that stores a layer."""
    return image.steps[image.layers[layer].step]


def step_label(step: Step, layer: int) -> str:
    """A layer with its instruction on one line, safe to show: `4 RUN apt-get update`."""
    return f"{layer} {text.safe_name(one_line(step))}"
