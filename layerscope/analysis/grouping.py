"""Waste records grouped by reason, by the step that hides them, or by directory."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.analysis.accounting import Waste
from layerscope.filesystem.paths import PathTable
from layerscope.words import REASONS, Reason

NOTEWORTHY = 50
"""A directory is a separate group if it contains at least 1/50 of all wasted bytes."""


class GroupBy(StrEnum):
    """How records are grouped."""

    REASON = "reason"
    STEP = "step"
    """By the layer that hides them."""
    DIRECTORY = "directory"
    """By the deepest directory above them with a noteworthy part of all waste."""


class WasteGroups(Struct, frozen=True):
    """Groups of waste records, largest first; records of a group are largest first."""

    by: GroupBy
    keys: NDArray[np.int64]
    """Of each group: an index into `REASONS`, a layer, or a path."""
    bytes: NDArray[np.int64]
    counts: NDArray[np.int64]
    """Records of each group."""
    starts: NDArray[np.int64]
    """Where the records of each group begin in `order`."""
    order: NDArray[np.int64]
    """Rows of the waste table, group by group."""
    by_reason: NDArray[np.int64]
    """Bytes of each group and reason, shape (groups, reasons)."""

    def __len__(self) -> int:
        return len(self.keys)

    def record(self, group: int, item: int) -> int:
        """The row of the waste table of a group's n-th record."""
        return int(self.order[int(self.starts[group]) + item])

    def place(self, record: int) -> tuple[int, int]:
        """Group and place in it of a row of the waste table."""
        position = int(np.flatnonzero(self.order == record)[0])
        within = (self.starts <= position) & (position < self.starts + self.counts)
        group = int(np.flatnonzero(within)[0])
        return group, position - int(self.starts[group])

    def reasons(self, group: int) -> list[tuple[Reason, int]]:
        """Bytes by reason of one group, most first; reasons that waste nothing are left out."""
        sizes = [
            (reason, size)
            for reason, size in zip(REASONS, self.by_reason[group].tolist(), strict=True)
            if size
        ]
        return sorted(sizes, key=lambda item: (-item[1], item[0]))


def group_waste(waste: Waste, table: PathTable, by: GroupBy) -> WasteGroups:
    """All records in groups."""
    keys, group = np.unique(_keys(waste, table, by), return_inverse=True)
    order = np.argsort(_narrow(group, len(keys)), kind="stable").astype(np.int64)
    counts = np.bincount(group, minlength=len(keys)).astype(np.int64)
    starts = np.cumsum(counts) - counts
    by_reason = np.zeros((len(keys), len(REASONS)), np.int64)
    if len(order):
        sizes, reasons = waste.bytes[order], waste.reasons[order]
        for index in range(len(REASONS)):
            by_reason[:, index] = np.add.reduceat(np.where(reasons == index, sizes, 0), starts)
    total = by_reason.sum(axis=1)
    ranked = np.lexsort((keys, -total))
    return WasteGroups(
        by=by,
        keys=keys[ranked],
        bytes=total[ranked],
        counts=counts[ranked],
        starts=starts[ranked],
        order=order,
        by_reason=by_reason[ranked],
    )


def _keys(waste: Waste, table: PathTable, by: GroupBy) -> NDArray[np.int64]:
    """The key of each record's group."""
    if by is GroupBy.REASON:
        return waste.reasons.astype(np.int64)
    if by is GroupBy.STEP:
        return waste.hidden_by.astype(np.int64)
    return _noteworthy(waste, table)[waste.paths].astype(np.int64)


def _narrow(group: NDArray[np.int64], count: int) -> NDArray[np.uint16] | NDArray[np.int64]:
    """Group numbers in a type that sorts in linear time, if they fit."""
    return group.astype(np.uint16) if count <= 1 << 16 else group


def _noteworthy(waste: Waste, table: PathTable) -> NDArray[np.int32]:
    """For each path, the deepest noteworthy directory above it, or the root."""
    # A record lies below its directory: a path that is noteworthy itself does not stand for its own record.
    return nearest_noteworthy(waste.paths, waste.bytes, table)[table.parents]


def nearest_noteworthy(
    paths: NDArray[np.int32], weights: NDArray[np.int64], table: PathTable
) -> NDArray[np.int32]:
    """For each path, itself or its deepest ancestor with a noteworthy part of all weight below it; otherwise the root."""
    per_path = np.zeros(len(table) + 1, np.int64)
    np.add.at(per_path[1:], paths, weights)
    prefix = np.cumsum(per_path)
    below = prefix[table.ends] - prefix[1:]
    heavy = below * NOTEWORTHY >= max(int(prefix[-1]), 1)
    heavy[0] = True
    # Find the nearest noteworthy ancestor by doubling steps, which is as quick for a path of a thousand components.
    nearest = np.where(heavy, np.arange(len(table), dtype=np.int32), table.parents)
    while not heavy[nearest].all():
        nearest = nearest[nearest]
    return nearest
