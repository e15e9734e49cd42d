"""What differs between the final filesystems of two images, path by path."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.analysis.compare.differing import Differences
from layerscope.analysis.compare.side import Side
from layerscope.analysis.compare.tables import common_table, final_files
from layerscope.filesystem.inodes import SUBSTANCE, Inodes, Why
from layerscope.filesystem.lookup import PathLookup
from layerscope.filesystem.paths import PathTable
from layerscope.filesystem.selector import Selector
from layerscope.layers.index import Kind
from layerscope.limits import DEFAULT_LIMITS, Limits
from layerscope.progress import Progress, check
from layerscope.words import Change


class FileChanges(Struct, frozen=True):
    """One row per path that differs, in path order."""

    table: PathTable
    """The paths of both images."""
    paths: NDArray[np.int32]
    old: NDArray[np.int32]
    """Inode of the old image, -1 for none."""
    new: NDArray[np.int32]
    """Inode of the new image, -1 for none."""
    kinds: NDArray[np.uint8]
    """`Change` values: added, modified, metadata or removed."""
    why: NDArray[np.uint8]
    """`Why` bits of modified and metadata changes."""
    old_bytes: NDArray[np.int64]
    """Content bytes of the old inode; 0 for anything but a file."""
    new_bytes: NDArray[np.int64]
    before: NDArray[np.int64]
    """Content bytes of the old image at each path of the table; a content counts at its first name."""
    growth: NDArray[np.int64]
    """Growth in content bytes at each path of the table. A content with several names counts at the first one, so an unchanged
    path may grow if an earlier name is removed."""
    selected: int
    """Paths of either image that were compared."""

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def total_growth(self) -> int:
        """Live bytes of the new image minus those of the old one."""
        return int(self.growth.sum())

    def counts(self) -> dict[Change, int]:
        """How many paths differ, by kind."""
        counted = np.bincount(self.kinds, minlength=len(Change)).tolist()
        return {change: counted[change] for change in Change if change is not Change.UNCHANGED}

    def largest(self, most: int | None = None) -> NDArray[np.int64]:
        """Rows by how much they grow or shrink the image, then by changed bytes, then in path order."""
        weights = np.maximum(self.old_bytes, self.new_bytes)
        order = np.lexsort((self.paths, -weights, -np.abs(self.growth[self.paths])))
        return order[:most]


def compare_files(
    old: Side,
    new: Side,
    progress: Progress,
    *,
    mtime: bool = False,
    only: Sequence[str] = (),
    limits: Limits = DEFAULT_LIMITS,
) -> FileChanges:
    """All paths that differ; with `mtime`, also those that differ only in their times. `only` restricts this to paths and globs,
    and everything below them. Reads contents of files of equal size. Raises `CancelledError`.
    """
    progress.stage("Comparing paths")
    table, *places = common_table(old.filesystem.table, new.filesystem.table, limits)
    check(progress)
    sides = [
        final_files(side.filesystem, where, len(table))
        for side, where in zip((old, new), places, strict=True)
    ]
    selected = (sides[0].inodes >= 0) | (sides[1].inodes >= 0)
    if only:
        selected &= select(table, only)
    paths = np.flatnonzero(selected).astype(np.int32)
    before, after = (side.inodes[paths] for side in sides)
    kinds, why = classify(Differences(old, new), before, after, progress, mtime)
    growth = sides[1].counted - sides[0].counted
    growth[~selected] = 0
    changed = np.flatnonzero(kinds != Change.UNCHANGED)
    return FileChanges(
        table,
        paths[changed],
        before[changed],
        after[changed],
        kinds[changed],
        why[changed],
        content_sizes(old.filesystem.inodes, before[changed]),
        content_sizes(new.filesystem.inodes, after[changed]),
        sides[0].counted,
        growth,
        len(paths),
    )


def classify(
    differences: Differences,
    before: NDArray[np.int32],
    after: NDArray[np.int32],
    progress: Progress,
    mtime: bool,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The `Change` of each path, and `Why` bits, from the inodes that it has before and after, -1 for none."""
    kinds = np.full(len(before), Change.UNCHANGED, np.uint8)
    kinds[before < 0] = Change.ADDED
    kinds[after < 0] = Change.REMOVED
    both = np.flatnonzero((before >= 0) & (after >= 0))
    differences.read_contents(before[both], after[both], progress)
    why = np.zeros(len(before), np.uint8)
    why[both] = differences.compare(before[both], after[both], progress)
    if not mtime:
        why &= np.uint8(~Why.MTIME & 0xFF)
    kinds[(why & int(SUBSTANCE)) > 0] = Change.MODIFIED
    kinds[((why & int(SUBSTANCE)) == 0) & (why > 0)] = Change.METADATA
    return kinds, why


def select(table: PathTable, wanted: Sequence[str]) -> NDArray[np.bool_]:
    """Mask of the paths that these arguments name or match as globs, and everything below them; shape (paths,).

    An argument that names an existing path is not a glob.
    """
    lookup, selector = PathLookup(table), Selector(table)
    tops = []
    for text in wanted:
        path = lookup.find(text.encode(errors="surrogateescape"))
        tops.append(selector.matches(text) if path is None else np.array([path], np.int64))
    return selector.below(np.concatenate(tops))


def content_sizes(inodes: Inodes, rows: NDArray[np.int32]) -> NDArray[np.int64]:
    """Content bytes; 0 for anything but a file, and for a missing path."""
    files = (rows >= 0) & (inodes.columns.kinds[rows] == Kind.FILE)
    sizes: NDArray[np.int64] = np.where(files, inodes.columns.stored[rows], 0)
    return sizes
