"""Identical directories of the final image: equal in names, contents and links, at any depth.

A tree is a slice of the paths in pre-order. Each path with its content and the size of its subtree becomes one number; the hash
of a tree is the polynomial of its numbers, computed for all trees by differences of prefix sums. Trees with equal hashes are then
compared in full.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.analysis.duplicates import Duplicates
from layerscope.filesystem.model import Filesystem
from layerscope.layers.index import Kind

_BASE = np.uint64(0x9E3779B97F4A7C15)
_INVERSE = np.uint64(pow(int(_BASE), -1, 1 << 64))
"""The multiplicative inverse of the base, modulo 2⁶⁴."""


class DuplicateTree(Struct, frozen=True):
    """Identical directories that are not part of larger identical ones."""

    bytes: int
    """Content bytes of one copy; hard links count separately."""
    paths: tuple[int, ...]
    """Its copies, in path order."""


class _Live(Struct, frozen=True):
    """The paths of the final image, in path order; a subtree is the slice [n, ends[n])."""

    paths: NDArray[np.int32]
    ends: NDArray[np.int32]
    kinds: NDArray[np.uint8]
    names: NDArray[np.int32]
    contents: NDArray[np.int32]
    """Number of the content or link target, equal for equal ones; -1 for a content that no other file has."""
    stored: NDArray[np.int64]
    parents: NDArray[np.int32]
    """Position of the directory that contains a path, -1 for the root."""

    def same(self, one: int, other: int) -> bool:
        """Whether two trees are equal except for their own names."""
        size = int(self.ends[one]) - one
        if int(self.ends[other]) - other != size:
            return False
        a, b = slice(one + 1, one + size), slice(other + 1, other + size)
        columns = (self.names, self.kinds, self.contents)
        return all(np.array_equal(column[a], column[b]) for column in columns) and np.array_equal(
            self.ends[a] - one, self.ends[b] - other
        )


def find_duplicate_trees(
    filesystem: Filesystem,
    live_inodes: NDArray[np.int32],
    duplicates: Duplicates,
    min_bytes: int,
) -> list[DuplicateTree]:
    """All duplicate directories of at least `min_bytes` bytes, largest saving first; `live_inodes` has the final image's inode of
    each path, -1 for none.
    """
    if not _has_candidates(filesystem, live_inodes, duplicates, min_bytes):
        return []
    live = _live(filesystem, live_inodes, duplicates)
    sums = _prefix(live.stored)
    lone = _prefix(live.contents < 0)
    starts = np.arange(len(live.paths))
    tops = np.flatnonzero(
        (live.kinds == Kind.DIRECTORY)
        & (sums[live.ends] - sums[starts] >= min_bytes)
        & (lone[live.ends] == lone[starts])
    )
    if len(tops) < 2:
        return []
    groups = [group for group in _group_equal(live, tops) if len(group) > 1]
    of_group = {member: number for number, group in enumerate(groups) for member in group}
    trees = []
    for group in groups:
        # Copies inside equal directories are part of those: one represents all.
        seen: set[int] = set()
        members = []
        for member in group:
            above = of_group.get(int(live.parents[member]))
            if above is None or above not in seen:
                members.append(member)
            if above is not None:
                seen.add(above)
        if len(members) > 1:
            size = int(sums[live.ends[members[0]]] - sums[members[0]])
            trees.append(DuplicateTree(size, tuple(live.paths[members].tolist())))
    return sorted(trees, key=lambda tree: (-tree.bytes * (len(tree.paths) - 1), tree.paths))


def _has_candidates(
    filesystem: Filesystem,
    live_inodes: NDArray[np.int32],
    duplicates: Duplicates,
    min_bytes: int,
) -> bool:
    """Which directories are large enough and contain only repeated contents; skipping the others is ten times as fast."""
    if duplicates.saving < min_bytes:
        return False
    columns, ends = filesystem.inodes.columns, filesystem.table.ends
    kinds = columns.kinds[live_inodes]
    stored = np.where((live_inodes >= 0) & (kinds == Kind.FILE), columns.stored[live_inodes], 0)
    repeated = np.zeros(len(columns.stored), bool)
    repeated[live_inodes[duplicates.paths]] = True
    sums, lone = _prefix(stored), _prefix((stored > 0) & ~repeated[live_inodes])
    tops = (
        (kinds == Kind.DIRECTORY)
        & (sums[ends] - sums[:-1] >= min_bytes)
        & (lone[ends] == lone[:-1])
    )
    return int(tops.sum()) > 1


def _live(filesystem: Filesystem, live_inodes: NDArray[np.int32], duplicates: Duplicates) -> _Live:
    table, columns = filesystem.table, filesystem.inodes.columns
    is_live = live_inodes >= 0
    is_live[0] = False  # the root is not a copy
    paths = np.flatnonzero(is_live).astype(np.int32)
    before = _prefix(is_live).astype(np.int32)
    inodes = live_inodes[paths]
    kinds, stored = columns.kinds[inodes], columns.stored[inodes]
    files = kinds == Kind.FILE
    contents = np.where(files, -1, columns.links[inodes]).astype(np.int32)
    contents[~np.isin(kinds, [Kind.FILE, Kind.DIRECTORY, Kind.SYMLINK])] = -1
    contents[kinds == Kind.DIRECTORY] = 0
    contents[files & (stored == 0)] = 0
    number_of = np.full(len(columns.stored), -1, np.int32)
    number_of[live_inodes[duplicates.paths]] = duplicates.groups + 1
    full = files & (stored > 0)
    contents[full] = number_of[inodes[full]]
    above = table.parents[paths]
    return _Live(
        paths=paths,
        ends=before[table.ends[paths]],
        kinds=kinds,
        names=table.components[paths],
        contents=contents,
        stored=np.where(files, stored, 0),
        parents=np.where(above > 0, before[above], np.int32(-1)),
    )


def _group_equal(live: _Live, tops: NDArray[np.int64]) -> list[list[int]]:
    """Trees in groups of equal ones, each in path order."""
    count = len(live.paths)
    numbers = np.zeros(count, np.uint64)
    for column in (live.names, live.kinds, live.contents, live.ends - np.arange(count)):
        numbers ^= column.astype(np.uint64)
        _mix(numbers)
    numbers *= _powers(_BASE, count)
    sums = np.zeros(count + 1, np.uint64)
    np.cumsum(numbers, out=sums[1:])
    del numbers
    values = (sums[live.ends[tops]] - sums[tops + 1]) * _powers(_INVERSE, count)[tops]
    del sums
    order = np.lexsort((tops, values))
    bounds = np.flatnonzero(np.diff(values[order])) + 1
    candidates = [group.tolist() for group in np.split(tops[order], bounds) if len(group) > 1]
    # Largest first: trees inside compared trees need no comparison.
    candidates.sort(key=lambda members: members[0] - int(live.ends[members[0]]))
    place: dict[int, int] = {}
    groups = []
    for number, (first, *others) in enumerate(candidates):
        above, offset = _group_above(live, place, first)
        # Equal hashes of different contents only occur in crafted images: skip them.
        equal = [
            first,
            *(
                at
                for at in others
                if (above >= 0 and _group_above(live, place, at) == (above, offset))
                or live.same(first, at)
            ),
        ]
        place |= dict.fromkeys(equal, number)
        groups.append(equal)
    return groups


def _group_above(live: _Live, place: dict[int, int], at: int) -> tuple[int, int]:
    """The group of equal trees that contains a tree's parent, -1 for none, and the distance of the tree from it."""
    above = int(live.parents[at])
    return place.get(above, -1), at - above


def _mix(numbers: NDArray[np.uint64]) -> None:
    """Replace numbers by hashes in which every bit depends on all bits of the input (the finish of SplitMix64)."""
    numbers += _BASE
    numbers ^= numbers >> np.uint64(30)
    numbers *= np.uint64(0xBF58476D1CE4E5B9)
    numbers ^= numbers >> np.uint64(27)
    numbers *= np.uint64(0x94D049BB133111EB)
    numbers ^= numbers >> np.uint64(31)


def _powers(base: np.uint64, count: int) -> NDArray[np.uint64]:
    """The first powers of a number, modulo 2⁶⁴."""
    powers = np.full(count, base, np.uint64)
    powers[:1] = 1
    np.multiply.accumulate(powers, out=powers)
    return powers


def _prefix(values: NDArray[np.int64] | NDArray[np.bool_]) -> NDArray[np.int64]:
    """The sum of the values before each one, and of all values."""
    sums = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=sums[1:])
    return sums
