"""Package sizes: the files of each package in the final image, each content counted once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.packages.model import Listed, Listing, Package
from layerscope.layers.index import Kind


def largest_first(packages: Iterable[Package]) -> list[Package]:
    """Packages sorted by bytes, then by name."""
    return sorted(
        packages, key=lambda package: (-package.bytes, package.kind, package.name, package.version)
    )


class Counter:
    """Assigns files to packages. A file that several packages list belongs to the first one."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._owned = np.zeros(len(evidence.filesystem.table), bool)
        """Paths that belong to a package."""
        self._counted = np.zeros(len(evidence.filesystem.inodes.columns.stored), bool)
        self._paths: dict[bytes, int] | None = None
        self._links: dict[bytes, bytes] | None = None

    def claim(self, packages: Iterable[Package]) -> None:
        """Mark the files of packages that were counted before as owned."""
        for package in packages:
            self._owned[package.paths] = True
            self._counted[self._evidence.live_inodes[package.paths]] = True

    def count(self, databases: Sequence[Listing]) -> tuple[Package, ...]:
        """All packages, largest first. A package whose database file belongs to another package is part of that one and left out."""
        packages = []
        for manager in databases:
            for listed in manager.packages():
                if listed.database is not None and self._owned[listed.database]:
                    continue
                packages.append(self._package(manager.kind, listed))
        return tuple(largest_first(packages))

    def _package(self, kind: str, listed: Listed) -> Package:
        evidence = self._evidence
        paths = self._files(listed)
        paths = paths[~self._owned[paths]]
        self._owned[paths] = True
        inodes = np.unique(evidence.live_inodes[paths])
        inodes = inodes[~self._counted[inodes]]
        self._counted[inodes] = True
        sizes = evidence.stored(inodes)
        layers = evidence.filesystem.inodes.layers(inodes)
        by_layer = np.bincount(layers, sizes.astype(np.float64))
        listed_in = listed.holder if listed.database is None else listed.database
        layer = int(by_layer.argmax()) if sizes.any() else self._layer_of(listed_in)
        by_size = np.lexsort((paths, -evidence.live_sizes[paths]))
        return Package(
            kind,
            listed.name,
            listed.version,
            int(sizes.sum()),
            len(paths),
            layer,
            paths[by_size].astype(np.int32),
            -1 if listed_in is None else listed_in,
            listed.inside,
            listed.qualifiers,
        )

    def _layer_of(self, path: int | None) -> int:
        """The layer that stores a file; the first one if it is unknown."""
        inode = -1 if path is None else int(self._evidence.live_inodes[path])
        return 0 if inode < 0 else self._evidence.filesystem.inodes.layer(inode)

    def _files(self, listed: Listed) -> NDArray[np.int64]:
        """The paths of its regular files in the final image."""
        evidence, table = self._evidence, self._evidence.filesystem.table
        if listed.tree is not None:
            is_own = np.zeros(int(table.ends[listed.tree]) - listed.tree, bool)
            is_own[:] = evidence.live_files[listed.tree : int(table.ends[listed.tree])]
            for apart in listed.apart:
                is_own[apart - listed.tree : int(table.ends[apart]) - listed.tree] = False
            database = [] if listed.database is None else [listed.database]
            return np.union1d(np.flatnonzero(is_own) + listed.tree, np.array(database, np.int64))
        known = self._known()
        paths = {known[path] for path in self._spelled(listed.files) if path in known}
        return np.array(sorted(paths), np.int64)

    def _known(self) -> dict[bytes, int]:
        """Every regular file of the final image by its path."""
        if self._paths is None:
            paths = np.flatnonzero(self._evidence.live_files).astype(np.int32)
            self._paths = dict(
                zip(self._evidence.filesystem.table.full_paths(paths), paths.tolist(), strict=True)
            )
        return self._paths

    def _spelled(self, files: Sequence[bytes]) -> Iterator[bytes]:
        """Paths with links of the root resolved: databases may list `/lib/x` although `/lib` links to `usr/lib`."""
        links = self._top_links()
        for path in files:
            top, slash, rest = path.partition(b"/")
            target = links.get(top) if slash else None
            yield path if target is None else target + b"/" + rest

    def _top_links(self) -> dict[bytes, bytes]:
        """The symlinks in the root directory and their targets."""
        if self._links is None:
            filesystem = self._evidence.filesystem
            inodes, rows = filesystem.inodes, self._evidence.live_rows
            tops = rows[
                (filesystem.table.depths[filesystem.paths[rows]] == 1)
                & (filesystem.kinds[rows] == Kind.SYMLINK)
            ]
            self._links = {
                filesystem.table.name(int(filesystem.paths[row])): inodes.links[
                    int(inodes.columns.links[filesystem.inode_of[row]])
                ].strip(b"/")
                for row in tops.tolist()
            }
        return self._links
