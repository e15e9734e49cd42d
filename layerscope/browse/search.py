"""Searches the versions of all layers for matches of a filter; plain words match by their letters, best matches first."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import cached_property

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.browse.candidates import AllVersions
from layerscope.browse.filters import Filter
from layerscope.browse.fuzzy import NO_MATCH, FuzzyIndex, positions, score
from layerscope.browse.marks import Marks
from layerscope.browse.matching import Finder, PathTexts
from layerscope.browse.version_states import StoredBelow
from layerscope.filesystem.model import Filesystem
from layerscope.filesystem.siblings import Siblings
from layerscope.filesystem.sorting import edges, stable_order
from layerscope.layers.index import Kind

RANKED = 1000
"""Number of matches ranked by exact score; the others follow by tier, then by length."""

_LONGEST = (1 << 16) - 1
"""Longer paths count as equally long."""


class Order(Enum):
    """How matches are ordered; versions of one path are ordered newest first, ties by path."""

    MATCH = "best match"
    """By how well words match, then shorter paths first."""
    SIZE = "size"
    """Largest first."""
    NAME = "name"
    """By path."""
    LAYER = "layer"
    """Newest layer first."""


class SearchResult(Struct, frozen=True):
    """The result of a search."""

    rows: NDArray[np.int32]
    """Matching versions in order; only the newest one of each directory."""
    files: int
    """Number of versions of regular files among `rows`."""
    bytes: int
    """Content bytes of these files; an inode counts once."""
    paths: int
    """Number of paths among `rows`."""


NO_RESULT = SearchResult(np.zeros(0, np.int32), 0, 0, 0)


def highlights(query: Filter, text: bytes) -> list[int]:
    """Positions of the letters of words in a case-folded path with its leading slash."""
    return sorted({place for word in _folded(query) for place in positions(text, word)})


def _folded(query: Filter) -> list[bytes]:
    return [word.casefold().encode(errors="surrogatepass") for word in query.words]


class PathSearch:
    """Searches every version that any layer stored. The first search is slow unless `prepare` was called."""

    def __init__(self, filesystem: Filesystem) -> None:
        self.filesystem = filesystem

    @cached_property
    def total(self) -> int:
        """Number of paths searched."""
        stored = np.zeros(len(self.filesystem.table), bool)
        stored[self.filesystem.paths] = True
        return int(np.count_nonzero(stored[1:]))

    @cached_property
    def below(self) -> StoredBelow:
        """What layers store in each directory."""
        return StoredBelow(self.filesystem)

    @cached_property
    def _last_of_inode(self) -> NDArray[np.int32]:
        """For each version, the last one of an unbroken run of versions with the same inode at its path."""
        filesystem = self.filesystem
        paths, inodes = filesystem.paths, filesystem.inode_of
        continues = (paths[1:] == paths[:-1]) & (inodes[1:] == inodes[:-1])
        continues &= filesystem.died[:-1] == filesystem.born[1:]
        ends = np.flatnonzero(np.append(~continues, True)).astype(np.int32)
        return ends[np.searchsorted(ends, np.arange(len(paths), dtype=np.int32))]

    def prepare(self) -> None:
        """Compute what every search needs, so that the first one is fast too."""
        _ = self.total, self.below, self._last_of_inode, self._versions.layers, self._fuzzy.lengths
        self._fuzzy.tiers(b"e", lambda: None)

    def find(
        self,
        query: Filter,
        check: Callable[[], None],
        finder: Finder | None = None,
        *,
        marks: Marks | None = None,
        order: Order = Order.MATCH,
    ) -> SearchResult:
        """The versions that match. `check` is called often and raises to stop; `finder` searches texts for regular
        expressions; `marks` are the results known so far."""
        filesystem = self.filesystem
        words = _folded(query)
        tiers = np.zeros(len(filesystem.table), np.uint16)
        tiers[0] = NO_MATCH
        for word in words:
            word_tiers = self._fuzzy.tiers(word, check)
            tiers += word_tiers
            tiers[word_tiers == NO_MATCH] = NO_MATCH
            np.minimum(tiers, NO_MATCH, out=tiers)
            check()
        hits = (tiers < NO_MATCH)[filesystem.paths]
        if query.exact:
            hits &= query.exact.matches(self._versions.with_marks(marks or Marks(), finder))
            check()
        rows = self._without_repeats(np.flatnonzero(hits).astype(np.int32))
        files = rows[filesystem.kinds[rows] == Kind.FILE]
        matched_inodes = np.zeros(len(filesystem.inodes.columns.stored), bool)
        matched_inodes[filesystem.inode_of[files]] = True
        size = int(filesystem.inodes.columns.stored[matched_inodes].sum())
        check()
        paths = int(np.count_nonzero(edges(filesystem.paths[rows])))
        return SearchResult(
            self._ordered(rows, order, tiers, words, check), len(files), size, paths
        )

    def size(self, row: int) -> int:
        """Content bytes of a version; of a directory, all that layers store at and below its path."""
        if self.filesystem.kinds[row] == Kind.DIRECTORY:
            return int(self.below.bytes[self.filesystem.paths[row]])
        return int(self.filesystem.stored[row])

    def _without_repeats(self, rows: NDArray[np.int32]) -> NDArray[np.int32]:
        """These rows with only the newest version of each directory, and without versions that link the same inode again."""
        filesystem = self.filesystem
        rows = self._last_of_inode[rows]
        rows = rows[edges(rows)]
        folders = np.flatnonzero(filesystem.kinds[rows] == Kind.DIRECTORY)
        folder_paths = filesystem.paths[rows[folders]]
        return np.delete(rows, folders[:-1][folder_paths[1:] == folder_paths[:-1]])

    def _ordered(
        self,
        rows: NDArray[np.int32],
        order: Order,
        tiers: NDArray[np.uint16],
        words: list[bytes],
        check: Callable[[], None],
    ) -> NDArray[np.int32]:
        filesystem = self.filesystem
        first = np.flatnonzero(edges(filesystem.paths[rows]))
        paths = filesystem.paths[rows[first]]
        ends = np.append(first[1:], len(rows))[: len(first)]
        if order is Order.MATCH:
            ranks = self._ranked(paths, tiers, words, check)
            first, ends = first[ranks], ends[ranks]
        counts = ends - first
        # From the last version of each path down to its first.
        places = np.repeat(ends + np.cumsum(counts) - counts - 1, counts) - np.arange(len(rows))
        rows = rows[places]
        if order is Order.SIZE:
            sizes = filesystem.stored[rows]
            folders = np.flatnonzero(filesystem.kinds[rows] == Kind.DIRECTORY)
            sizes[folders] = self.below.bytes[filesystem.paths[rows[folders]]]
            rows = rows[stable_order(int(sizes.max(initial=0)) - sizes)]
        elif order is Order.LAYER:
            rows = rows[stable_order(filesystem.layer_count - self._versions.layers[rows])]
        return rows

    def _ranked(
        self,
        paths: NDArray[np.int32],
        tiers: NDArray[np.uint16],
        words: list[bytes],
        check: Callable[[], None],
    ) -> NDArray[np.int64]:
        """Places of paths by tier, then shorter ones first; the best ones by exact score."""
        lengths = np.minimum(self._fuzzy.lengths[paths], _LONGEST)
        keys = tiers[paths].astype(np.int64) << 48 | lengths << 32 | np.arange(len(paths))
        keys.sort()
        check()
        ranks = keys & 0xFFFFFFFF
        if words:
            best = ranks[:RANKED].tolist()
            scores: dict[int, tuple[int, int]] = {}
            for number, place in enumerate(best):
                if not number % 100:
                    check()
                text = self._fuzzy.text(int(paths[place]))
                scores[place] = (-sum(score(text, word) for word in words), len(text))
            ranks[:RANKED] = sorted(best, key=scores.__getitem__)
        return ranks

    @cached_property
    def _versions(self) -> AllVersions:
        table = self.filesystem.table
        return AllVersions(self.filesystem, PathTexts(table, Siblings(table)))

    @cached_property
    def _fuzzy(self) -> FuzzyIndex:
        return FuzzyIndex(self.filesystem.table, self._versions.texts.folded)
