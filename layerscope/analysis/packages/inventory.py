"""All packages of an image: those in databases, and those in programs and archives.

Programs and archives are large and list their contents at the end, so they are read only for an inventory, not for reports.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.packages import java
from layerscope.analysis.packages.count import Counter, largest_first
from layerscope.analysis.packages.database_files import DatabaseFiles
from layerscope.analysis.packages.executables import Executable, is_executable
from layerscope.analysis.packages.go import go_packages
from layerscope.analysis.packages.manager_files import RELEASE
from layerscope.analysis.packages.managers import MANAGERS, sbom_listings, unreadable_warnings
from layerscope.analysis.packages.model import (
    Contained,
    Installed,
    Inventory,
    Listed,
    Listing,
    UnreadableContentError,
)
from layerscope.analysis.packages.rust import rust_packages
from layerscope.analysis.scan_files import scan_files
from layerscope.analysis.seekable import (
    MAX_READ,
    ContentFile,
    OversizedReadError,
    read_seekable,
)
from layerscope.progress import Progress

_MIN_PROGRAM_BYTES = 4096
"""Minimum bytes of a program: those of Go and Rust have hundreds of thousands, and most scripts fewer."""


def take_inventory(
    evidence: Evidence, installed: Installed, known: Mapping[int, bytes]
) -> Inventory:
    """All packages: those that are `installed`, those in programs and archives, and those that only SBOMs beside the image list.

    `known` has contents of small files by inode. Raises `CancelledError`, and `LayerscopeError` beyond the limit on packages or
    if a temporary file cannot be written.
    """
    release = _Release(evidence)
    files = _ContainingFiles(evidence)
    scan_files(evidence.filesystem, evidence.contents, [release], evidence.progress, known)
    files.read()
    kinds = {manager.kind for manager in MANAGERS}
    packages = [package for package in installed.packages if package.kind in kinds]
    counter = Counter(evidence)
    counter.claim(packages)
    packages += counter.count(files.listings())
    names = {(package.kind, package.name, package.version) for package in packages}
    packages += (
        package
        for package in counter.count(sbom_listings(evidence))
        if (package.kind, package.name, package.version) not in names
    )
    warnings = unreadable_warnings(evidence, [files.problems])
    return Inventory(tuple(largest_first(packages)), tuple(warnings), release.text())


class _Release(DatabaseFiles):
    """The os-release file, which names the distribution."""

    patterns = RELEASE
    largest = 1 << 16

    def text(self) -> str:
        """Its content, from /etc if it exists there; empty if there is none."""
        return next((text for _, _, text in self.files()), b"").decode(errors="replace")


@dataclass(frozen=True, slots=True)
class _Listing(Listing):
    """The packages of one kind that files contain."""

    kind: str
    listed: Sequence[Listed]

    def packages(self) -> Iterator[Listed]:
        yield from self.listed


class _ContainingFiles:
    """The programs and Java archives of the final image, and the packages in them."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._packages: dict[int, list[Contained]] = {}
        """By inode."""
        self._count = 0
        self.problems: dict[int, str] = {}
        """Why files could not be read completely, by path."""
        archives = np.unique(
            np.concatenate([evidence.selector.matches(f"*{ending}") for ending in java.ENDINGS])
        )
        archives = archives[evidence.live_files[archives]]
        files = np.flatnonzero(evidence.live_files)
        inodes = evidence.live_inodes[files]
        programs = files[
            (evidence.filesystem.inodes.columns.modes[inodes] & 0o111 != 0)
            & (evidence.stored(inodes) >= _MIN_PROGRAM_BYTES)
        ]
        self._archives = self._by_inode(archives)
        self._paths = self._by_inode(np.union1d(programs, archives))

    def _by_inode(self, paths: NDArray[np.int64]) -> dict[int, list[int]]:
        """These paths by their inode, each in path order."""
        paths_of: dict[int, list[int]] = {}
        inodes = self._evidence.live_inodes[paths]
        for path, inode in zip(paths.tolist(), inodes.tolist(), strict=True):
            paths_of.setdefault(inode, []).append(path)
        return paths_of

    def read(self) -> None:
        """Read all of them. Raises as `take_inventory` does."""
        read_seekable(
            self._evidence.filesystem,
            self._evidence.contents,
            np.array(sorted(self._paths), np.int32),
            lambda inode, head: inode in self._archives or is_executable(head),
            self._read,
            self._evidence.progress,
        )

    def _read(self, inode: int, file: ContentFile, progress: Progress) -> None:
        packages: list[Contained] = []
        problem = None
        try:
            if inode in self._archives and java.is_archive(file):
                name = self._evidence.name(self._archives[inode][0])
                packages += java.java_packages(name, file, progress)
            else:
                program = Executable(file)
                packages += go_packages(program)
                packages += rust_packages(program)
        except UnreadableContentError as error:
            packages += error.packages
            problem = str(error)
        except OversizedReadError:
            problem = f"a part of it has more than {MAX_READ:,} bytes"
        except (ValueError, struct.error):
            pass  # another format with the same magic number
        limits = self._evidence.contents[0].limits
        self._count += len(packages)
        if self._count > limits.packages:
            raise limits.exceeded("packages", "programs and archives of the image")
        if packages:
            self._packages[inode] = list(dict.fromkeys(packages))
        if problem is not None:
            self.problems[self._paths[inode][0]] = problem

    def listings(self) -> list[_Listing]:
        """The packages by kind, in the order of the files that contain them."""
        by_kind: dict[str, list[Listed]] = {}
        table = self._evidence.filesystem.table
        for inode, paths in sorted(self._paths.items(), key=lambda item: item[1]):
            for one in self._packages.get(inode, ()):
                by_kind.setdefault(one.kind, []).append(
                    Listed(
                        one.name,
                        one.version,
                        [table.full(path) for path in paths] if one.owner else [],
                        holder=paths[0],
                        inside=one.inside,
                    )
                )
        return [_Listing(kind, listed) for kind, listed in sorted(by_kind.items())]
