"""The terms of a filter. Each computes a mask of the versions that match."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from msgspec import Struct

from layerscope.filesystem.selector import Mask
from layerscope.layers.index import Kind

if TYPE_CHECKING:
    from layerscope.browse.candidates import Candidates

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Term(Protocol):
    """One condition of a filter."""

    def matches(self, candidates: Candidates) -> Mask:
        """Mask of the versions that match, one item per row; undefined for rows without a version."""


class TextTerm(Struct, frozen=True):
    """The path with its leading slash contains a text, ignoring case."""

    text: str
    quoted: bool = False

    def matches(self, candidates: Candidates) -> Mask:
        return candidates.at(candidates.texts.containing(self.text))


class GlobTerm(Struct, frozen=True):
    """The name, or with a slash the full path, matches a glob as in `.gitignore`."""

    pattern: str
    directories: bool
    """Whether only directories match."""

    def matches(self, candidates: Candidates) -> Mask:
        hits = candidates.at(candidates.texts.glob(self.pattern))
        return hits & (candidates.kinds == Kind.DIRECTORY) if self.directories else hits


class RegexTerm(Struct, frozen=True):
    """A regular expression matches in the path with its leading slash."""

    pattern: re.Pattern[str]

    def matches(self, candidates: Candidates) -> Mask:
        return candidates.at(candidates.texts.regex(self.pattern, candidates.finder))


class SizeTerm(Struct, frozen=True):
    """A regular file whose content bytes satisfy a comparison."""

    compare: Callable[[Any, Any], Any]
    bytes: float

    def matches(self, candidates: Candidates) -> Mask:
        hits: Mask = (candidates.kinds == Kind.FILE) & self.compare(candidates.bytes, self.bytes)
        return hits


class ChangeTerm(Struct, frozen=True):
    """A layer or the range changes the path in one of these ways."""

    changes: tuple[int, ...]

    def matches(self, candidates: Candidates) -> Mask:
        return candidates.changed(self.changes)


class KindTerm(Struct, frozen=True):
    """The path is of one of these kinds; `HARDLINK` means a file with several names."""

    kinds: tuple[int, ...]

    def matches(self, candidates: Candidates) -> Mask:
        hits: Mask = np.isin(candidates.kinds, self.kinds)
        return hits | candidates.linked if Kind.HARDLINK in self.kinds else hits


class ModeTerm(Struct, frozen=True):
    """A permission bit is set."""

    bit: int

    def matches(self, candidates: Candidates) -> Mask:
        return candidates.filesystem.inodes.columns.modes[candidates.inodes] & self.bit > 0


class OwnerTerm(Struct, frozen=True):
    """The path belongs to a user, a group or both. Directories with unknown attributes never match."""

    uid: int | None
    gid: int | None

    def matches(self, candidates: Candidates) -> Mask:
        inodes, candidate_inodes = candidates.filesystem.inodes, candidates.inodes
        hits: Mask = candidate_inodes != inodes.implicit
        if self.uid is not None:
            hits &= inodes.columns.uids[candidate_inodes] == self.uid
        if self.gid is not None:
            hits &= inodes.columns.gids[candidate_inodes] == self.gid
        return hits


class LayerTerm(Struct, frozen=True):
    """The layer that stored the version satisfies a comparison."""

    compare: Callable[[Any, Any], Any]
    layer: int

    def matches(self, candidates: Candidates) -> Mask:
        hits: Mask = self.compare(candidates.layers, self.layer)
        return hits


class MarkTerm(Struct, frozen=True):
    """The analysis marks the version: it is `wasted`, a `duplicate` or a `secret`."""

    mark: str

    def matches(self, candidates: Candidates) -> Mask:
        return candidates.marked(getattr(candidates.marks, self.mark))


class PackageTerm(Struct, frozen=True):
    """A file at this path belongs to an installed package."""

    name: str
    """Name or glob."""
    mark: ClassVar[str] = "package"

    def matches(self, candidates: Candidates) -> Mask:
        paths = np.zeros(len(candidates.filesystem.table), bool)
        if candidates.marks.package is not None:
            paths[candidates.marks.package.of(self.name)] = True
        return candidates.at(paths)
