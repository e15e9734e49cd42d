"""Places that are written as patterns, looked up so that a hundred of them cost little at a million paths."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from layerscope.filesystem.components import ComponentTexts, is_glob
from layerscope.filesystem.paths import PathTable

Mask = NDArray[np.bool_]


class Selector:
    """Finds the paths that patterns mean: as in `.gitignore`, a name anywhere, or with a slash a path from the root;
    `*`, `?` and sets stay within a component, `**` is any number of directories."""

    def __init__(self, table: PathTable) -> None:
        self._table = table
        self._names = ComponentTexts(table.names)

    def matches(self, pattern: str) -> NDArray[np.int64]:
        """The paths that a pattern matches itself, in path order, whatever they are and whenever they were."""
        parts = pattern.strip("/").split("/") if "/" in pattern else ["**", pattern]
        tops, deep = np.zeros(1, np.int64), False
        for part in parts:
            if part == "**":
                deep = True
                continue
            tops = self._step(tops, part, deep)
            deep = False
            if not len(tops):
                return tops
        # `a/**` is what lies in `a`, not `a` itself.
        return self._in(tops, np.arange(*self._span(tops)), deep) if deep else tops

    def select(self, patterns: Iterable[str]) -> Mask:
        """What the patterns match, and all that lies below; shape (paths,)."""
        found = [self.matches(pattern) for pattern in patterns]
        return self.below(np.concatenate([np.zeros(0, np.int64), *found]))

    def below(self, tops: NDArray[np.int64]) -> Mask:
        """These paths and all below them; shape (paths,)."""
        edges = np.zeros(len(self._table) + 1, np.int32)
        np.add.at(edges, tops, 1)
        np.subtract.at(edges, self._table.ends[tops], 1)
        return np.cumsum(edges[:-1], dtype=np.int32) > 0

    def _step(self, tops: NDArray[np.int64], part: str, deep: bool) -> NDArray[np.int64]:
        """What a part of a pattern matches in these directories, in path order; with `deep`, at any depth.

        All directories are looked through at once: one by one, those that lie in each other would be read again for each
        that they lie in.
        """
        start, end = self._span(tops)
        components = self._table.components[start:end]
        if is_glob(part) or "\\" in part:
            hits = self._names.matching(part)[components]
        else:
            rank = self._table.rank(part.encode(errors="surrogateescape"))
            if rank is None:
                return np.zeros(0, np.int64)
            hits = components == rank
        return self._in(tops, np.flatnonzero(hits) + start, deep)

    def _span(self, tops: NDArray[np.int64]) -> tuple[int, int]:
        """The first path and one past the last that can lie in these directories."""
        return int(tops[0]) + 1, int(self._table.ends[tops].max())

    def _in(
        self, tops: NDArray[np.int64], paths: NDArray[np.int64], deep: bool
    ) -> NDArray[np.int64]:
        """Those of some paths of their span that lie in these directories; with `deep`, at any depth."""
        if deep:
            ends = np.maximum.accumulate(self._table.ends[tops])
            return paths[paths < ends[np.searchsorted(tops, paths) - 1]]
        parents = self._table.parents[paths]
        last = np.searchsorted(tops, parents, "right") - 1
        inside: NDArray[np.int64] = paths[tops[last] == parents]
        return inside
