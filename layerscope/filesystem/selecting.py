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
        table = self._table
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
        if deep:
            # `a/**` is what lies in `a`, not `a` itself.
            below = self.below(tops)
            below[tops] = False
            return np.flatnonzero(below)
        return tops[tops > 0] if len(table) else tops

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
        """What a part of a pattern matches in these directories; with `deep`, at any depth."""
        table = self._table
        if is_glob(part):
            wanted = self._names.matching(part)
        else:
            rank = table.rank(part.encode(errors="surrogateescape"))
            if rank is None:
                return np.zeros(0, np.int64)
            wanted = None
        found = []
        last = 0
        for top in tops.tolist():
            if top < last:
                continue  # it lies in a directory that was looked through whole
            span = slice(top + 1, int(table.ends[top]))
            components = table.components[span]
            hits = components == rank if wanted is None else wanted[components]
            if deep:
                last = span.stop
            else:
                hits = hits & (table.parents[span] == top)
            found.append(np.flatnonzero(hits) + span.start)
        return np.concatenate([np.zeros(0, np.int64), *found])
