"""The stacked filesystem: every version of every path, and the layers that added and removed it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.filesystem.changes import Changes, Pairs, classify, find_pairs
from layerscope.filesystem.inodes import Inodes
from layerscope.filesystem.paths import PathTable, merge, sums_below
from layerscope.filesystem.siblings import Siblings
from layerscope.filesystem.stack import stack_layers
from layerscope.filesystem.versions import ALIVE
from layerscope.layers.index import Kind, LayerIndex
from layerscope.layers.small_types import narrow
from layerscope.limits import DEFAULT_LIMITS, Limits
from layerscope.progress import NullProgress, Progress

_Sum = TypeVar("_Sum", np.int32, np.int64)


class Totals(Struct, frozen=True):
    """Sums over the subtree of each path, itself included. Shapes are (paths,)."""

    bytes: NDArray[np.int64]
    """Content bytes; an inode counts once, at its first name in path order."""
    files: NDArray[np.int32]
    """Number of names of regular files."""


class Filesystem:
    """All layers of an image, stacked once. Rows are versions of paths, in path order, oldest first.

    A version is visible after layer L if `born` ≤ L < `died`. `died` is the number of layers for versions in the final
    image, and equals `born` for versions that their own layer replaced.
    """

    def __init__(
        self,
        table: PathTable,
        inodes: Inodes,
        columns: dict[str, NDArray[np.int32]],
        oddities: Sequence[Counter[str]],
        changes: Changes | None = None,
    ) -> None:
        """`changes` are the cached changes of the same filesystem, if known."""
        self.table = table
        self.inodes = inodes
        self.layer_count = len(inodes.first) - 1
        self.paths = columns["paths"]
        self.inode_of = columns["inodes"]
        self.born = columns["born"]
        self.died = columns["died"]
        self.removals = columns["removals"]
        self.successors = columns["successors"]
        self.events = columns["events"]
        self.oddities = oddities
        """Number of occurrences of each warning code while stacking, by layer."""
        if changes is not None:
            self.changes = changes

    @classmethod
    def stack(
        cls,
        indexes: Sequence[LayerIndex],
        *,
        limits: Limits = DEFAULT_LIMITS,
        progress: Progress | None = None,
        one_by_one: bool | None = None,
    ) -> Filesystem:
        """Stack layers, lowest first. With `one_by_one`, all entries are applied one by one; by default, those of small layers.

        Raises `LimitExceededError` and `CancelledError`.
        """
        progress = progress or NullProgress()
        progress.stage("Stacking", sum(map(len, indexes)))
        table, node_paths = merge([index.tree for index in indexes], limits)
        inodes = Inodes.of(indexes)
        stack = stack_layers(indexes, table, node_paths, inodes, progress, one_by_one=one_by_one)
        versions = stack.versions
        order = np.argsort(versions.paths[: versions.count], kind="stable")
        columns: dict[str, Any] = {
            name: getattr(versions, name)[order]
            for name in ("paths", "inodes", "born", "died", "removals", "successors", "events")
        }
        columns["died"][columns["died"] == ALIVE] = len(indexes)
        columns["events"] = narrow(columns["events"])
        return cls(table, inodes, columns, stack.oddities)

    @cached_property
    def kinds(self) -> NDArray[np.uint8]:
        """`Kind` of each version."""
        return self.inodes.columns.kinds[self.inode_of]

    @cached_property
    def stored(self) -> NDArray[np.int64]:
        """Content bytes of each version."""
        return np.where(self.kinds == Kind.FILE, self.inodes.columns.stored[self.inode_of], 0)

    @cached_property
    def _shared(self) -> NDArray[np.bool_]:
        """Mask of versions whose inode has several names."""
        counts = np.bincount(self.inode_of, minlength=1)
        shared: NDArray[np.bool_] = (self.kinds == Kind.FILE) & (counts[self.inode_of] > 1)
        return shared

    @cached_property
    def siblings(self) -> Siblings:
        """The children of every directory."""
        return Siblings(self.table)

    def prepare(self) -> None:
        """Compute properties that every view of the tree needs, so that the first one opens quickly."""
        _ = self.stored, self._shared, self.siblings, self.changes, self.table.inner

    @cached_property
    def pairs(self) -> Pairs:
        """Versions of paths before and after the layers that touch them."""
        return find_pairs(self.paths, self.born, self.died, self.layer_count)

    @cached_property
    def changes(self) -> Changes:
        """The changes of each layer. Contents must be compared first (see `compare_contents.py`)."""
        changes = classify(
            self.pairs, self.paths, self.inode_of, self.born, self.inodes, self.layer_count
        )
        del self.pairs  # no longer needed
        return changes

    def visible(self, layer: int) -> NDArray[np.bool_]:
        """Mask of versions visible after a layer; -1 is before the first layer."""
        return (self.born <= layer) & (layer < self.died)

    def totals(self, mask: NDArray[np.bool_]) -> Totals:
        """Totals of every path over the versions in `mask`, which must have distinct paths."""
        return self.totals_of(np.flatnonzero(mask))

    def totals_of(self, rows: NDArray[np.int64] | NDArray[np.int32]) -> Totals:
        """Totals of every path over these versions, which must be in order and have distinct paths."""
        paths = self.paths[rows]
        return Totals(
            bytes=sums_below(self.table, paths, self.counted(rows), np.int64),
            files=sums_below(self.table, paths, self.kinds[rows] == Kind.FILE, np.int32),
        )

    def counted(self, rows: NDArray[np.int64] | NDArray[np.int32]) -> NDArray[np.int64]:
        """Content bytes of each of these versions (as for `totals_of`); an inode counts once, at its first path."""
        counted = self.stored[rows]
        shared = np.flatnonzero(self._shared[rows])
        if len(shared):
            _, first_names = np.unique(self.inode_of[rows[shared]], return_index=True)
            is_repeated = np.ones(len(shared), bool)
            is_repeated[first_names] = False
            counted[shared[is_repeated]] = 0
        return counted

    def rows_of(self, path: int) -> slice:
        """All versions of one path, oldest first."""
        return self.rows_between(path, path + 1)

    def rows_between(self, first: int, end: int) -> slice:
        """All versions of the paths [first, end)."""
        bounds = np.array([first, end], self.paths.dtype)  # another type would copy all paths
        start, stop = np.searchsorted(self.paths, bounds)
        return slice(int(start), int(stop))

    def version_after(self, path: int, layer: int) -> int | None:
        """The version of a path visible after a layer; None if there is none."""
        rows = self.rows_of(path)
        for row in range(rows.start, rows.stop):
            if self.born[row] <= layer < self.died[row]:
                return row
        return None

    def layer_of(self, version: int) -> int:
        """The layer that stores a version; for an implicit directory, the layer with the first entry below it."""
        inode = int(self.inode_of[version])
        if inode == self.inodes.implicit:
            return int(self.born[version])
        return self.inodes.layer(inode)
