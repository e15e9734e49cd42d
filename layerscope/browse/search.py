"""Searches the paths of all layers for words, globs or a regular expression, best matches first."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from layerscope.browse.fuzzy import NO_MATCH, FuzzyIndex, positions, score
from layerscope.browse.matching import Finder, PathTexts, compile_regex
from layerscope.errors import UsageError
from layerscope.filesystem.components import is_glob
from layerscope.filesystem.model import Filesystem
from layerscope.filesystem.siblings import Siblings

RANKED = 1000
"""Number of matches ranked by exact score; the others follow by tier, then by length."""

_LONGEST = (1 << 16) - 1
"""Longer paths count as equally long."""


class QueryError(UsageError):
    """An invalid query; `position` is the index of the character with the mistake."""

    title = "Find"

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed search."""

    words: tuple[str, ...] = ()
    """Words whose letters a path must contain in order, ignoring case."""
    globs: tuple[str, ...] = ()
    """Globs as in `.gitignore`."""
    pattern: re.Pattern[str] | None = None
    """A regular expression for the path with its leading slash; it cannot be combined with words or globs."""

    def __bool__(self) -> bool:
        return bool(self.words or self.globs or self.pattern)

    @property
    def mode(self) -> str:
        """The kind of search, in a word or two."""
        if self.pattern is not None:
            return "regular expression"
        kinds = [name for name, some in (("fuzzy", self.words), ("glob", self.globs)) if some]
        return " and ".join(kinds)

    def positions(self, text: bytes) -> list[int]:
        """Positions to highlight in a case-folded path with its leading slash."""
        if self.pattern is not None:
            return []
        return sorted({place for word in self._folded() for place in positions(text, word)})

    def _folded(self) -> list[bytes]:
        return [word.casefold().encode(errors="surrogatepass") for word in self.words]


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a search."""

    paths: NDArray[np.int32]
    """Matching paths, best first."""
    total: int
    """Number of paths searched."""


def parse_query(text: str) -> Query:
    """Parse a query. Raises `QueryError`."""
    stripped = text.strip()
    if len(stripped) > 2 and stripped[0] == stripped[-1] == "/":
        return Query(pattern=_regex(stripped[1:-1], text.index("/") + 1))
    words = stripped.split()
    return Query(
        tuple(word for word in words if not is_glob(word)),
        tuple(word.rstrip("/") for word in words if is_glob(word)),
    )


def _regex(source: str, position: int) -> re.Pattern[str]:
    try:
        return compile_regex(source)
    except re.error as error:
        place = position + (error.pos or 0)
        raise QueryError(f"{error.msg} at {place + 1}", place) from None
    except (OverflowError, RecursionError):
        raise QueryError("this regular expression is too large", position) from None


class PathSearch:
    """Searches every path that any layer stored or removed. The first search is slow unless `prepare` was called."""

    def __init__(self, filesystem: Filesystem) -> None:
        self._filesystem = filesystem

    @property
    def total(self) -> int:
        """Number of paths searched."""
        return int(np.count_nonzero(self._stored))

    def prepare(self) -> None:
        """Compute what every search needs, so that the first one is fast too."""
        _ = self._stored, self._fuzzy.lengths
        self._fuzzy.tiers(b"e", lambda: None)

    def find(self, query: Query, check: Callable[[], None], finder: Finder | None = None) -> Found:
        """Run a query. `check` is called often and raises to stop; `finder` searches texts for regular expressions."""
        tiers = np.where(self._stored, 0, NO_MATCH).astype(np.uint16)
        if query.pattern is not None:
            tiers[~self._texts.regex(query.pattern, finder)] = NO_MATCH
            check()
        for glob in query.globs:
            tiers[~self._texts.glob(glob)] = NO_MATCH
            check()
        words = query._folded()
        for word in words:
            found = self._fuzzy.tiers(word, check)
            tiers += found
            tiers[found == NO_MATCH] = NO_MATCH
            np.minimum(tiers, NO_MATCH, out=tiers)
            check()
        return Found(self._ranked(tiers, words, check), self.total)

    def _ranked(
        self, tiers: NDArray[np.uint16], words: list[bytes], check: Callable[[], None]
    ) -> NDArray[np.int32]:
        """Matches by tier, then shorter paths first; the best ones by exact score."""
        matched = np.flatnonzero(tiers < NO_MATCH)
        lengths = np.minimum(self._fuzzy.lengths[matched], _LONGEST)
        keys = tiers[matched].astype(np.int64) << 48 | lengths << 32 | matched
        keys.sort()
        check()
        order = (keys & 0xFFFFFFFF).astype(np.int32)
        if words:
            best = order[:RANKED].tolist()
            scores: dict[int, tuple[int, int]] = {}
            for number, path in enumerate(best):
                if not number % 100:
                    check()
                text = self._fuzzy.text(path)
                scores[path] = (-sum(score(text, word) for word in words), len(text))
            order[:RANKED] = sorted(best, key=scores.__getitem__)
        return order

    @cached_property
    def _stored(self) -> NDArray[np.bool_]:
        """Paths with at least one version."""
        stored = np.zeros(len(self._filesystem.table), bool)
        stored[self._filesystem.paths] = True
        stored[0] = False
        return stored

    @cached_property
    def _texts(self) -> PathTexts:
        table = self._filesystem.table
        return PathTexts(table, Siblings(table))

    @cached_property
    def _fuzzy(self) -> FuzzyIndex:
        return FuzzyIndex(self._filesystem.table, self._texts.folded)
