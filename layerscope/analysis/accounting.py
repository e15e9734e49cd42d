"""Exact accounting of an image's bytes over the stacked filesystem (docs/accounting.md)."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.filesystem.inodes import SUBSTANCE, Inodes
from layerscope.filesystem.model import Filesystem
from layerscope.filesystem.sorting import order_by, stable_order
from layerscope.filesystem.versions import Removal
from layerscope.layers.index import Kind, LayerIndex
from layerscope.layers.names import Role
from layerscope.words import REASONS, Reason


class Waste(Struct, frozen=True):
    """One row per dead inode of more than 0 bytes, largest first; ties by path, storing layer, hiding layer."""

    paths: NDArray[np.int32]
    """The path that held the last name of the inode."""
    bytes: NDArray[np.int64]
    reasons: NDArray[np.uint8]
    """Index into `REASONS`."""
    stored_in: NDArray[np.int32]
    hidden_by: NDArray[np.int32]
    inodes: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.paths)

    def by_reason(self) -> dict[Reason, int]:
        """Wasted bytes by reason, without reasons that waste nothing."""
        sums = {
            reason: int(self.bytes[self.reasons == index].sum())
            for index, reason in enumerate(REASONS)
        }
        return dict(
            sorted(
                ((reason, size) for reason, size in sums.items() if size),
                key=lambda item: (-item[1], item[0]),
            )
        )


class LayerAccount(Struct, frozen=True):
    """The bytes of one layer."""

    entries: int
    whiteouts: int
    stored: int
    """Content bytes of its entries."""
    wasted: int
    """Bytes that it stores and the final image does not show."""
    hides: int
    """Bytes of lower layers that it hides."""
    net: int
    """Stored minus all bytes hidden in this layer, its own included; the sum over all layers is the live bytes."""


class Accounting(Struct, frozen=True):
    """Totals of an image, in content bytes."""

    layers: tuple[LayerAccount, ...]
    waste: Waste
    stored: int
    entries: int
    files: int
    """Regular files in the final filesystem; hard links count separately."""
    paths: int
    """Paths in the final filesystem, without the root."""

    @property
    def wasted(self) -> int:
        """Stored bytes that the final image does not show."""
        return sum(layer.wasted for layer in self.layers)

    @property
    def live(self) -> int:
        """Stored bytes that the final image shows."""
        return self.stored - self.wasted

    @property
    def efficiency(self) -> float:
        """Live / stored; 1 if nothing is stored."""
        return self.live / self.stored if self.stored else 1.0


def account(filesystem: Filesystem, indexes: list[LayerIndex]) -> Accounting:
    """The accounting of a stacked image."""
    waste = find_waste(filesystem)
    in_own_layer = waste.stored_in == waste.hidden_by
    count = len(indexes)
    wasted = sums_by_layer(waste.stored_in, waste.bytes, count)
    died = sums_by_layer(waste.hidden_by, waste.bytes, count)
    died_at_once = sums_by_layer(waste.hidden_by[in_own_layer], waste.bytes[in_own_layer], count)
    first = filesystem.inodes.first
    roles = np.concatenate([np.zeros(0, np.uint8), *(index.roles for index in indexes)])
    whiteouts = _sums(roles == Role.WHITEOUT, first)
    stored = _sums(filesystem.inodes.columns.stored, first)
    layers = [
        LayerAccount(
            entries=len(index),
            whiteouts=whiteouts[number],
            stored=stored[number],
            wasted=wasted[number],
            hides=died[number] - died_at_once[number],
            net=stored[number] - died[number],
        )
        for number, index in enumerate(indexes)
    ]
    final = filesystem.visible(filesystem.layer_count - 1)
    return Accounting(
        layers=tuple(layers),
        waste=waste,
        stored=sum(layer.stored for layer in layers),
        entries=sum(layer.entries for layer in layers),
        files=int((final & (filesystem.kinds == Kind.FILE)).sum()),
        paths=int(final.sum()),
    )


def sums_by_layer(
    layers: NDArray[np.int32], values: NDArray[np.int64], layer_count: int
) -> list[int]:
    """For each layer, the exact sum of its values; `layers` has the layer of each value.

    Floating point, as the weights of `np.bincount` are, is exact up to 2**53 only.
    """
    order = stable_order(layers)
    return _sums(values[order], np.searchsorted(layers[order], np.arange(layer_count + 1)))


def _sums(values: NDArray[Any], bounds: NDArray[np.int64]) -> list[int]:
    """The sums of the values between each two bounds."""
    before = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=before[1:])
    sums: list[int] = np.diff(before[bounds]).tolist()
    return sums


def find_waste(filesystem: Filesystem) -> Waste:
    """All dead inodes: each dies with its last name, for the reason for which that name was removed."""
    inodes, stored = filesystem.inodes, filesystem.stored
    lives = np.zeros(len(inodes.columns.kinds), bool)
    lives[filesystem.inode_of[filesystem.died == filesystem.layer_count]] = True
    rows = np.flatnonzero((stored > 0) & ~lives[filesystem.inode_of])
    order = rows[
        order_by(
            filesystem.inode_of[rows],
            filesystem.died[rows],
            filesystem.events[rows],
            filesystem.paths[rows],
        )
    ]
    last = np.concatenate(
        [
            filesystem.inode_of[order[1:]] != filesystem.inode_of[order[:-1]],
            np.ones(min(1, len(order)), bool),
        ]
    )
    dead = order[last]
    dead_inodes = filesystem.inode_of[dead]
    stored_in = inodes.layers(dead_inodes)
    hidden_by = filesystem.died[dead]
    largest = int(stored[dead].max(initial=0))
    ranked = order_by(largest - stored[dead], filesystem.paths[dead], stored_in, hidden_by)
    dead = dead[ranked]
    return Waste(
        paths=filesystem.paths[dead],
        bytes=stored[dead],
        reasons=_reasons(filesystem, dead, inodes),
        stored_in=stored_in[ranked],
        hidden_by=hidden_by[ranked],
        inodes=filesystem.inode_of[dead],
    )


def _reasons(filesystem: Filesystem, rows: NDArray[np.int64], inodes: Inodes) -> NDArray[np.uint8]:
    """Why these versions were removed, as indices into `REASONS`."""
    removals = filesystem.removals[rows]
    reasons = np.where(
        removals == Removal.DELETED,
        REASONS.index(Reason.DELETED),
        REASONS.index(Reason.TYPE_CHANGED),
    ).astype(np.uint8)
    replaced = np.flatnonzero(removals == Removal.REPLACED)
    old = filesystem.inode_of[rows[replaced]]
    new = filesystem.successors[rows[replaced]]
    why = inodes.differences(old, new)
    reasons[replaced] = np.where(
        why & SUBSTANCE,
        REASONS.index(Reason.OVERWRITTEN),
        np.where(why, REASONS.index(Reason.METADATA_ONLY), REASONS.index(Reason.IDENTICAL)),
    )
    return reasons
