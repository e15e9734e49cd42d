"""Files of the final image that books are in: their inodes, and what was read of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.text import count_of


class Shelf:
    """The books that patterns name, no larger than `largest` bytes each.

    Without those that are `needed`, nobody knows what is installed: one that cannot be read is worth a warning.
    """

    def __init__(
        self, evidence: Evidence, *patterns: str, largest: int = 16 << 20, needed: bool = False
    ) -> None:
        found = np.unique(
            np.concatenate([evidence.selector.matches(pattern) for pattern in patterns])
        )
        found = found[evidence.live_files[found]]
        inodes: NDArray[np.int32] = evidence.live_inodes[found]
        fits = evidence.stored(inodes) <= largest
        self.evidence = evidence
        self.paths: list[int] = found[fits].tolist()
        self._inodes: NDArray[np.int32] = inodes[fits]
        self._read: dict[int, bytes] = {}
        self.complaints: dict[int, str] = {}
        """Why a book, by its path, is not read whole."""
        self._needed = needed
        for path in found[~fits].tolist() if needed else ():
            self.complain(path, f"it has more than {largest:,} bytes")

    def wanted(self) -> NDArray[np.int32]:
        """The inodes of the books."""
        return self._inodes

    def look(self, inode: int, data: bytes) -> None:
        """Keep what was read."""
        self._read[inode] = data

    def books(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Path, name and text of each book that could be read, in path order."""
        for path, inode in zip(self.paths, self._inodes.tolist(), strict=True):
            if inode in self._read:
                yield path, self.evidence.filesystem.table.name(path), self._read[inode]
            elif self._needed and self.evidence.stored(np.array([inode])).any():
                self.complain(path, "its content is damaged")

    def complain_of_damage(self, path: int, broken: int, total: int) -> None:
        """Say how many of a book's packages could not be read, if there are any."""
        if broken:
            self.complain(path, f"damage in {broken:,} of {count_of(total, 'package')}")

    def complain(self, path: int, why: str) -> None:
        """Say that a book is not read whole."""
        said = self.complaints.get(path)
        self.complaints[path] = why if said is None else f"{said}; {why}"


def joined(pairs: Iterable[tuple[bytes, bytes]], count: int, size: int) -> list[bytes]:
    """`folder/file` for pairs whose folders end in a slash or are empty.

    `count` files whose names, each folder once, take `size` bytes: a folder of a megabyte for a million files is no real one.
    Raises ValueError for it.
    """
    room = 256 * count + 16 * size
    paths = []
    for folder, name in pairs:
        room -= len(folder) + len(name)
        if room < 0:
            raise ValueError("longer paths than a package has")
        paths.append(folder + name)
    return paths
