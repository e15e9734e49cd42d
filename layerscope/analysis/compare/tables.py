"""A common table of the paths of two images."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.filesystem.model import Filesystem
from layerscope.filesystem.paths import PathTable, merge
from layerscope.limits import DEFAULT_LIMITS, Limits


class FinalFiles(Struct, frozen=True):
    """The files of a final image, by path of a table that two images share."""

    inodes: NDArray[np.int32]
    """The inode at each path, -1 for none; shape (paths,)."""
    counted: NDArray[np.int64]
    """Content bytes at each path; a content counts once, at its first name. Shape (paths,)."""


def common_table(
    old: PathTable, new: PathTable, limits: Limits = DEFAULT_LIMITS
) -> tuple[PathTable, NDArray[np.int32], NDArray[np.int32]]:
    """A table of the paths of both, and for each filesystem the new number of each of its paths."""
    if old.same_as(new):  # as in images with the same layers
        same = np.arange(len(old), dtype=np.int32)
        return old, same, same
    table, (old_paths, new_paths) = merge([old.tree, new.tree], limits)
    return table, old_paths, new_paths


def final_files(filesystem: Filesystem, places: NDArray[np.int32], size: int) -> FinalFiles:
    """The final image of a filesystem, in a common table of `size` paths; `places` maps its own paths to it."""
    rows = np.flatnonzero(filesystem.visible(filesystem.layer_count - 1))
    paths = places[filesystem.paths[rows]]
    inodes = np.full(size, -1, np.int32)
    inodes[paths] = filesystem.inode_of[rows]
    counted = np.zeros(size, np.int64)
    counted[paths] = filesystem.counted(rows)
    return FinalFiles(inodes, counted)
