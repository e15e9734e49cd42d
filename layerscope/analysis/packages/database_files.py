"""The files of package databases in the final image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.marks import Content
from layerscope.text import count_of


class DatabaseFiles:
    """The database files of a package manager."""

    patterns: ClassVar[Sequence[str]]
    """Patterns of their paths."""
    largest: ClassVar[int] = 16 << 20
    """Maximum bytes of a file."""
    needed: ClassVar[bool] = False
    """Whether to report a file that cannot be read, because packages are then missing."""

    def __init__(self, evidence: Evidence) -> None:
        paths = np.unique(
            np.concatenate([evidence.selector.matches(pattern) for pattern in self.patterns])
        )
        paths = paths[evidence.live_files[paths]]
        inodes: NDArray[np.int32] = evidence.live_inodes[paths]
        fits = evidence.stored(inodes) <= self.largest
        self.evidence = evidence
        self.paths: list[int] = paths[fits].tolist()
        self._inodes: NDArray[np.int32] = inodes[fits]
        self.read: dict[int, bytes] = {}
        """Contents by inode."""
        self.problems: dict[int, str] = {}
        """Why a file could not be read completely, by path."""
        for path in paths[~fits].tolist() if self.needed else ():
            self.report_problem(path, f"larger than {self.largest:,} bytes")

    def wanted(self) -> NDArray[np.int32]:
        """The inodes of the files."""
        return self._inodes

    def scan(self, inodes: Sequence[int], contents: Sequence[Content]) -> None:
        """Keep the contents."""
        self.read.update(zip(inodes, map(bytes, contents), strict=True))

    def files(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Path, name and content of each readable file, in path order."""
        for path, inode in zip(self.paths, self._inodes.tolist(), strict=True):
            if inode in self.read:
                yield path, self.evidence.filesystem.table.name(path), self.read[inode]
            elif self.needed and self.evidence.stored(np.array([inode])).any():
                self.report_problem(path, "damaged content")

    def report_damage(self, path: int, broken: int, total: int) -> None:
        """Report how many packages of a file could not be read, if any."""
        if broken:
            self.report_problem(path, f"damage in {broken:,} of {count_of(total, 'package')}")

    def report_problem(self, path: int, why: str) -> None:
        """Report that a file was not read completely."""
        earlier = self.problems.get(path)
        self.problems[path] = why if earlier is None else f"{earlier}; {why}"


def join_paths(pairs: Iterable[tuple[bytes, bytes]], count: int, size: int) -> list[bytes]:
    """`folder/file` for pairs whose folders end in a slash or are empty.

    `count` is the number of files, `size` the bytes of their names with each folder once. Raises ValueError if the joined
    paths are far longer than that, as with a folder name of a megabyte for a million files.
    """
    room = 256 * count + 16 * size
    paths = []
    for folder, name in pairs:
        room -= len(folder) + len(name)
        if room < 0:
            raise ValueError("longer paths than a package has")
        paths.append(folder + name)
    return paths
