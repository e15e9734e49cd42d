"""All paths of an image in pre-order: a subtree is a slice."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerscope.layers.merged_paths import merge_paths
from layerscope.layers.names import PathTree
from layerscope.layers.strings import StringTable
from layerscope.limits import Limits

KEPT_BYTES = 1 << 24
"""Bytes of directories' paths that are kept while many paths are put together."""


@dataclass(frozen=True, slots=True)
class PathTable:
    """Paths of n nodes; 0 is the root, children follow their parent, siblings are in byte order of their names.

    This is the order of the paths with `/` replaced by NUL, not the byte order of paths.
    """

    parents: NDArray[np.int32]
    ends: NDArray[np.int32]
    """One past the last path of the subtree of each path: it is the slice [path, end)."""
    depths: NDArray[np.int32]
    """Components of each path; 0 for the root."""
    components: NDArray[np.int32]
    """Index into `names` of the last component; -1 for the root."""
    names: StringTable
    """Each component once, in byte order."""

    def __len__(self) -> int:
        return len(self.parents)

    @property
    def tree(self) -> PathTree:
        """The same as a tree, without its order."""
        return PathTree(self.parents, self.components, self.names)

    def same_as(self, other: PathTable) -> bool:
        """Whether both hold the same paths, and number them alike."""
        return self.tree.same_as(other.tree)

    def name(self, path: int) -> bytes:
        """The last component of a path; empty for the root."""
        return self.names[int(self.components[path])] if path else b""

    def full(self, path: int) -> bytes:
        """The whole path, without a leading slash."""
        parts: list[bytes] = []
        while path:
            parts.append(self.names[int(self.components[path])])
            path = int(self.parents[path])
        return b"/".join(reversed(parts))

    def full_paths(self, paths: NDArray[np.int32]) -> Iterator[bytes]:
        """The whole of each of many paths; those of the directories last met are kept, within `KEPT_BYTES`."""
        components = self.components[paths]
        bounds = self.names.offsets
        rows = zip(
            self.parents[paths].tolist(),
            bounds[components].tolist(),
            np.where(paths > 0, bounds[components + 1], bounds[components]).tolist(),
            strict=True,
        )
        prefixes, kept = {0: b""}, 0
        for parent, start, end in rows:
            prefix = prefixes.get(parent)
            if prefix is None:
                if kept > KEPT_BYTES:
                    prefixes, kept = {0: b""}, 0
                prefix = prefixes[parent] = self._prefix(parent, prefixes)
                kept += len(prefix)
            yield prefix + self.names.data[start:end]

    def _prefix(self, path: int, prefixes: Mapping[int, bytes]) -> bytes:
        """A path with a slash at its end, from the nearest path above it that `prefixes` has."""
        parts = [b""]
        while (prefix := prefixes.get(path)) is None:
            parts.append(self.names[int(self.components[path])])
            path = int(self.parents[path])
        return prefix + b"/".join(reversed(parts))

    def lengths(self) -> NDArray[np.int64]:
        """Bytes of the whole of each path."""
        # With the slash after it; the root, whose component is -1, has neither.
        own = np.append(np.diff(self.names.offsets) + 1, 0)[self.components]
        # What a path adds to its subtree is added where that begins and taken away where it ends.
        steps = np.zeros(len(self) + 1, np.int64)
        steps[:-1] = own
        np.subtract.at(steps, self.ends, own)
        return np.maximum(np.cumsum(steps[:-1]) - 1, 0)

    def check_listing(self, paths: NDArray[np.int32], limits: Limits, where: str) -> None:
        """Raise `LimitExceededError` if a list of these paths is too long to be written.

        Each entry brings its own name, but the directories above it come for nothing: a name of 64 KiB can have 32,000.
        """
        size = int(self.lengths()[paths].sum())
        if size > limits.listing_bytes:
            raise limits.exceeded("listing_bytes", where, size)

    def rank(self, component: bytes) -> int | None:
        """The place of a component in `names`; None if no path has it."""
        place = bisect_left(self.names, component)
        return place if place < len(self.names) and self.names[place] == component else None

    def find(self, full: bytes) -> int | None:
        """The path called `full` (components joined by `/`), None if the image never names it."""
        path = 0
        for component in full.split(b"/") if full else ():
            rank = self.rank(component)
            if rank is None:
                return None
            child = path + 1
            end = int(self.ends[path])
            while child < end and self.components[child] != rank:
                child = int(self.ends[child])
            if child >= end:
                return None
            path = child
        return path


def merge(trees: Sequence[PathTree], limits: Limits) -> tuple[PathTable, list[NDArray[np.int32]]]:
    """One table of the paths of all layers; for each layer, the path of each of its nodes."""
    merged, paths = merge_paths(trees, limits)
    table = PathTable(merged.parents, merged.ends, merged.depths, merged.components, merged.names)
    return table, paths


def with_ancestors(table: PathTable, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """These paths and all directories above them, without the root."""
    counted = subtree_counts(table, mask)
    out = counted > 0
    out[0] = False
    return out


def subtree_counts(table: PathTable, mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """How many of these paths lie in the subtree of each path, itself included."""
    prefix = np.zeros(len(table) + 1, np.int32)
    np.cumsum(mask, dtype=np.int32, out=prefix[1:])
    counts: NDArray[np.int32] = prefix[table.ends] - prefix[:-1]
    return counts
