"""How the bytes of the final image divide into packages and files of no package."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.analysis.grouping import nearest_noteworthy
from layerscope.analysis.packages.model import Package
from layerscope.filesystem.model import Filesystem
from layerscope.layers.index import Kind


class UnownedDirectory(Struct, frozen=True):
    """Files of no package at and below a directory, without those in directories that are listed themselves."""

    path: int
    """The directory as a path of the filesystem's table; 0 is the root."""
    bytes: int
    files: NDArray[np.int32]
    """The files, in path order."""
    sizes: NDArray[np.int64]
    """Content bytes of each file that are counted here."""

    @property
    def paths(self) -> NDArray[np.int32]:
        """The files, largest first."""
        return self.files[np.argsort(-self.sizes, kind="stable")]


class PackageUsage(Struct, frozen=True):
    """The live bytes of an image, divided into packages and files of no package."""

    packages: Sequence[Package]
    """Largest first."""
    owned: int
    """Content bytes of all packages."""
    unowned: int
    """Content bytes of files of no package. A content that a package has under another name is the package's."""
    unowned_files: int
    directories: Sequence[UnownedDirectory]
    """The files of no package by the deepest directory that holds a noteworthy part of their bytes; largest first."""

    @property
    def live(self) -> int:
        """Content bytes of the final image."""
        return self.owned + self.unowned


def package_usage(filesystem: Filesystem, packages: Sequence[Package]) -> PackageUsage:
    """Divide the final image into packages and the rest."""
    rows = np.flatnonzero(filesystem.visible(filesystem.layer_count - 1))
    rows = rows[filesystem.kinds[rows] == Kind.FILE]
    paths, inodes = filesystem.paths[rows], filesystem.inode_of[rows]
    owned = np.zeros(len(filesystem.table), bool)
    for package in packages:
        owned[package.paths] = True
    is_owned = owned[paths]
    counted = np.zeros(len(filesystem.inodes.columns.stored), bool)
    counted[inodes[is_owned]] = True
    paths, inodes = paths[~is_owned], inodes[~is_owned]
    sizes = np.where(counted[inodes], 0, filesystem.inodes.columns.stored[inodes]).astype(np.int64)
    numbers = np.arange(len(inodes), dtype=np.int32)
    first = np.zeros(len(counted), np.int32)
    # The first of several names of a content is written last, and stays.
    first[inodes[::-1]] = numbers[::-1]
    sizes[first[inodes] != numbers] = 0
    return PackageUsage(
        packages,
        sum(package.bytes for package in packages),
        int(sizes.sum()),
        len(paths),
        _directories(filesystem, paths, sizes),
    )


def _directories(
    filesystem: Filesystem, paths: NDArray[np.int32], sizes: NDArray[np.int64]
) -> list[UnownedDirectory]:
    """These files by directory."""
    table = filesystem.table
    if not len(paths):
        return []
    weights = sizes if sizes.any() else np.ones(len(paths), np.int64)
    homes = nearest_noteworthy(paths, weights, table)[table.parents[paths]]
    order = np.argsort(homes, kind="stable")
    homes, paths, sizes = homes[order], paths[order], sizes[order]
    starts = np.flatnonzero(np.diff(homes, prepend=-1))
    totals = np.add.reduceat(sizes, starts)
    files, each = np.split(paths, starts[1:]), np.split(sizes, starts[1:])
    return [
        UnownedDirectory(int(homes[starts[group]]), int(totals[group]), files[group], each[group])
        for group in np.lexsort((homes[starts], -totals)).tolist()
    ]
