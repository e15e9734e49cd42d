"""Matches texts and globs against path components. Each distinct component is tested once, however many paths contain it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from layerscope.layers.strings import StringTable

_GLOB = re.compile(r"\*+|\?|\[[!^]?+\]?+[^\]]*+\]|\\.|.", re.DOTALL)
"""The parts of a glob: stars, `?`, sets and literal characters."""

_RANGES = re.compile("(.)-(.)|(.)", re.DOTALL)
"""The items of a set: ranges, and single characters."""


@dataclass(frozen=True, slots=True)
class _Glob:
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
        self._names = names

    def containing(self, text: bytes) -> NDArray[np.bool_]:
        """Components that contain a text, ignoring case; the text must be case-folded."""
        return self._mask(_containing(self.folded, text))

    def starting(self, text: bytes) -> NDArray[np.bool_]:
        """Components that start with a case-folded text, ignoring case."""
        return self._mask(_starting(self.folded, text, _all(self.folded)))

    def ending(self, text: bytes) -> NDArray[np.bool_]:
        """Components that end with a case-folded text, ignoring case."""
        return self._mask(_ending(self.folded, text, _all(self.folded)))

    def equal(self, text: bytes) -> NDArray[np.bool_]:
        """Components equal to a case-folded text, ignoring case."""
        candidates = _starting(self.folded, text, _all(self.folded))
        return self._mask(candidates[_lengths(self.folded)[candidates] == len(text)])

    def matching(self, pattern: str) -> NDArray[np.bool_]:
        """Components that a glob matches, case-sensitively."""
        names, glob = self._names, _parse(pattern)
        candidates = np.flatnonzero(self._mask(_containing(names, glob.middle))[:-1])
        candidates = candidates[_lengths(names)[candidates] >= glob.shortest]
        candidates = _ending(names, glob.end, _starting(names, glob.start, candidates))
        if glob.rest is not None:
            fits = glob.rest.fullmatch
            matches = [
                fits(names[index].decode(errors="surrogateescape")) is not None
                for index in candidates.tolist()
            ]
            candidates = candidates[np.array(matches, bool)]
        return self._mask(candidates)

    def _mask(self, indexes: NDArray[np.int64]) -> NDArray[np.bool_]:
        mask = np.zeros(len(self._names) + 1, bool)
        mask[indexes] = True
        return mask

    @cached_property
    def folded(self) -> StringTable:
        """The components, case-folded."""
        names = self._names
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


def is_glob(text: str) -> bool:
    """Whether a text contains a wildcard."""
    return any(wildcard in text for wildcard in "*?[")


def has_open_set(text: str) -> bool:
    """Whether a `[` has no `]` and is therefore literal, which is rarely intended."""
    return "[" in _GLOB.findall(text)


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


def _all(names: StringTable) -> NDArray[np.int64]:
    return np.arange(len(names))


def _lengths(names: StringTable) -> NDArray[np.int64]:
    return np.diff(names.offsets)


def _containing(names: StringTable, text: bytes) -> NDArray[np.int64]:
    """Indices of components that contain a text; repeated for each occurrence."""
    if not text:
        return _all(names)
    data = np.frombuffer(names.data, np.uint8)
    offsets = np.flatnonzero(data[: max(len(data) - len(text) + 1, 0)] == text[0])
    for shift, byte in enumerate(text[1:], 1):
        offsets = offsets[data[offsets + shift] == byte]
    indices = np.searchsorted(names.offsets, offsets, "right") - 1
    return indices[offsets + len(text) <= names.offsets[indices + 1]]


def _starting(names: StringTable, text: bytes, among: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of the components `among` that start with a text."""
    data = np.frombuffer(names.data, np.uint8)
    candidates = among[_lengths(names)[among] >= len(text)]
    for offset, byte in enumerate(text):
        candidates = candidates[data[names.offsets[candidates] + offset] == byte]
    return candidates


def _ending(names: StringTable, text: bytes, among: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of the components `among` that end with a text."""
    data = np.frombuffer(names.data, np.uint8)
    candidates = among[_lengths(names)[among] >= len(text)]
    for offset, byte in enumerate(reversed(text), 1):
        candidates = candidates[data[names.offsets[candidates + 1] - offset] == byte]
    return candidates
