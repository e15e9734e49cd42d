"""Finds the path for a typed text, and completes partial ones."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

from layerscope.filesystem.paths import PathTable

COMPLETIONS = 200
"""Maximum number of completions."""


class PathLookup:
    """Finds and completes paths; fast even in directories of a million files."""

    def __init__(self, table: PathTable) -> None:
        self._table = table

    def find(self, full: bytes) -> int | None:
        """The path named `full`, ignoring outer and doubled slashes and `.`; None if there is none."""
        path, missing = self.descend(full)
        return None if missing else path

    def descend(self, full: bytes) -> tuple[int, bytes]:
        """The deepest existing path on the way to `full`, and the first missing component; b"" if the complete path exists."""
        path = 0
        for component in components_of(full):
            child = self.child(path, component)
            if child is None:
                return path, component
            path = child
        return path, b""

    def child(self, path: int, component: bytes) -> int | None:
        """The path with this name in a directory; None if there is none."""
        rank = self._table.rank(component)
        return self._child(path, rank) if rank is not None else None

    def complete(self, typed: bytes, *, max_count: int = COMPLETIONS) -> list[int]:
        """At most `max_count` paths that start with `typed`, in byte order of their last component."""
        above, _, start = typed.rpartition(b"/")
        directory = self.find(above)
        if directory is None:
            return []
        low, high = self._ranks(start)
        children = self._children(directory)
        ranks = self._table.components[children]
        first, last = np.searchsorted(ranks, [low, high])
        completions: list[int] = children[first : min(int(last), int(first) + max_count)].tolist()
        return completions

    def _children(self, path: int) -> NDArray[np.int64]:
        """The children of a directory, in byte order."""
        end = int(self._table.ends[path])
        return np.flatnonzero(self._table.parents[path + 1 : end] == path) + path + 1

    def _child(self, path: int, rank: int) -> int | None:
        span = slice(path + 1, int(self._table.ends[path]))
        has_name = self._table.components[span] == rank
        matches = np.flatnonzero(has_name & (self._table.parents[span] == path))
        return int(matches[0]) + path + 1 if len(matches) else None

    def _ranks(self, start: bytes) -> tuple[int, int]:
        """First name that starts with `start`, and one past the last."""
        names = self._table.names
        first = bisect_left(names, start)
        after = start.rstrip(b"\xff")
        if not after:
            return first, len(names)
        return first, bisect_left(names, after[:-1] + bytes([after[-1] + 1]))


def components_of(full: bytes) -> list[bytes]:
    """The components of a typed path, with `.`, `..` and empty ones resolved."""
    parts: list[bytes] = []
    for part in full.split(b"/"):
        if part == b"..":
            del parts[-1:]
        elif part not in (b"", b"."):
            parts.append(part)
    return parts
