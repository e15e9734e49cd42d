"""All paths of an image in pre-order: a subtree is a slice."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.layers.merged_paths import merge_paths
from layerscope.layers.names import PathTree
from layerscope.layers.strings import StringTable
from layerscope.limits import Limits

_Sum = TypeVar("_Sum", np.int32, np.int64)

_SEARCHED = 10
"""Paths that can be counted in the time of one binary search."""
CACHED_PREFIX_BYTES = 1 << 24
"""Maximum bytes of directory paths that are cached while many full paths are built."""


class PathTable(Struct, frozen=True, dict=True):
    """Paths 0 to n - 1, where 0 is the root; children follow their parent, siblings are in byte order of their names.

    This is the byte order of paths with `/` replaced by NUL.
    """

    parents: NDArray[np.int32]
    ends: NDArray[np.int32]
    """End of the subtree of each path, which is the slice [path, end)."""
    depths: NDArray[np.int32]
    """Number of components of each path; 0 for the root."""
    components: NDArray[np.int32]
    """Last component of each path, as an index into `names`; -1 for the root."""
    names: StringTable
    """Distinct components, in byte order."""

    def __len__(self) -> int:
        return len(self.parents)

    @cached_property
    def inner(self) -> NDArray[np.int32]:
        """The paths with other paths below them, which are few, so that work on only these is fast."""
        first_below = np.flatnonzero(self.parents[1:] == np.arange(len(self) - 1, dtype=np.int32))
        return first_below.astype(np.int32)

    @property
    def tree(self) -> PathTree:
        """The same paths as an unordered tree."""
        return PathTree(self.parents, self.components, self.names)

    def same_as(self, other: PathTable) -> bool:
        """Whether both tables have the same paths with the same numbers."""
        return self.tree.same_as(other.tree)

    def name(self, path: int) -> bytes:
        """The last component of a path; empty for the root."""
        return self.names[int(self.components[path])] if path else b""

    def full(self, path: int) -> bytes:
        """The full path, without a leading slash."""
        parts: list[bytes] = []
        while path:
            parts.append(self.names[int(self.components[path])])
            path = int(self.parents[path])
        return b"/".join(reversed(parts))

    def full_paths(self, paths: NDArray[np.int32]) -> Iterator[bytes]:
        """The full path of each of many paths; paths of directories are cached, up to `CACHED_PREFIX_BYTES`."""
        components = self.components[paths]
        bounds = self.names.offsets
        rows = zip(
            self.parents[paths].tolist(),
            bounds[components].tolist(),
            np.where(paths > 0, bounds[components + 1], bounds[components]).tolist(),
            strict=True,
        )
        prefixes, cached_bytes = {0: b""}, 0
        for parent, start, end in rows:
            prefix = prefixes.get(parent)
            if prefix is None:
                if cached_bytes > CACHED_PREFIX_BYTES:
                    prefixes, cached_bytes = {0: b""}, 0
                prefix = prefixes[parent] = self._prefix(parent, prefixes)
                cached_bytes += len(prefix)
            yield prefix + self.names.data[start:end]

    def _prefix(self, path: int, prefixes: Mapping[int, bytes]) -> bytes:
        """A path with a trailing slash, built from its nearest ancestor in `prefixes`."""
        parents, components, bounds = self._fast_columns
        data = self.names.data
        parts = [b""]
        while (prefix := prefixes.get(path)) is None:
            component = components[path]
            parts.append(data[bounds[component] : bounds[component + 1]])
            path = parents[path]
        return prefix + b"/".join(reversed(parts))

    @cached_property
    def _fast_columns(self) -> tuple[memoryview, memoryview, memoryview]:
        """Parents, components and bounds of names as memoryviews, whose items are much faster to read than those of arrays."""
        columns = (self.parents, self.components, self.names.offsets)
        parents, components, bounds = (np.ascontiguousarray(column).data for column in columns)
        return parents, components, bounds

    def lengths(self) -> NDArray[np.int64]:
        """Length of each full path in bytes."""
        # Including the slash after it; the root, whose component is -1, has neither.
        component_lengths = np.append(np.diff(self.names.offsets) + 1, 0)[self.components]
        # Each component adds its length at the start of its subtree and subtracts it at the end.
        steps = np.zeros(len(self) + 1, np.int64)
        steps[:-1] = component_lengths
        np.subtract.at(steps, self.ends, component_lengths)
        return np.maximum(np.cumsum(steps[:-1]) - 1, 0)

    def check_listing(self, paths: NDArray[np.int32], limits: Limits, where: str) -> None:
        """Raise `LimitExceededError` if a list of these full paths exceeds the limit on listings.

        The limit on entries is not enough: one name of 64 KiB can have 32,000 directories, and the path of each entry below repeats
        them.
        """
        size = int(self.lengths()[paths].sum())
        if size > limits.listing_bytes:
            raise limits.exceeded("listing_bytes", where, size)

    def rank(self, component: bytes) -> int | None:
        """Index of a component in `names`; None if no path has it."""
        index = bisect_left(self.names, component)
        return index if index < len(self.names) and self.names[index] == component else None

    def has_start(self, start: bytes) -> bool:
        """Whether a component of some path starts with these bytes."""
        index = bisect_left(self.names, start)
        return index < len(self.names) and self.names[index].startswith(start)

    def find(self, full: bytes) -> int | None:
        """The path with this full name (components joined by `/`); None if no layer has it."""
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
    """Mask of these paths and all directories above them, without the root."""
    starts, ends = _places(table, np.flatnonzero(mask))
    out = mask.copy()
    out[table.inner] = ends > starts
    out[0] = False
    return out


def subtree_counts(table: PathTable, mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Number of these paths in the subtree of each path, itself included; shape (paths,)."""
    starts, ends = _places(table, np.flatnonzero(mask))
    counts = mask.astype(np.int32)
    counts[table.inner] = ends - starts
    return counts


def subtree_sums(
    table: PathTable,
    values: NDArray[np.int64] | NDArray[np.int32] | NDArray[np.bool_],
    dtype: type[_Sum],
) -> NDArray[_Sum]:
    """Sum of the values in the subtree of each path, itself included; shapes are (paths,)."""
    return sums_below(table, np.arange(len(table), dtype=np.int32), values, dtype)


def sums_below(
    table: PathTable,
    paths: NDArray[np.int32],
    values: NDArray[np.int64] | NDArray[np.int32] | NDArray[np.bool_],
    dtype: type[_Sum],
) -> NDArray[_Sum]:
    """`subtree_sums` of values that only these paths have, which must be in order; shape (paths of the table,)."""
    sums = np.zeros(len(table), dtype)
    sums[paths] = values
    prefix = np.zeros(len(paths) + 1, dtype)
    np.cumsum(values, dtype=dtype, out=prefix[1:])
    starts, ends = _places(table, paths)
    sums[table.inner] = prefix[ends] - prefix[starts]
    return sums


def _places(
    table: PathTable, paths: NDArray[np.int32] | NDArray[np.int64]
) -> tuple[NDArray[np.integer[Any]], NDArray[np.integer[Any]]]:
    """Where the subtree of each of `table.inner` starts and ends in these paths, which must be in order."""
    inner = table.inner
    ends = table.ends[inner]
    if len(inner) < len(table) // _SEARCHED:
        paths = paths.astype(np.int32)  # else all would be converted for each search
        return np.searchsorted(paths, inner), np.searchsorted(paths, ends)
    before = np.zeros(len(table) + 1, np.int32)
    before[paths + 1] = 1
    np.cumsum(before, dtype=np.int32, out=before)
    return before[inner], before[ends]
