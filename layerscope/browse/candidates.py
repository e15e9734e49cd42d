"""What a filter is applied to: versions of paths, one in each row."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from layerscope.browse.marks import Marks
from layerscope.browse.matching import Finder, PathTexts
from layerscope.browse.modes import Selection
from layerscope.filesystem.model import Filesystem
from layerscope.filesystem.selector import Mask
from layerscope.layers.index import Kind
from layerscope.words import Change


class Candidates(Protocol):
    """Versions of paths. Arrays and masks have one item per row, unless they say otherwise."""

    filesystem: Filesystem
    texts: PathTexts
    marks: Marks
    finder: Finder | None
    """Searches for regular expressions; None to search in the calling thread."""

    def __len__(self) -> int:
        """Number of rows."""

    @property
    def inodes(self) -> NDArray[np.int32]:
        """Inode of each version; that of implicit directories for rows without a version."""

    @property
    def kinds(self) -> NDArray[np.uint8]:
        """`Kind` of each version."""

    @property
    def bytes(self) -> NDArray[np.int64]:
        """Content bytes, without paths below."""

    @property
    def layers(self) -> NDArray[np.int32]:
        """The layer that stores each version; for an implicit directory, the layer with the first entry below it."""

    @property
    def linked(self) -> Mask:
        """Files with several names."""

    def at(self, paths: Mask) -> Mask:
        """Versions at the paths in a mask of shape (paths,)."""

    def marked(self, versions: Mask) -> Mask:
        """Versions in a mask of shape (versions,)."""

    def changed(self, changes: Sequence[int]) -> Mask:
        """Versions that are the result of one of these changes, or that were removed."""


class ShownVersions:
    """The versions that a mode of the file tree shows, with a row for each path. Undefined for paths that it does not show."""

    def __init__(
        self, shown: Selection, texts: PathTexts, marks: Marks, finder: Finder | None
    ) -> None:
        self.filesystem = shown.filesystem
        self.texts = texts
        self.marks = marks
        self.finder = finder
        self._shown = shown

    def __len__(self) -> int:
        return len(self._shown.versions)

    @property
    def inodes(self) -> NDArray[np.int32]:
        return self._shown.inodes

    @property
    def kinds(self) -> NDArray[np.uint8]:
        return self._shown.kinds

    @property
    def bytes(self) -> NDArray[np.int64]:
        return self._shown.bytes

    @property
    def layers(self) -> NDArray[np.int32]:
        return self._shown.layers

    @property
    def linked(self) -> Mask:
        named = self.inodes[self._shown.versions >= 0]
        names = np.bincount(named, minlength=self.filesystem.inodes.implicit + 1)
        linked: Mask = (self.kinds == Kind.FILE) & (names[self.inodes] > 1)
        return linked

    def at(self, paths: Mask) -> Mask:
        return paths

    def marked(self, versions: Mask) -> Mask:
        shown = self._shown.versions
        return (shown >= 0) & versions[shown]

    def changed(self, changes: Sequence[int]) -> Mask:
        return np.isin(self._shown.changes, changes)


class AllVersions:
    """Every version that any layer stored."""

    def __init__(self, filesystem: Filesystem, texts: PathTexts) -> None:
        self.filesystem = filesystem
        self.texts = texts
        self.marks = Marks()
        self.finder: Finder | None = None

    def with_marks(self, marks: Marks, finder: Finder | None) -> AllVersions:
        """The same versions with other marks and another finder."""
        other = copy(self)
        other.marks, other.finder = marks, finder
        return other

    def __len__(self) -> int:
        return len(self.filesystem.paths)

    @property
    def inodes(self) -> NDArray[np.int32]:
        return self.filesystem.inode_of

    @property
    def kinds(self) -> NDArray[np.uint8]:
        return self.filesystem.kinds

    @property
    def bytes(self) -> NDArray[np.int64]:
        return self.filesystem.stored

    @cached_property
    def layers(self) -> NDArray[np.int32]:
        inodes = self.filesystem.inodes
        layers = inodes.layers(self.inodes)
        implicit = np.flatnonzero(self.inodes == inodes.implicit)
        layers[implicit] = self.filesystem.born[implicit]
        return layers

    @cached_property
    def linked(self) -> Mask:
        """Files that have several names, or had them in some layer."""
        counts = np.bincount(self.inodes, minlength=1)
        rows = np.flatnonzero((self.kinds == Kind.FILE) & (counts[self.inodes] > 1))
        named = self.inodes[rows].astype(np.int64) << 32 | self.filesystem.paths[rows]
        names = np.bincount(np.unique(named) >> 32, minlength=len(counts))
        linked = np.zeros(len(self), bool)
        linked[rows] = names[self.inodes[rows]] > 1
        return linked

    def at(self, paths: Mask) -> Mask:
        return paths[self.filesystem.paths]

    def marked(self, versions: Mask) -> Mask:
        return versions

    def changed(self, changes: Sequence[int]) -> Mask:
        table = self.filesystem.changes
        wanted = np.isin(table.kinds, changes)
        removed = table.kinds == Change.REMOVED
        hits = np.zeros(len(self), bool)
        hits[table.after[wanted & ~removed]] = True
        hits[table.before[wanted & removed]] = True
        return hits
