"""Merges the paths of several trees, and numbers them in pre-order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.layers.names import PathTree
from layerscope.layers.strings import StringTable, merge_strings
from layerscope.limits import Limits


class MergedPaths(Struct, frozen=True):
    """Columns of the paths of all trees; `PathTable` describes them."""

    parents: NDArray[np.int32]
    ends: NDArray[np.int32]
    depths: NDArray[np.int32]
    components: NDArray[np.int32]
    names: StringTable


def merge_paths(
    trees: Sequence[PathTree], limits: Limits
) -> tuple[MergedPaths, list[NDArray[np.int32]]]:
    """The paths of all trees; for each tree, the path of each of its nodes."""
    names, orders = merge_strings([tree.names for tree in trees])
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
    first_names = np.cumsum([0, *map(len, orders)])[:-1]
    node_names = np.concatenate(
        [np.zeros(0, np.int64), *(tree.components for tree in trees)], dtype=np.int64
    )
    named = node_names >= 0
    node_ranks = np.full(len(named), -1, np.int64)
    node_ranks[named] = np.concatenate([np.zeros(0, np.int64), *orders])[
        (node_names + np.repeat(first_names, counts))[named]
    ]
    levels, number_of_node = _merge_levels(node_parents, node_ranks, starts[:-1], len(names))
    merged, position = _pre_order(levels, names)
    paths = position[number_of_node].astype(np.int32)
    return merged, [paths[starts[layer] : starts[layer + 1]] for layer in range(len(trees))]


class _Level(Struct):
    """Merged nodes of one depth, ordered by parent, then name."""

    parents: NDArray[np.int64]
    ranks: NDArray[np.int64]
    first: int
    """Number of its first node; they are numbered level by level."""


def _merge_levels(
    parents: NDArray[np.int64], ranks: NDArray[np.int64], roots: NDArray[np.int64], name_count: int
) -> tuple[list[_Level], NDArray[np.int64]]:
    """Merge equal paths depth by depth; returns the levels, and the number of each node."""
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
        if not lengths.any():
            return levels, number_of_node
        children = by_parent[expand_ranges(begin, lengths)]
        keys = np.repeat(number_of_node[frontier], lengths) * name_count + ranks[children]
        unique, inverse = np.unique(keys, return_inverse=True)
        number_of_node[children] = first + inverse
        levels.append(_Level(unique // name_count, unique % name_count, first))
        first += len(unique)
        frontier = children


def expand_ranges(begins: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers in ranges, one range after another."""
    before = np.cumsum(lengths) - lengths
    numbers: NDArray[np.int64] = np.repeat(begins - before, lengths) + np.arange(lengths.sum())
    return numbers


def _pre_order(levels: list[_Level], names: StringTable) -> tuple[MergedPaths, NDArray[np.int64]]:
    """Number the merged nodes in pre-order; returns the table, and the new number of each node."""
    parents = np.concatenate([level.parents for level in levels])
    ranks = np.concatenate([level.ranks for level in levels])
    count = len(parents)
    sizes = np.ones(count, np.int64)
    for level in reversed(levels[1:]):
        level_sizes = sizes[level.first : level.first + len(level.parents)]
        first_children = np.flatnonzero(np.diff(level.parents, prepend=-1))
        sizes[level.parents[first_children]] += np.add.reduceat(level_sizes, first_children)
    position = np.zeros(count, np.int64)
    depth = np.zeros(count, np.int32)
    for number, level in enumerate(levels[1:], 1):
        span = slice(level.first, level.first + len(level.parents))
        preceding = np.cumsum(sizes[span]) - sizes[span]
        is_first_child = np.concatenate([[True], level.parents[1:] != level.parents[:-1]])
        position[span] = (
            position[level.parents]
            + 1
            + preceding
            - np.maximum.accumulate(np.where(is_first_child, preceding, 0))
        )
        depth[span] = number
    merged = MergedPaths(
        parents=_scatter(position, position[parents].astype(np.int32)),
        ends=_scatter(position, (position + sizes).astype(np.int32)),
        depths=_scatter(position, depth),
        components=_scatter(position, ranks.astype(np.int32)),
        names=names,
    )
    return merged, position


def _scatter(position: NDArray[np.int64], values: NDArray[np.int32]) -> NDArray[np.int32]:
    """`values` moved to their positions."""
    out = np.empty_like(values)
    out[position] = values
    return out
