"""Finds the paths that patterns match, fast enough for hundreds of patterns on a million paths."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from layerscope.filesystem.components import ComponentTexts, is_glob
from layerscope.filesystem.paths import PathTable
from layerscope.layers.merged_paths import expand_ranges

Mask = NDArray[np.bool_]
_NONE = np.zeros(0, np.int64)
_FEW = 1000
"""Number of names up to which all are looked up at once: rules ask for hundreds."""


class Selector:
    """Finds the paths that match patterns as in `.gitignore`: a name at any depth or, with a slash, a path from the root.

    `*`, `?` and sets do not match a slash; `**` stands for any number of directories.
    """

    def __init__(self, table: PathTable) -> None:
        self._table = table
        self._names = ComponentTexts(table.names)
        self._ranks: dict[bytes, int | None] = {}
        """Indices of the names that patterns contain, and of all names if they are few; None for those that no path has."""
        self._all_ranked = len(table.names) <= _FEW
        if self._all_ranked:
            self._ranks.update(zip(table.names, range(_FEW), strict=False))
        self._without: set[str] = set()
        """Patterns that match nothing: most of them, and rules ask for many of them again."""

    def matches(self, pattern: str) -> NDArray[np.int64]:
        """Paths that a pattern matches, in path order: of any type, and visible in any layer."""
        if pattern in self._without:
            return _NONE
        found = self._find(_parts_of(pattern))
        if not len(found):
            self._without.add(pattern)
        return found

    def _find(self, parts: tuple[str | bytes | None, ...]) -> NDArray[np.int64]:
        for part in parts:  # most patterns have a name that no path of the image has
            if isinstance(part, bytes) and self._rank(part) is None:
                return _NONE
        tops, deep = np.zeros(1, np.int64), False
        for part in parts:
            if part is None:
                deep = True
                continue
            tops = self._step(tops, part, deep)
            deep = False
            if not len(tops):
                return tops
        # `a/**` matches everything in `a`, not `a` itself.
        return self._in(tops, np.arange(*self._span(tops)), deep) if deep else tops

    def select(self, patterns: Iterable[str]) -> Mask:
        """Mask of the paths that match, and everything below them; shape (paths,)."""
        matched = [found for pattern in patterns if len(found := self.matches(pattern))]
        return self.below(np.concatenate([_NONE, *matched]))

    def below(self, tops: NDArray[np.int64]) -> Mask:
        """Mask of these paths and everything below them; shape (paths,)."""
        starts_and_ends = np.zeros(len(self._table) + 1, np.int32)
        np.add.at(starts_and_ends, tops, 1)
        np.subtract.at(starts_and_ends, self._table.ends[tops], 1)
        return np.cumsum(starts_and_ends[:-1], dtype=np.int32) > 0

    def _rank(self, name: bytes) -> int | None:
        if name not in self._ranks and not self._all_ranked:
            self._ranks[name] = self._table.rank(name)
        return self._ranks.get(name)

    def _step(self, tops: NDArray[np.int64], part: str | bytes, deep: bool) -> NDArray[np.int64]:
        """Paths in these directories whose name matches one component of a pattern, in path order; with `deep`, at any depth.

        All directories are searched together: one by one, nested directories would be searched again for each of their
        ancestors.
        """
        if isinstance(part, str):
            names = self._names.find(part)
            if not len(names):
                return _NONE
            paths = self._called(names)
        else:
            rank = self._rank(part)
            if rank is None:
                return _NONE
            by_name, begins = self._by_name
            paths = by_name[begins[rank] : begins[rank + 1]].astype(np.int64)
        start, end = np.searchsorted(paths, self._span(tops))
        return self._in(tops, paths[start:end], deep)

    def _called(self, names: NDArray[np.int64]) -> NDArray[np.int64]:
        """Paths whose last component is one of these, in path order."""
        by_name, begins = self._by_name
        paths = by_name[expand_ranges(begins[names], begins[names + 1] - begins[names])]
        return np.sort(paths.astype(np.int64))

    @cached_property
    def _by_name(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """All paths but the root, by their last component, then in path order; where those of each component begin, and the end."""
        components = self._table.components[1:]
        ends = np.cumsum(np.bincount(components, minlength=len(self._table.names)))
        paths = np.argsort(components, kind="stable").astype(np.int32) + 1
        return paths, np.concatenate([[0], ends])

    def _span(self, tops: NDArray[np.int64]) -> tuple[int, int]:
        """The range of paths that can be in these directories: first, and one past the last."""
        return int(tops[0]) + 1, int(self._table.ends[tops].max())

    def _in(
        self, tops: NDArray[np.int64], paths: NDArray[np.int64], deep: bool
    ) -> NDArray[np.int64]:
        """Those of `paths` that are in these directories; with `deep`, at any depth."""
        if deep:
            ends = np.maximum.accumulate(self._table.ends[tops])
            return paths[paths < ends[np.searchsorted(tops, paths) - 1]]
        parents = self._table.parents[paths]
        last = np.searchsorted(tops, parents, "right") - 1
        inside: NDArray[np.int64] = paths[tops[last] == parents]
        return inside


@lru_cache(maxsize=4096)
def _parts_of(pattern: str) -> tuple[str | bytes | None, ...]:
    """The components of a pattern: a glob as a text, a name as bytes, None for `**`."""
    parts = pattern.strip("/").split("/") if "/" in pattern else ["**", pattern]
    return tuple(
        None
        if part == "**"
        else part
        if is_glob(part) or "\\" in part
        else part.encode(errors="surrogateescape")
        for part in parts
    )
