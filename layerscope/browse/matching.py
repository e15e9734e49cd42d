"""Matches a text, a glob or a regular expression against all paths at once.

Texts and globs are tested once per distinct component; only regular expressions see full paths, with a leading slash.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from layerscope.browse.regex_process import find_in
from layerscope.filesystem.components import ComponentTexts
from layerscope.filesystem.paths import PathTable
from layerscope.filesystem.selector import Mask, Selector
from layerscope.filesystem.siblings import Siblings
from layerscope.layers.strings import StringTable

PIECE = 1 << 20
"""Characters of paths searched at a time."""

MAX_CACHED = 1 << 28
"""Maximum length of all paths whose texts are kept for the next search; larger ones are built again for each search."""

_MAY_CROSS_LINES = re.compile(r"\\[^.^$*+?{}()|\[\]/\\\-bBdwS]|\(\?(?!:)|\[\^|[\x00-\x1f]")
"""Syntax that may let a match cross from one line to the next. Errs on the safe side."""


def compile_regex(source: str, flags: int = 0) -> re.Pattern[str]:
    """Compile a regular expression without Python's warnings about odd ones. Raises `re.error`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return re.compile(source, flags)


class Finder(Protocol):
    """Searches a text of many lines for a regular expression."""

    def __call__(self, source: str, flags: int, text: str, separator: str | None) -> list[int]:
        """Positions of the matches; with a separator, numbers of the lines with a match."""


class _Piece(NamedTuple):
    """Several paths as one string."""

    text: str
    """Paths with separators between them."""
    starts: NDArray[np.int64]
    """Start of each path in `text`."""
    paths: NDArray[np.int32]


class PathTexts:
    """The texts of all paths of an image, built on first use. Masks have shape (paths,)."""

    def __init__(self, table: PathTable, siblings: Siblings) -> None:
        self._table = table
        self._siblings = siblings
        self._names = ComponentTexts(table.names)
        self._selector = Selector(table)
        self._cached: list[_Piece] | None = None
        self._separator = "\0" if b"\n" in table.names.data else "\n"

    def containing(self, text: str) -> Mask:
        """Paths that contain this text, ignoring case."""
        parts = [part.encode(errors="surrogateescape") for part in text.casefold().split("/")]
        if len(parts) == 1:
            paths = np.flatnonzero(self._with_names(self._names.containing(parts[0])))
            return self._selector.below(paths)
        parents, components = self._table.parents, self._table.components
        last = self._with_names(self._names.starting(parts[-1]))
        last[0] = False
        paths = np.flatnonzero(last)
        above = parents[paths]
        for part in reversed(parts[1:-1]):
            matching = self._names.equal(part)[components[above]]
            paths, above = paths[matching], parents[above[matching]]
        if parts[0]:
            paths = paths[self._names.ending(parts[0])[components[above]]]
        return self._selector.below(paths)

    def glob(self, pattern: str) -> Mask:
        """Paths that match a pattern as in `.gitignore`: the name, or with a slash the full path."""
        hits = np.zeros(len(self._table), bool)
        hits[self._selector.matches(pattern)] = True
        return hits

    def regex(self, pattern: re.Pattern[str], finder: Finder | None = None) -> Mask:
        """Paths with a match for a regular expression, searched by `finder` or else in this thread."""
        hits = np.zeros(len(self._table), bool)
        find = finder or find_in
        line_pattern = self._line_pattern(pattern)
        for piece in self._pieces():
            if line_pattern is not None:
                places = find(line_pattern.pattern, line_pattern.flags, piece.text, None)
                indices = np.searchsorted(piece.starts, np.array(places, np.int64), "right") - 1
            else:
                lines = find(pattern.pattern, pattern.flags, piece.text, self._separator)
                indices = np.array(lines, np.int64)
            hits[piece.paths[indices]] = True
        return hits

    @property
    def folded(self) -> StringTable:
        """All components, case-folded."""
        return self._names.folded

    def _with_names(self, names: Mask) -> Mask:
        """Paths with these names; the last item of `names` is for the root."""
        return names[self._table.components]

    def _line_pattern(self, pattern: re.Pattern[str]) -> re.Pattern[str] | None:
        """A pattern for one path per line with at most one match per line; None if its result could differ."""
        source = pattern.pattern
        flags = int(re.MULTILINE)
        if source.startswith("(?i)"):
            source, flags = source[4:], flags | int(re.IGNORECASE)
        if self._separator != "\n" or _MAY_CROSS_LINES.search(source):
            return None
        return compile_regex(f"(?:{source}).*", flags)

    def _pieces(self) -> Iterable[_Piece]:
        """All paths but the root."""
        if self._cached is not None:
            return self._cached
        if self._length() > MAX_CACHED:
            return self._read()
        self._cached = list(self._read())
        return self._cached

    def _length(self) -> int:
        """Total length of all paths in bytes."""
        table = self._table
        lengths = np.append(np.diff(table.names.offsets) + 1, 0)[table.components]
        moves = np.append(lengths, 0)
        np.subtract.at(moves, table.ends, lengths)
        return int(np.cumsum(moves[:-1]).sum())

    def _read(self) -> Iterator[_Piece]:
        """All paths, directory by directory: each is the text of its directory plus its name."""
        table, separator = self._table, self._separator
        children, first = self._siblings.children, self._siblings.first
        names = [name.decode(errors="surrogateescape") for name in table.names]
        lengths = np.fromiter(map(len, names), np.int64, len(names))
        components = table.components[children].tolist()
        bounds = [*first.tolist(), len(children)]
        parents = table.parents[children[first]]
        depths = table.depths[parents].tolist()
        folder, ends = "", [0]
        parts: list[str] = []
        prefixes: list[int] = []
        size = 0
        for number, directory in enumerate(parents.tolist()):
            if depth := depths[number]:
                folder = f"{folder[: ends[depth - 1]]}/{names[table.components[directory]]}"
                ends[depth:] = [len(folder)]
            child_names = map(names.__getitem__, components[bounds[number] : bounds[number + 1]])
            parts.append(f"{folder}/" + f"{separator}{folder}/".join(child_names))
            prefixes.append(len(folder) + 1)
            size += len(parts[-1])
            if size >= PIECE or number + 1 == len(parents):
                begin = number + 1 - len(parts)
                paths = children[bounds[begin] : bounds[number + 1]]
                sizes = np.repeat(prefixes, np.diff(bounds[begin : number + 2]))
                sizes += lengths[table.components[paths]] + 1
                yield _Piece(separator.join(parts), np.cumsum(sizes) - sizes, paths)
                parts, prefixes, size = [], [], 0
