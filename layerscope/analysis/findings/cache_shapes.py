"""Finds caches by their contents, wherever a variable or an option put them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.layers.index import Kind

_INSTALLED = ("node_modules", "site-packages", "dist-packages", "/nix/store")
"""Where such names belong to installed software."""


_MAX_DIRECTORIES = 100
"""Maximum directories that are examined."""


class Shape(Struct, frozen=True):
    """Contents that identify a cache."""

    mark: str
    """Pattern of a path in the cache."""
    up: int = 1
    """How many levels above that path the cache is."""
    beside: tuple[str, ...] = ()
    """Patterns of names, one of which must also be in it."""
    pure: bool = False
    """Whether all directories in it must lead to such a path: otherwise it only contains a cache among other things."""


def find_shapes(evidence: Evidence, shapes: Sequence[Shape]) -> NDArray[np.int64]:
    """The directories of the final image with one of these shapes, ascending. Those in package directories are left out."""
    parents = evidence.filesystem.table.parents
    directories: set[int] = set()
    for shape in shapes:
        marks = evidence.selector.matches(shape.mark)
        if not len(marks):
            continue
        tops = inside = marks[evidence.live_inodes[marks] >= 0]
        for _ in range(shape.up):
            tops, inside = parents[tops].astype(np.int64), tops
        above = tops
        tops = np.unique(tops[tops > 0])
        if shape.pure:
            is_pure = [
                _is_only(evidence, top, inside[above == top])
                for top in tops[:_MAX_DIRECTORIES].tolist()
            ]
            tops = tops[:_MAX_DIRECTORIES][np.array(is_pure, bool)]
        if shape.beside and len(tops):
            matches = [evidence.selector.matches(f"**/{name}") for name in shape.beside]
            beside = np.concatenate(matches)
            tops = tops[np.isin(tops, parents[beside[evidence.live_inodes[beside] >= 0]])]
        directories.update(tops.tolist())
    if not directories:
        return np.zeros(0, np.int64)
    tops = np.array(sorted(directories), np.int64)
    elsewhere = evidence.packaged | evidence.selector.select(_INSTALLED)
    left: NDArray[np.int64] = tops[~elsewhere[tops]]
    return left


def _is_only(evidence: Evidence, directory: int, known: NDArray[np.int64]) -> bool:
    """Whether a directory of the final image contains no directories other than `known`."""
    filesystem, table = evidence.filesystem, evidence.filesystem.table
    start, end = directory + 1, int(table.ends[directory])
    children = np.flatnonzero(table.parents[start:end] == directory) + start
    inodes = evidence.live_inodes[children]
    kinds = filesystem.inodes.columns.kinds[inodes[inodes >= 0]]
    return int(np.count_nonzero(kinds == Kind.DIRECTORY)) == len(np.unique(known))
