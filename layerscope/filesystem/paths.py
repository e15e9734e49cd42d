"""All paths of an image in pre-order: a subtree is a slice."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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

    def fulls(self, paths: NDArray[np.int32]) -> Iterator[bytes]:
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
    names, ranks = _merge_names(trees)
    counts = [len(tree.parents) for tree in trees]
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    if starts[-1] > limits.entries:
        raise limits.exceeded("entries", "the image", int(starts[-1]))
    node_parents = np.concatenate(
        [
            np.zeros(0, np.int64),
            *(tree.parents + start for tree, start in zip(trees, starts, strict=False)),
        ]
    )
    node_ranks = np.concatenate([np.zeros(0, np.int64), *ranks])
    levels, number_of_node = _merge_levels(node_parents, node_ranks, starts[:-1], len(names))
    table, position = _pre_order(levels, names)
    paths = position[number_of_node].astype(np.int32)
    return table, [paths[starts[layer] : starts[layer + 1]] for layer in range(len(trees))]


def _merge_names(trees: Sequence[PathTree]) -> tuple[StringTable, list[NDArray[np.int64]]]:
    """All components in byte order, and for each layer the rank of each node's (-1 for its root)."""
    lists = [list(tree.names) for tree in trees]
    ordered = sorted(set().union(*lists))
    rank_of = {name: rank for rank, name in enumerate(ordered)}
    ranks = []
    for tree, components in zip(trees, lists, strict=True):
        rank = np.fromiter(map(rank_of.__getitem__, components), np.int64, len(components))
        ranks.append(np.where(tree.components < 0, -1, rank[tree.components] if len(rank) else -1))
    return StringTable.of(ordered), ranks


@dataclass(slots=True)
class _Level:
    """Merged nodes of one depth, ordered by parent, then name."""

    parents: NDArray[np.int64]
    ranks: NDArray[np.int64]
    first: int
    """Number of its first node; they are numbered level by level."""


def _merge_levels(
    parents: NDArray[np.int64], ranks: NDArray[np.int64], roots: NDArray[np.int64], name_count: int
) -> tuple[list[_Level], NDArray[np.int64]]:
    """Merge equal paths depth by depth: the levels, and the number that each node got."""
    is_root = np.zeros(len(parents), bool)
    is_root[roots] = True
    by_parent = np.argsort(parents, kind="stable")
    by_parent = by_parent[~is_root[by_parent]]
    sorted_parents = parents[by_parent]
    number_of_node = np.zeros(len(parents), np.int64)
    levels = [_Level(np.zeros(1, np.int64), np.full(1, -1, np.int64), 0)]
    frontier = roots
    first = 1
    while True:
        begin = np.searchsorted(sorted_parents, frontier, "left")
        lengths = np.searchsorted(sorted_parents, frontier, "right") - begin
        total = int(lengths.sum())
        if not total:
            return levels, number_of_node
        shifts = np.repeat(begin - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
        children = by_parent[shifts + np.arange(total)]
        keys = np.repeat(number_of_node[frontier], lengths) * name_count + ranks[children]
        unique, inverse = np.unique(keys, return_inverse=True)
        number_of_node[children] = first + inverse
        levels.append(_Level(unique // name_count, unique % name_count, first))
        first += len(unique)
        frontier = children


def _pre_order(levels: list[_Level], names: StringTable) -> tuple[PathTable, NDArray[np.int64]]:
    """Number the merged nodes in pre-order: the table, and the new number of each."""
    parents = np.concatenate([level.parents for level in levels])
    ranks = np.concatenate([level.ranks for level in levels])
    count = len(parents)
    sizes = np.ones(count, np.int64)
    for level in reversed(levels[1:]):
        own = sizes[level.first : level.first + len(level.parents)]
        eldest = np.flatnonzero(np.diff(level.parents, prepend=-1))
        sizes[level.parents[eldest]] += np.add.reduceat(own, eldest)
    position = np.zeros(count, np.int64)
    depth = np.zeros(count, np.int32)
    for number, level in enumerate(levels[1:], 1):
        span = slice(level.first, level.first + len(level.parents))
        before = np.cumsum(sizes[span]) - sizes[span]
        eldest = np.concatenate([[True], level.parents[1:] != level.parents[:-1]])
        position[span] = (
            position[level.parents]
            + 1
            + before
            - np.maximum.accumulate(np.where(eldest, before, 0))
        )
        depth[span] = number
    table = PathTable(
        parents=_scatter(position, position[parents].astype(np.int32)),
        ends=_scatter(position, (position + sizes).astype(np.int32)),
        depths=_scatter(position, depth),
        components=_scatter(position, ranks.astype(np.int32)),
        names=names,
    )
    return table, position


def _scatter(position: NDArray[np.int64], values: NDArray[np.int32]) -> NDArray[np.int32]:
    """`values` put at their positions."""
    out = np.empty_like(values)
    out[position] = values
    return out


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
