"""Matches texts and globs against path components. Each distinct component is tested once, however many paths contain it."""

from __future__ import annotations

import re
from functools import cached_property, lru_cache

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.layers.strings import STEP, Eights, StringTable, holds_start

_GLOB = re.compile(r"\*+|\?|\[[!^]?+\]?+[^\]]*+\]|\\.|.", re.DOTALL)
"""The parts of a glob: stars, `?`, sets and literal characters."""

_RANGES = re.compile("(.)-(.)|(.)", re.DOTALL)
"""The items of a set: ranges, and single characters."""


class _Glob(Struct, frozen=True):
    """A glob for one component."""

    start: bytes
    """Text that a name must start with."""
    middle: bytes
    """Text that it must contain: the longest one between two wildcards."""
    end: bytes
    """Text that it must end with."""
    shortest: int
    """Minimum length of a name in bytes, so that start and end do not overlap."""
    rest: re.Pattern[str] | None
    """Expression that names must also match; None if the other fields are sufficient."""


class ComponentTexts:
    """Searches in components. Results are masks of shape (names + 1,); the last item stands for the root and is always false."""

    def __init__(self, names: StringTable) -> None:
        self._names = _Texts(names)

    def containing(self, text: bytes) -> NDArray[np.bool_]:
        """Components that contain a text, ignoring case; the text must be case-folded."""
        return self._mask(self._folded.containing(text))

    def starting(self, text: bytes) -> NDArray[np.bool_]:
        """Components that start with a case-folded text, ignoring case."""
        return self._mask(self._folded.starting(text))

    def ending(self, text: bytes) -> NDArray[np.bool_]:
        """Components that end with a case-folded text, ignoring case."""
        return self._mask(self._folded.ending(text))

    def equal(self, text: bytes) -> NDArray[np.bool_]:
        """Components equal to a case-folded text, ignoring case."""
        found = self._folded.starting(text)
        return self._mask(found[self._folded.lengths[found] == len(text)])

    def matching(self, pattern: str) -> NDArray[np.bool_]:
        """Components that a glob matches, case-sensitively."""
        return self._mask(self.find(pattern))

    def find(self, pattern: str) -> NDArray[np.int64]:
        """Indices of the components that a glob matches, case-sensitively, in order."""
        names, glob = self._names, _parse(pattern)
        found = names.starting(glob.start) if glob.start else None
        found = names.ending(glob.end, found)
        if glob.middle:
            found = found[self._mask(names.containing(glob.middle))[found]]
        found = found[names.lengths[found] >= glob.shortest]
        if glob.rest is not None:
            fits = glob.rest.fullmatch
            held = [
                fits(names.table[index].decode(errors="surrogateescape")) is not None
                for index in found.tolist()
            ]
            found = found[np.array(held, bool)]
        return found

    def _mask(self, found: NDArray[np.int64]) -> NDArray[np.bool_]:
        mask = np.zeros(len(self._names.table) + 1, bool)
        mask[found] = True
        return mask

    @cached_property
    def folded(self) -> StringTable:
        """The components, case-folded."""
        names = self._names.table
        data = names.data.lower()
        if data.isascii():
            return StringTable(data, names.offsets)
        wide = np.flatnonzero(np.frombuffer(data, np.uint8) >= 0x80)
        lengths = np.diff(names.offsets)
        pieces: list[bytes] = []
        done = 0
        for index in np.unique(np.searchsorted(names.offsets, wide, "right") - 1).tolist():
            name = names[index].decode(errors="surrogateescape")
            folded = name.casefold().encode(errors="surrogateescape")
            lengths[index] = len(folded)
            pieces += (data[done : names.offsets[index]], folded)
            done = int(names.offsets[index + 1])
        pieces.append(data[done:])
        return StringTable(b"".join(pieces), np.concatenate([[0], np.cumsum(lengths)]))

    @cached_property
    def _folded(self) -> _Texts:
        return _Texts(self.folded)


def is_glob(text: str) -> bool:
    """Whether a text contains a wildcard."""
    return any(wildcard in text for wildcard in "*?[")


def has_open_set(text: str) -> bool:
    """Whether a `[` has no `]` and is therefore literal, which is rarely intended."""
    return "[" in _GLOB.findall(text)


@lru_cache(maxsize=4096)
def _parse(pattern: str) -> _Glob:
    """Parse a glob for one component."""
    texts = [""]
    sources: list[str] = []
    stars = others = 0
    for match in _GLOB.finditer(pattern):
        part = match[0]
        if part[0] == "*":
            stars += 1
            sources.append(".*")
        elif part == "?":
            others += 1
            sources.append(".")
        elif len(part) > 2:
            others += 1
            sources.append(_set(part))
        else:
            texts[-1] += part[-1]
            sources.append(re.escape(part[-1]))
            continue
        texts.append("")
    start, *later = [text.encode(errors="surrogateescape") for text in texts]
    end = later.pop() if later else b""
    middle = max(later, key=len, default=b"")
    simple = not others and ((stars == 1 and not middle) or (stars == 2 and not start and not end))
    rest = None if simple else re.compile(_without_backtracking(sources), re.DOTALL)
    return _Glob(start, middle, end, len(start) + len(end), rest)


def _without_backtracking(sources: list[str]) -> str:
    """One expression for all parts of a glob.

    Text between two stars matches at its first occurrence, in an atomic group: backtracking would take exponential time on
    names of many equal letters.
    """
    runs: list[list[str]] = [[]]
    for source in sources:
        if source == ".*":
            runs.append([])
        else:
            runs[-1].append(source)
    first, *middle = ["".join(run) for run in runs]
    if not middle:
        return first
    last = middle.pop()
    return first + "".join(f"(?>.*?{run})" for run in middle if run) + ".*" + last


def _set(part: str) -> str:
    """A glob's set of characters as a regular expression."""
    body = part[1:-1]
    negated = body[0] in "!^"
    items = [
        re.escape(single) if single else f"{re.escape(low)}-{re.escape(high)}"
        for low, high, single in _RANGES.findall(body[negated:])
        if low <= high
    ]
    if not items:
        return "." if negated else "(?!)"
    return f"[{'^' if negated else ''}{''.join(items)}]"


class _Texts:
    """Finds the strings of a table by their parts. Results are indices, ascending."""

    def __init__(self, table: StringTable) -> None:
        self.table = table
        self._data = np.frombuffer(table.data, np.uint8)

    def containing(self, text: bytes) -> NDArray[np.int64]:
        """Those that contain a text; repeated for each occurrence."""
        if not text:
            return np.arange(len(self.table))
        data, offsets = self._data, self.table.offsets
        found = np.flatnonzero(data[: max(len(data) - len(text) + 1, 0)] == text[0])
        for place, byte in enumerate(text[1:], 1):
            found = found[data[found + place] == byte]
        indices = np.searchsorted(offsets, found, "right") - 1
        return indices[found + len(text) <= offsets[indices + 1]]

    def starting(self, text: bytes) -> NDArray[np.int64]:
        """Those that start with a text."""
        found = np.flatnonzero(holds_start(self._heads, text))
        found = found[self.lengths[found] >= len(text)]
        for place, byte in enumerate(text[STEP:], STEP):
            found = found[self._data[self.table.offsets[found] + place] == byte]
        return found

    def ending(self, text: bytes, among: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Those that end with a text, of all or `among` some."""
        if not text:
            return np.arange(len(self.table)) if among is None else among
        tails = self._tails if among is None else self._tails[among]
        found = np.flatnonzero(holds_start(tails, text[::-1]))
        found = found if among is None else among[found]
        found = found[self.lengths[found] >= len(text)]
        for place, byte in enumerate(text[: -STEP or None][::-1], STEP + 1):
            found = found[self._data[self.table.offsets[found + 1] - place] == byte]
        return found

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """The length of each string in bytes."""
        return np.diff(self.table.offsets)

    @cached_property
    def _heads(self) -> NDArray[np.uint64]:
        """The first bytes of each string."""
        return Eights(self.table.data).after(self.table.offsets[:-1], self.lengths)

    @cached_property
    def _tails(self) -> NDArray[np.uint64]:
        """The last bytes of each string, from its end."""
        return Eights(self.table.data).before(self.table.offsets[1:], self.lengths)
