"""Plans of extractions: paths as visible after a layer, and their names at the destination."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from layerscope.filesystem.model import Filesystem
from layerscope.layers.index import Kind


class Plan(Struct, frozen=True):
    """Paths to write, in path order: each follows its directory."""

    filesystem: Filesystem
    base: int
    """The path that corresponds to the target directory; it is not written itself."""
    paths: NDArray[np.int32]
    rows: NDArray[np.int32]
    """Version of each path; -1 for directories needed only as parents."""
    names: dict[int, bytes] = field(default_factory=dict)
    """Names at the destination, for paths that are renamed."""

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, path: int) -> bytes:
        """The name of a path at the destination."""
        return self.names.get(path) or self.filesystem.table.name(path)

    def end(self, position: int) -> int:
        """The position after the subtree of the path at `position`."""
        end = self.filesystem.table.ends[self.paths[position]]
        return int(np.searchsorted(self.paths, end))

    @property
    def kinds(self) -> NDArray[np.uint8]:
        """`Kind` of each path."""
        if not len(self.filesystem.kinds):
            return np.full(len(self.paths), Kind.DIRECTORY, np.uint8)
        kinds = self.filesystem.kinds[self.rows]
        return np.where(self.rows < 0, np.uint8(Kind.DIRECTORY), kinds)

    @property
    def inodes(self) -> NDArray[np.int32]:
        """Inode of each path; the one of implicit directories for paths without a version."""
        implicit = np.int32(self.filesystem.inodes.implicit)
        if not len(self.filesystem.inode_of):
            return np.full(len(self.paths), implicit, np.int32)
        return np.where(self.rows < 0, implicit, self.filesystem.inode_of[self.rows])


def plan_one(filesystem: Filesystem, version: int, layer: int, name: bytes) -> Plan:
    """Plan to write a version of a path as `name`, with everything visible below it after `layer`.

    A version that is not visible then, such as one replaced by its own layer, is written alone.
    """
    path = int(filesystem.paths[version])
    base = int(filesystem.table.parents[path])
    if not filesystem.born[version] <= layer < filesystem.died[version]:
        paths, rows = np.array([path], np.int32), np.array([version], np.int32)
        return Plan(filesystem, base, paths, rows, {path: name})
    selected = np.zeros(len(filesystem.table), bool)
    selected[path : int(filesystem.table.ends[path])] = True
    paths, rows = _visible(filesystem, selected, layer)
    return Plan(filesystem, base, paths, rows, {path: name})


def plan_whole(filesystem: Filesystem, tops: Sequence[int], layer: int) -> Plan:
    """Plan to write paths, with everything visible below them after `layer`, at their full paths below the target."""
    table = filesystem.table
    selected = np.zeros(len(table), bool)
    ancestors: set[int] = set()
    for top in tops:
        selected[top : int(table.ends[top])] = True
        parent = int(table.parents[top])
        while parent and parent not in ancestors:
            ancestors.add(parent)
            parent = int(table.parents[parent])
    paths, rows = _visible(filesystem, selected, layer)
    leading = np.array(sorted(path for path in ancestors if not selected[path]), np.int32)
    order = np.argsort(np.concatenate([paths, leading]), kind="stable")
    return Plan(
        filesystem,
        0,
        np.concatenate([paths, leading])[order],
        np.concatenate([rows, np.full(len(leading), -1, np.int32)])[order],
    )


def _visible(
    filesystem: Filesystem, selected: NDArray[np.bool_], layer: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The paths in `selected` that are visible after a layer, and their versions; never the root."""
    rows = np.flatnonzero(filesystem.visible(layer) & selected[filesystem.paths])
    versions: NDArray[np.int32] = rows[filesystem.paths[rows] > 0].astype(np.int32)
    return filesystem.paths[versions], versions
