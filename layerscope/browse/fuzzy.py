"""Fuzzy matching: which paths contain the letters of a word in order, and how well, for all paths at once.

To decide whether a path matches, it is enough to match each letter as early as possible. The number of letters that a path
matches therefore depends only on the number its directory matches and on its name. Paths are visited depth by depth; at each
depth, every name is tested once for each number of letters that some parent has matched.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from layerscope.filesystem.paths import PathTable
from layerscope.layers.strings import StringTable

LONGEST_WORD = 64
"""Maximum bytes of a word; the rest is ignored."""

FARTHEST = 40
"""Maximum distance between letters that affects the score."""

NO_MATCH = 255
"""Tier of paths that do not match."""

EQUAL, STEM, PREFIX, BOUNDARY, INSIDE, SCATTERED, ACROSS = range(7)
ABOVE = 32
"""Tiers, best first: the name equals the word, equals it except for the suffix, starts with it, contains it at the start of a
word, contains it anywhere, contains its letters; the letters start in a directory and end in the name (one tier worse for
each component involved); the letters are all in directories."""

_SLASH = ord("/")
_EDGES = np.zeros(256, bool)
_EDGES[list(b"/._- ")] = True

Check = Callable[[], None]
"""Called between the parts of long work; raises to stop it."""


class FuzzyIndex:
    """All names of an image as one text of case-folded bytes, each preceded by a slash."""

    def __init__(self, table: PathTable, folded: StringTable) -> None:
        count = len(folded)
        self._table = table
        self._starts = folded.offsets[:-1] + np.arange(count)
        self._ends = folded.offsets[1:] + np.arange(1, count + 1)
        self._text = np.full(len(folded.data) + count, _SLASH, np.uint8)
        inner = np.ones(len(self._text), bool)
        inner[self._starts] = False
        self._text[inner] = np.frombuffer(folded.data, np.uint8)
        self._bytes = self._text.tobytes()
        self._every = np.arange(count, dtype=np.int32)
        self._places: dict[int, NDArray[np.int32]] = {}
        self._firsts: dict[int, NDArray[np.int32]] = {}

    def tiers(self, word: bytes, check: Check) -> NDArray[np.uint8]:
        """The tier of each path for a case-folded word, `NO_MATCH` for no match. Shape (paths,)."""
        word = word[:LONGEST_WORD]
        length = len(word)
        tail = word.rpartition(b"/")[2]
        matched_alone = self._matched_after(tail, 0, self._every, check)
        states, parts = self._states(word, matched_alone if tail == word else None, check)
        names = np.append(self._name_tiers(tail, matched_alone == len(tail)), np.uint8(ACROSS))
        check()
        table = self._table
        matched = np.flatnonzero(states == length)
        tiers = np.full(len(table), NO_MATCH, np.uint8)
        found_tiers = names[table.components[matched]]
        across = np.flatnonzero(found_tiers == ACROSS)
        paths = matched[across]
        above = states[table.parents[paths]] == length
        found_tiers[across] = np.where(above, ABOVE, np.minimum(ACROSS + parts[paths], ABOVE - 1))
        tiers[matched] = found_tiers
        tiers[0] = NO_MATCH
        return tiers

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Length in bytes of each case-folded path with its leading slash."""
        table = self._table
        name_lengths = np.append(self._ends - self._starts, 0)[table.components]
        moves = np.append(name_lengths, 0)
        np.subtract.at(moves, table.ends, name_lengths)
        return np.cumsum(moves[:-1])

    def text(self, path: int) -> bytes:
        """A case-folded path with its leading slash."""
        parts: list[bytes] = []
        table = self._table
        while path:
            name = int(table.components[path])
            parts.append(self._bytes[self._starts[name] : self._ends[name]])
            path = int(table.parents[path])
        return b"".join(reversed(parts))

    def _states(
        self, word: bytes, matched_alone: NDArray[np.uint8] | None, check: Check
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The number of letters that each path matches, and the number of components that contribute.

        `matched_alone` has the number of letters that each name matches by itself, if known.
        """
        paths, parents, rows, bounds = self._levels
        states = np.zeros(len(self._table), np.uint8)
        parts = np.zeros(len(self._table), np.uint8)
        for depth in range(1, len(bounds) - 1):
            check()
            level = slice(bounds[depth], bounds[depth + 1])
            before = states[parents[level]]
            after = before.copy()
            for state in np.flatnonzero(np.bincount(before, minlength=1)).tolist():
                same_state = np.flatnonzero(before == state)
                names = rows[level][same_state]
                after[same_state] = (
                    matched_alone[names]
                    if matched_alone is not None and not state
                    else self._matched_after(word, state, names, check)
                )
            states[paths[level]] = after
            parts[paths[level]] = np.minimum(parts[parents[level]], ABOVE) + (after > before)
        return states, parts

    def _matched_after(
        self, word: bytes, before: int, rows: NDArray[np.int32], check: Check
    ) -> NDArray[np.uint8]:
        """The number of letters matched after each of these names, if `before` letters were matched by its parents."""
        if before == len(word):
            return np.full(len(rows), before, np.uint8)
        is_wanted = np.zeros(len(self._starts), bool)
        is_wanted[rows] = True
        after = np.full(len(self._starts), before, np.uint8)
        first = self._first_places(word[before])
        names = np.flatnonzero(is_wanted & (first >= 0))
        places = first[names]
        after[names] = before + 1
        for state in range(before + 1, len(word)):
            if not len(names):
                break
            check()
            names, places = self._next_places(names, places, word[state])
            after[names] = state + 1
        return after[rows]

    def _next_places(
        self, names: NDArray[np.int64], places: NDArray[np.int32], letter: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """The next position of a letter in each name after a position; names without one are dropped."""
        following = self._places_of(letter)
        slots = np.searchsorted(following, places, "right")
        if len(slots) and slots[-1] == len(following):
            has_next = slots < len(following)
            names, slots = names[has_next], slots[has_next]
        places = following[slots]
        inside = places < self._ends[names]
        return names[inside], places[inside]

    @cached_property
    def _levels(
        self,
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32], list[int]]:
        """Paths by depth, their parents and names in that order, and the start of each depth."""
        table = self._table
        narrow = table.depths.astype(np.uint16 if table.depths.max() < 1 << 16 else np.int32)
        paths = np.argsort(narrow, kind="stable")
        bounds = np.concatenate([[0], np.cumsum(np.bincount(table.depths))]).tolist()
        return paths, table.parents[paths], table.components[paths], bounds

    def _name_tiers(self, word: bytes, scattered: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """The tier of each name on its own; `ACROSS` for no match. `scattered` is the mask of names that contain the letters."""
        if not word:
            return np.full(len(self._starts), ACROSS, np.uint8)
        tiers = np.where(scattered, np.uint8(SCATTERED), np.uint8(ACROSS))
        text, places = self._text, self._places_of(word[0])
        places = places[places <= len(text) - len(word)]
        for offset, letter in enumerate(word[1:], 1):
            places = places[text[places + offset] == letter]
        if len(word) == 1:
            # Names that contain the letter are known: only starts of words matter here.
            places = places[_EDGES[text[places - 1]]]
        names = self._name_at(places)
        inside = places + len(word) <= self._ends[names]
        names, places = names[inside], places[inside]
        tiers[names] = INSIDE
        tiers[names[_EDGES[text[places - 1]]]] = BOUNDARY
        first = places == self._starts[names] + 1
        names, places = names[first], places[first]
        tiers[names] = PREFIX
        ends = places + len(word)
        is_equal = ends == self._ends[names]
        is_stem = ~is_equal
        is_stem[is_stem] = text[ends[is_stem]] == ord(".")
        tiers[names[is_stem]] = STEM
        tiers[names[is_equal]] = EQUAL
        return tiers

    def _name_at(self, places: NDArray[np.int32]) -> NDArray[np.int32]:
        """The names at these positions of the text."""
        return (np.searchsorted(self._starts, places, "right") - 1).astype(np.int32)

    def _places_of(self, letter: int) -> NDArray[np.int32]:
        """All positions of a letter."""
        if letter not in self._places:
            self._places[letter] = np.flatnonzero(self._text == letter).astype(np.int32)
        return self._places[letter]

    def _first_places(self, letter: int) -> NDArray[np.int32]:
        """The first position of a letter in each name, -1 for none."""
        if letter not in self._firsts:
            places = self._places_of(letter)
            names = self._name_at(places)
            is_first = np.ones(len(names), bool)
            is_first[1:] = names[1:] != names[:-1]
            first = np.full(len(self._starts), -1, np.int32)
            first[names[is_first]] = places[is_first]
            self._firsts[letter] = first
        return self._firsts[letter]


def score(text: bytes, word: bytes) -> int:
    """The score of a case-folded path for a case-folded word, 0 for no match.

    Adjacent letters, starts of words and letters in the name raise it; gaps lower it.
    """
    places, name = positions(text, word), text.rfind(b"/")
    if not places:
        return 0
    total = -min(places[-1] - places[0], FARTHEST)
    before = -1
    for place in places:
        total += 16 + 3 * (place > name)
        if place == before + 1:
            total += 24
        if place == 0 or _EDGES[text[place - 1]]:
            total += 20
        before = place
    return total


def positions(text: bytes, word: bytes) -> list[int]:
    """Positions of the letters of a word in a case-folded path: in the name if possible, and adjacent if possible."""
    for start in (text.rfind(b"/"), 0):
        match_start = text.rfind(word, max(start, 0))
        if match_start >= 0:
            return list(range(match_start, match_start + len(word)))
        end = start - 1
        for letter in word:
            end = text.find(letter, end + 1)
            if end < 0:
                break
        else:
            return _backwards(text, word, end)
    return []


def _backwards(text: bytes, word: bytes, end: int) -> list[int]:
    """Positions of a word's letters that end at `end` and are as close together as possible."""
    places = [end]
    for letter in reversed(word[:-1]):
        places.append(text.rfind(letter, 0, places[-1]))
    return places[::-1]
