"""Nearly identical directories: most bytes of one are in the other at the same relative paths.

They result from copying something twice and then changing one copy a little. The paths of each repeated content are paired by the
longest common end of their names. The directories above a pair are candidates as far up as their names agree. The bytes shared by
two directories are those of all pairs below them.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.analysis.duplicates import Duplicates
from layerscope.filesystem.paths import PathTable
from layerscope.filesystem.sorting import stable_order

MIN_SHARE = 0.8
"""Minimum share of the larger directory's bytes that must be in the other one."""
_NEARLY_ALL = 0.9
"""Minimum share of the common bytes of two directories that a nested pair has, for the nested pair to be reported instead."""
_MAX_LEVELS = 64
"""Maximum directories above a file that are considered."""
_COMPARED_COMPONENTS = 8
"""Number of last components by which paths of one content are matched."""


class NearTree(Struct, frozen=True):
    """Two nearly identical directories."""

    first: int
    second: int
    bytes: int
    """Content bytes at the same places in both."""
    share: float
    """Their share of the larger directory's bytes."""
    firsts: NDArray[np.int32]
    """The shared files in the first directory."""
    seconds: NDArray[np.int32]
    """The shared files in the second directory, in the same order."""


class _Levels(Struct, frozen=True):
    """For each pair of files, the candidate directories above it, level after level."""

    keys: NDArray[np.int64]
    """The two directories."""
    pairs: NDArray[np.int64]
    """The pair of files."""


def find_near_trees(
    table: PathTable,
    sizes: NDArray[np.int64],
    duplicates: Duplicates,
    min_bytes: int,
    exact: NDArray[np.int32] | None = None,
) -> list[NearTree]:
    """Pairs of directories that share at least `min_bytes` bytes, most shared bytes first. Directories of different pairs are
    never nested.

    `sizes` has the content bytes of each path of the final image. `exact` numbers groups of exact duplicates by path, with 0
    for other paths: files within one group are not reported as pairs.
    """
    one, other, weights = _pairs(table, duplicates)
    if weights.sum() < min_bytes:
        return []
    levels = _climb(table, one, other)
    keys, place = np.unique(levels.keys, return_inverse=True)
    shared = np.bincount(place, weights[levels.pairs], len(keys)).astype(np.int64)
    a, b = keys // len(table), keys % len(table)
    totals = np.concatenate([[0], np.cumsum(sizes)])
    larger = np.maximum(totals[table.ends[a]] - totals[a], totals[table.ends[b]] - totals[b])
    apart = (b >= table.ends[a]) | (b < a)  # neither contains the other: a comes first
    candidates = np.flatnonzero((shared >= min_bytes) & (shared >= MIN_SHARE * larger) & apart)
    candidates = candidates[~_share_only_a_child(table, keys, shared, totals)[candidates]]
    if exact is not None:
        candidates = candidates[
            (exact[a[candidates]] != exact[b[candidates]]) | (exact[a[candidates]] == 0)
        ]
    order = candidates[
        np.lexsort((a[candidates], -table.depths[a[candidates]], -shared[candidates]))
    ]
    order_of_pairs = np.argsort(place, kind="stable")
    bounds = np.searchsorted(place[order_of_pairs], np.arange(len(keys) + 1))
    taken = np.zeros(len(table), bool)
    trees = []
    for key in order.tolist():
        first, second = int(a[key]), int(b[key])
        spans = [slice(top, int(table.ends[top])) for top in (first, second)]
        if any(taken[span].any() for span in spans):
            continue
        pairs = levels.pairs[order_of_pairs[bounds[key] : bounds[key + 1]]]
        for span in spans:
            taken[span] = True
        trees.append(
            NearTree(
                first,
                second,
                int(shared[key]),
                float(shared[key] / max(int(larger[key]), 1)),
                one[pairs],
                other[pairs],
            )
        )
    return trees


def _share_only_a_child(
    table: PathTable,
    keys: NDArray[np.int64],
    shared: NDArray[np.int64],
    totals: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Mask of pairs that share nearly nothing apart from two nested directories, and differ otherwise: two packages
    that contain a third one are not duplicates."""
    count = len(table)
    a, b = keys // count, keys % count
    up, over = table.parents[a].astype(np.int64), table.parents[b].astype(np.int64)
    above = np.minimum(up, over) * count + np.maximum(up, over)
    place = np.minimum(np.searchsorted(keys, above), max(len(keys) - 1, 0))
    children = np.flatnonzero(
        (keys[place] == above) & (table.components[a] == table.components[b]) & (up != over)
    )
    children = children[np.argsort(shared[children], kind="stable")]  # the one with most bytes last
    best = np.full(len(keys), -1)
    best[place[children]] = children
    has_child = best >= 0
    child, crossed = best[has_child], up[best[has_child]] != a[has_child]
    sizes = [totals[table.ends[side]] - totals[side] for side in (a, b)]
    inner = [np.where(crossed, sizes[1 - side][child], sizes[side][child]) for side in (0, 1)]
    outside = np.maximum(*(sizes[side][has_child] - inner[side] for side in (0, 1)))
    shared_outside = shared[has_child] - shared[child]
    result = np.zeros(len(keys), bool)
    result[has_child] = (
        (shared[child] >= _NEARLY_ALL * shared[has_child])
        & (outside > 0)
        & (shared_outside < MIN_SHARE * outside)
    )
    return result


def _pairs(
    table: PathTable, duplicates: Duplicates
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    """Pairs of paths of one content with the same name, the one that comes first in front, and the bytes of each."""
    paths, contents, counts = duplicates.paths, duplicates.groups, duplicates.copies
    sizes = np.repeat(duplicates.sizes, counts)
    names = table.components
    many = counts[contents] > 2  # two are a pair in any order
    order = np.flatnonzero(many)
    order = order[stable_order(paths[order])]
    for level in range(_COMPARED_COMPONENTS - 1, -1, -1):
        above = paths[order]
        for _ in range(level):  # keeping them for the next level would take eight times the memory
            above = table.parents[above]
        order = order[stable_order(names[above] + 1)]
    order = order[stable_order(contents[order])]
    order = np.concatenate([np.flatnonzero(~many), order])
    paths, contents, sizes = paths[order], contents[order], sizes[order]
    same = (contents[1:] == contents[:-1]) & (names[paths[1:]] == names[paths[:-1]])
    at = np.flatnonzero(same)
    before, after = paths[at], paths[at + 1]
    return np.minimum(before, after), np.maximum(before, after), sizes[at]


def _climb(table: PathTable, one: NDArray[np.int32], other: NDArray[np.int32]) -> _Levels:
    """The directories above each pair, up to the first two whose names differ."""
    keys, pairs = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    remaining = np.arange(len(one))
    a, b = table.parents[one], table.parents[other]
    for _ in range(_MAX_LEVELS):
        continues = (a != b) & (a > 0) & (b > 0)
        remaining, a, b = remaining[continues], a[continues], b[continues]
        if not len(remaining):
            break
        low, high = np.minimum(a, b).astype(np.int64), np.maximum(a, b)
        keys.append(low * len(table) + high)
        pairs.append(remaining)
        alike = table.components[a] == table.components[b]
        remaining, a, b = remaining[alike], table.parents[a[alike]], table.parents[b[alike]]
    return _Levels(np.concatenate(keys), np.concatenate(pairs))
