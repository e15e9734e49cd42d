"""Patterns of paths, tried on one path at a time; `Selector` looks them up in all paths of an image at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Generic, TypeVar

from msgspec import Struct

_Value = TypeVar("_Value")


class PathPatterns:
    """Patterns as `Selector` takes them, with `*` within a component and a leading `**` as the only wildcards."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = tuple(patterns)

    @cached_property
    def _whole(self) -> re.Pattern[bytes]:
        """An expression for the whole path; compiled when it is needed."""
        return re.compile(b"|".join(map(_expression, self._patterns)), re.DOTALL)

    @cached_property
    def _below(self) -> re.Pattern[bytes]:
        """An expression for a path or a directory above it."""
        return re.compile(b"(?:%b)(?:/.*)?" % self._whole.pattern, re.DOTALL)

    @cached_property
    def may_match(self) -> Callable[[bytes], bool]:
        """Whether a path may match, however it is spelled: false for almost all that do not, and fast.

        Raises ValueError if the last component of a pattern neither begins nor ends with text.
        """
        marks = self._marks
        hold, folders = marks.hold, marks.folders

        def may_match(name: bytes) -> bool:
            folder, _, last = name.rpartition(b"/")
            return (
                hold(last)
                or folder.rpartition(b"/")[2] in folders
                or b"//" in name
                or (b"/." in name and (b"/./" in name or b"/../" in name))
            )

        return may_match

    @cached_property
    def _hold(self) -> Callable[[bytes], bool]:
        return self._marks.hold

    @cached_property
    def _marks(self) -> _Marks:
        return _Marks.of(self._patterns)

    def match(self, path: bytes) -> bool:
        """Whether a path, without a slash at its ends, matches."""
        return self._whole.fullmatch(path) is not None

    def cover(self, path: bytes) -> bool:
        """Whether a path or a directory that it lies in matches."""
        parts = path.split(b"/")
        may = any(map(self._hold, parts)) or not self._marks.folders.isdisjoint(parts)
        return may and self._below.fullmatch(path) is not None


class PatternTable(Generic[_Value]):
    """Rows of patterns, each with a value; finds the first row that matches a path."""

    def __init__(self, rows: Iterable[tuple[Iterable[str], _Value]]) -> None:
        self._named: dict[bytes, list[tuple[int, PathPatterns, _Value]]] = {}
        """Patterns by their last components, if these have no wildcard."""
        self._others: list[tuple[int, PathPatterns, _Value]] = []
        for number, (patterns, value) in enumerate(rows):
            for pattern in patterns:
                row = (number, PathPatterns([pattern]), value)
                last = pattern.rpartition("/")[2]
                if "*" in last:
                    self._others.append(row)
                else:
                    self._named.setdefault(last.encode(), []).append(row)

    def first(self, path: bytes) -> _Value | None:
        """The value of the first row with a pattern that matches; None for none."""
        rows = [*self._named.get(path.rpartition(b"/")[2], ()), *self._others]
        matching = [row for row in rows if row[1].may_match(path) and row[1].match(path)]
        return min(matching, key=lambda row: row[0])[2] if matching else None


class _Marks(Struct, frozen=True):
    """A quick test for paths that may match: the last component contains one of these texts, or the path has a directory with one
    of these names.
    """

    names: frozenset[bytes]
    endings: frozenset[bytes]
    """Texts after the last dot."""
    starts: tuple[bytes, ...]
    ends: tuple[bytes, ...]
    edges: frozenset[bytes]
    """The first two bytes of `starts` and the last two of `ends`; only one if the text is that short."""
    folders: frozenset[bytes]
    """Names of directories in which everything may match."""

    @classmethod
    def of(cls, patterns: Iterable[str]) -> _Marks:
        names, endings, folders = set(), set(), set()
        starts, ends = [], []
        for pattern in patterns:
            folder, _, last = pattern.removeprefix("**/").strip("/").rpartition("/")
            before, _, after = last.partition("*")
            after = after.rpartition("*")[2]
            directory = folder.rpartition("/")[2]
            if "*" not in last:
                names.add(last.encode())
            elif directory and "*" not in directory:
                folders.add(directory.encode())
            elif before:
                starts.append(before.encode())
            elif re.fullmatch(r"\.[^.]+", after) and last.count("*") == 1:
                endings.add(after[1:].encode())
            elif after:
                ends.append(after.encode())
            else:
                raise ValueError(f"{pattern}: a wildcard at both ends")
        edges = {start[:2] for start in starts} | {end[-2:] for end in ends}
        return cls(
            frozenset(names),
            frozenset(endings),
            tuple(starts),
            tuple(ends),
            frozenset(edges),
            frozenset(folders),
        )

    @property
    def hold(self) -> Callable[[bytes], bool]:
        """A function that tells whether a component may be the last one of a matching path. A closure, for speed."""
        names, endings, edges = self.names, self.endings, self.edges
        starts, ends = self.starts, self.ends

        def hold(last: bytes) -> bool:
            if last in names or last.rpartition(b".")[2] in endings:
                return True
            if (last[:2] in edges or last[:1] in edges) and last.startswith(starts):
                return True
            return (last[-2:] in edges or last[-1:] in edges) and last.endswith(ends)

        return hold


def _expression(pattern: str) -> bytes:
    """The regular expression of a pattern."""
    parts = pattern.strip("/").split("/") if "/" in pattern else ["**", pattern]
    anywhere = parts[0] == "**"
    texts = [re.escape(part).replace(r"\*", "[^/]*") for part in parts[anywhere:]]
    return (("(?:.*/)?" if anywhere else "") + "/".join(texts)).encode()
