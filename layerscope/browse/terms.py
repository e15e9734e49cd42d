"""The terms of a filter. Each computes a mask of the paths of a view that match."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from layerscope.layers.index import Kind

if TYPE_CHECKING:
    from layerscope.browse.matching import Finder, PathTexts
    from layerscope.browse.modes import Selection
    from layerscope.filesystem.model import Filesystem

Mask = NDArray[np.bool_]

COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class FilteredView(Protocol):
    """What a filter is applied to: the paths of a filesystem, with the versions that a mode shows."""

    filesystem: Filesystem
    finder: Finder | None
    """Searches for regular expressions; None to search in the calling thread."""

    @property
    def selection(self) -> Selection:
        """The versions that the mode shows."""

    @property
    def texts(self) -> PathTexts:
        """The texts of all paths."""


class Term(Protocol):
    """One condition of a filter."""

    def matches(self, view: FilteredView) -> Mask:
        """Mask of the paths that match, shape (paths,); undefined for paths that the view does not show."""


@dataclass(frozen=True, slots=True)
class TextTerm:
    """The path with its leading slash contains a text, ignoring case."""

    text: str

    def matches(self, view: FilteredView) -> Mask:
        return view.texts.containing(self.text)


@dataclass(frozen=True, slots=True)
class GlobTerm:
    """The name, or with a slash the full path, matches a glob as in `.gitignore`."""

    pattern: str
    directories: bool
    """Whether only directories match."""

    def matches(self, view: FilteredView) -> Mask:
        hits = view.texts.glob(self.pattern)
        return hits & (view.selection.kinds == Kind.DIRECTORY) if self.directories else hits


@dataclass(frozen=True, slots=True)
class RegexTerm:
    """A regular expression matches in the path with its leading slash."""

    pattern: re.Pattern[str]

    def matches(self, view: FilteredView) -> Mask:
        return view.texts.regex(self.pattern, view.finder)


@dataclass(frozen=True, slots=True)
class SizeTerm:
    """A regular file whose content bytes satisfy a comparison."""

    compare: Callable[[Any, Any], Any]
    bytes: float

    def matches(self, view: FilteredView) -> Mask:
        shown = view.selection
        hits: Mask = (shown.kinds == Kind.FILE) & self.compare(shown.bytes, self.bytes)
        return hits


@dataclass(frozen=True, slots=True)
class ChangeTerm:
    """The layer or range changes the path in one of these ways."""

    changes: tuple[int, ...]

    def matches(self, view: FilteredView) -> Mask:
        return np.isin(view.selection.changes, self.changes)


@dataclass(frozen=True, slots=True)
class KindTerm:
    """The path is of one of these kinds; `HARDLINK` means a file with several names."""

    kinds: tuple[int, ...]

    def matches(self, view: FilteredView) -> Mask:
        shown = view.selection
        hits: Mask = np.isin(shown.kinds, self.kinds)
        if Kind.HARDLINK in self.kinds:
            named = shown.inodes[shown.versions >= 0]
            names = np.bincount(named, minlength=view.filesystem.inodes.implicit + 1)
            hits |= (shown.kinds == Kind.FILE) & (names[shown.inodes] > 1)
        return hits


@dataclass(frozen=True, slots=True)
class ModeTerm:
    """A permission bit is set."""

    bit: int

    def matches(self, view: FilteredView) -> Mask:
        shown = view.selection
        return view.filesystem.inodes.columns.modes[shown.inodes] & self.bit > 0


@dataclass(frozen=True, slots=True)
class OwnerTerm:
    """The path belongs to a user, a group or both. Directories with unknown attributes never match."""

    uid: int | None
    gid: int | None

    def matches(self, view: FilteredView) -> Mask:
        inodes, shown = view.filesystem.inodes, view.selection.inodes
        hits: Mask = shown != inodes.implicit
        if self.uid is not None:
            hits &= inodes.columns.uids[shown] == self.uid
        if self.gid is not None:
            hits &= inodes.columns.gids[shown] == self.gid
        return hits


@dataclass(frozen=True, slots=True)
class LayerTerm:
    """The layer that stored the version shown satisfies a comparison."""

    compare: Callable[[Any, Any], Any]
    layer: int

    def matches(self, view: FilteredView) -> Mask:
        hits: Mask = self.compare(view.selection.layers, self.layer)
        return hits
