"""Files of the final image that books are in: their inodes, and what was read of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.findings.evidence import Evidence


class Shelf:
    """The books that patterns name, no larger than `largest` bytes each."""

    def __init__(self, evidence: Evidence, *patterns: str, largest: int = 16 << 20) -> None:
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
