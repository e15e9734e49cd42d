"""From words that somebody types to a path of the image: finding it, and completing what is typed so far."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from layerscope.filesystem.paths import PathTable

COMPLETIONS = 200
"""Completions that are looked at, at most."""


class PathLookup:
    """Finds and completes paths, as quick in a directory of a million files as in one of ten."""

    def __init__(self, table: PathTable) -> None:
        self._table = table

    def find(self, full: bytes) -> int | None:
        """The path called `full`; slashes at its ends, doubled ones and dots say nothing. None if there is none."""
        path, missing = self.descend(full)
        return None if missing else path

    def descend(self, full: bytes) -> tuple[int, bytes]:
        """How far a path leads: the last one that there is, and the component that it lacks; b"" if all is there."""
        path = 0
        for component in components_of(full):
            rank = self._table.rank(component)
            child = self._child(path, rank) if rank is not None else None
            if child is None:
                return path, component
            path = child
        return path, b""

    def complete(self, typed: bytes, *, most: int = COMPLETIONS) -> list[int]:
        """Paths that begin as `typed` does, in byte order of their last component."""
        above, _, start = typed.rpartition(b"/")
        directory = self.find(above)
        if directory is None:
            return []
        low, high = self._ranks(start)
        children = self._children(directory)
        ranks = self._table.components[children]
        first, last = np.searchsorted(ranks, [low, high])
        found: list[int] = children[first : min(int(last), int(first) + most)].tolist()
        return found

    def _children(self, path: int) -> NDArray[np.int64]:
        """What lies directly in a directory, in byte order."""
        end = int(self._table.ends[path])
        return np.flatnonzero(self._table.parents[path + 1 : end] == path) + path + 1

    def _child(self, path: int, rank: int) -> int | None:
        span = slice(path + 1, int(self._table.ends[path]))
        named = self._table.components[span] == rank
        found = np.flatnonzero(named & (self._table.parents[span] == path))
        return int(found[0]) + path + 1 if len(found) else None

    def _ranks(self, start: bytes) -> tuple[int, int]:
        """The names that begin with `start`: from, and one past the last."""
        names = self._table.names
        first = bisect_left(names, start)
        after = start.rstrip(b"\xff")
        if not after:
            return first, len(names)
        return first, bisect_left(names, after[:-1] + bytes([after[-1] + 1]))


def components_of(full: bytes) -> list[bytes]:
    """The components of a path as people write it."""
    parts: list[bytes] = []
    for part in full.split(b"/"):
        if part == b"..":
            del parts[-1:]
        elif part not in (b"", b"."):
            parts.append(part)
    return parts
