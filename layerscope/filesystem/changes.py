"""The changes of each layer: for each path, the versions visible before and after it."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.filesystem.inodes import SUBSTANCE, Inodes, Why
from layerscope.layers.small_types import Integers
from layerscope.words import Change

WHY_NAMES = {why: (why.name or "").lower() for why in Why}


class Changes(Struct, frozen=True):
    """The changes of all layers: one row per layer and path that it touches, ordered by layer, then path."""

    layers: Integers
    paths: NDArray[np.int32]
    before: NDArray[np.int32]
    """Row of the version that was visible before the layer, -1 for none."""
    after: NDArray[np.int32]
    """Row of the version that is visible after the layer, -1 for none."""
    kinds: NDArray[np.uint8]
    """`Change` values."""
    why: NDArray[np.uint8]
    """`Why` bits of modified and metadata changes."""
    first: NDArray[np.int64]
    """First row of each layer, then the number of rows; shape (layers + 1,)."""

    def of_layer(self, layer: int) -> slice:
        """The rows of one layer."""
        return slice(int(self.first[layer]), int(self.first[layer + 1]))

    def counts(self, layer: int) -> dict[Change, int]:
        """Number of paths that a layer changes, by kind of change."""
        counted = np.bincount(self.kinds[self.of_layer(layer)], minlength=len(Change)).tolist()
        return {change: counted[change] for change in Change}


class Pairs(Struct, frozen=True):
    """Versions of a path before and after a layer, where these are different rows; ordered by layer, then path."""

    layers: NDArray[np.int32]
    paths: NDArray[np.int32]
    before: NDArray[np.int32]
    after: NDArray[np.int32]


def find_pairs(
    paths: NDArray[np.int32], born: NDArray[np.int32], died: NDArray[np.int32], layer_count: int
) -> Pairs:
    """Pair the versions that each layer ends and starts. `died` is `layer_count` for versions in the final image."""
    width = int(paths.max()) + 1 if len(paths) else 1
    removed = np.flatnonzero((born < died) & (died < layer_count))
    added = np.flatnonzero(born < died)
    removed_keys = died[removed].astype(np.int64) * width + paths[removed]
    added_keys = born[added].astype(np.int64) * width + paths[added]
    keys = np.sort(np.concatenate([removed_keys, added_keys]))  # much faster than np.unique
    keys = keys[np.diff(keys, prepend=-1) > 0]
    before = np.full(len(keys), -1, np.int32)
    after = np.full(len(keys), -1, np.int32)
    before[np.searchsorted(keys, removed_keys)] = removed
    after[np.searchsorted(keys, added_keys)] = added
    return Pairs((keys // width).astype(np.int32), (keys % width).astype(np.int32), before, after)


def classify(
    pairs: Pairs,
    paths: NDArray[np.int32],
    inode_of: NDArray[np.int32],
    born: NDArray[np.int32],
    inodes: Inodes,
    layer_count: int,
) -> Changes:
    """The kind of change of each pair. Contents that must be compared have to be hashed before."""
    before, after = pairs.before, pairs.after
    kinds = np.full(len(before), Change.ADDED, np.uint8)
    kinds[after < 0] = Change.REMOVED
    both = np.flatnonzero((before >= 0) & (after >= 0))
    why = np.zeros(len(before), np.uint8)
    why[both] = inodes.differences(inode_of[before[both]], inode_of[after[both]])
    kinds[both] = np.where(
        why[both] & SUBSTANCE,
        Change.MODIFIED,
        np.where(why[both], Change.METADATA, Change.UNCHANGED),
    )
    listed = np.ones(len(kinds), bool)
    implicit = np.flatnonzero((kinds == Change.UNCHANGED) & (inode_of[after] == inodes.implicit))
    if len(
        implicit
    ):  # an implicit directory is not listed unless it replaced an entry of its own layer
        width = np.int64(paths.max()) + 1
        entries = np.flatnonzero(inode_of != inodes.implicit)
        listed[implicit] = np.isin(
            pairs.layers[implicit] * width + pairs.paths[implicit],
            born[entries] * width + paths[entries],
        )
    layers = pairs.layers[listed]
    return Changes(
        layers=layers,
        paths=pairs.paths[listed],
        before=before[listed],
        after=after[listed],
        kinds=kinds[listed],
        why=why[listed],
        first=np.searchsorted(layers, np.arange(layer_count + 1)).astype(np.int64),
    )
