"""Finds paths by name or glob in the tree after a layer, and suggests similar ones."""

from __future__ import annotations

import difflib
import os
import posixpath
from collections.abc import Iterator

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.browse.matching import PathTexts
from layerscope.filesystem.components import is_glob
from layerscope.filesystem.model import Filesystem
from layerscope.filesystem.siblings import Siblings
from layerscope.layers.index import Kind

_NEAR = 3
"""Maximum number of suggestions."""
_SIBLINGS = 5000
"""Maximum names of a directory that are compared with a wrong one."""


class Missing(Struct, frozen=True):
    """A path that was not found."""

    word: str
    """The path as given."""
    link: tuple[bytes, bytes] | None
    """Its first parent that is a symlink, and the target; None if there is none."""
    near: tuple[bytes, ...]
    """Suggested paths; none if another layer has the path itself."""
    deleted: int | None = None
    """The layer that deleted it, or the last of the paths that match the glob: the tree after the previous layer has it. None if no layer did."""
    added: int | None = None
    """The first later layer after which the tree has it; None if there is none."""

    @property
    def is_in_another_layer(self) -> bool:
        """Whether the tree after another layer has it."""
        return self.deleted is not None or self.added is not None


class Lookup:
    """Finds paths of the tree after one layer. Symlinks are never followed; `/`, `.` and an empty word are the root."""

    def __init__(self, filesystem: Filesystem, layer: int) -> None:
        self.filesystem = filesystem
        self.layer = layer
        self.rows = np.full(len(filesystem.table), -1, np.int32)
        """Row of the visible version of each path, -1 for none."""
        visible = np.flatnonzero(filesystem.visible(layer))
        self.rows[filesystem.paths[visible]] = visible
        self._texts: PathTexts | None = None

    def find(self, word: str) -> list[int] | Missing:
        """The path with this name, or all paths that match it as a glob from the root."""
        normal_path = _normal(word)
        path = self.filesystem.table.find(normal_path)
        if path is not None and (path == 0 or self.rows[path] >= 0):
            return [path]
        if is_glob(word):
            if self._texts is None:
                table = self.filesystem.table
                self._texts = PathTexts(table, Siblings(table))
            in_any_layer = self._texts.glob("/" + os.fsdecode(normal_path))
            matches: list[int] = np.flatnonzero(in_any_layer & (self.rows >= 0)).tolist()
            return matches or self._missing(word, np.flatnonzero(in_any_layer))
        if (
            path is not None
            and (missing := self._missing(word, np.array([path]))).is_in_another_layer
        ):
            return missing
        link = self._link_above(normal_path)
        return Missing(word, link, tuple(self._near(normal_path, link)))

    def children(self, path: int) -> Iterator[int]:
        """Visible children of a directory."""
        table = self.filesystem.table
        child, end = path + 1, int(table.ends[path])
        while child < end:
            if self.rows[child] >= 0:
                yield child
            child = int(table.ends[child])

    def below(self, path: int) -> list[int]:
        """Visible paths in a directory, at any depth."""
        start, end = path + 1, int(self.filesystem.table.ends[path])
        paths: list[int] = (np.flatnonzero(self.rows[start:end] >= 0) + start).tolist()
        return paths

    def kind(self, path: int) -> Kind:
        """The type of a visible path or the root."""
        row = int(self.rows[path])
        return Kind(int(self.filesystem.kinds[row])) if row >= 0 else Kind.DIRECTORY

    def _missing(self, word: str, paths: NDArray[np.int64]) -> Missing:
        """The result for paths that other layers have."""
        filesystem = self.filesystem
        versions = np.isin(filesystem.paths, paths) & (filesystem.born < filesystem.died)
        died, born = filesystem.died[versions], filesystem.born[versions]
        before, after = died[died <= self.layer], born[born > self.layer]
        return Missing(
            word,
            None,
            (),
            deleted=int(before.max()) if len(before) else None,
            added=int(after.min()) if len(after) else None,
        )

    def _link_above(self, normal_path: bytes) -> tuple[bytes, bytes] | None:
        """The first parent of a path that is a symlink, and its target; None if there is none."""
        components = normal_path.split(b"/")
        for count in range(1, len(components)):
            above = b"/".join(components[:count])
            path = self.filesystem.table.find(above)
            if path is None or self.rows[path] < 0:
                return None
            if self.kind(path) is Kind.SYMLINK:
                inodes = self.filesystem.inodes
                inode = int(self.filesystem.inode_of[self.rows[path]])
                return above, inodes.links[int(inodes.columns.links[inode])]
        return None

    def _near(self, normal_path: bytes, link: tuple[bytes, bytes] | None) -> Iterator[bytes]:
        """Suggested paths: through the symlink, with a similar name, or with the same name elsewhere."""
        table = self.filesystem.table
        if link is not None:
            above, target = link
            rest = normal_path[len(above) + 1 :]
            resolved = posixpath.join(b"/" + posixpath.dirname(above), target, rest)
            resolved = _normal(os.fsdecode(resolved))
            path = table.find(resolved)
            if path is not None and self.rows[path] >= 0:
                yield resolved
            return
        parent_name, _, name = normal_path.rpartition(b"/")
        parent = table.find(parent_name)
        suggested = 0
        if parent is not None and (not parent or self.rows[parent] >= 0):
            siblings = [
                os.fsdecode(table.name(path))
                for path, _ in zip(self.children(parent), range(_SIBLINGS), strict=False)
            ]
            for close in difflib.get_close_matches(os.fsdecode(name), siblings, _NEAR):
                suggested += 1
                yield posixpath.join(parent_name, os.fsencode(close))
        visible = np.flatnonzero(self.rows >= 0)
        component = next(
            (number for number, known in enumerate(table.names) if known == name), None
        )
        if component is not None:
            for path in visible[table.components[visible] == component][
                : _NEAR - suggested
            ].tolist():
                yield table.full(path)


def _normal(word: str) -> bytes:
    """A path without `.`, `..` and outer slashes; `..` cannot leave the root."""
    return posixpath.normpath("/" + word).lstrip("/").encode(errors="surrogateescape")
