"""Small files of an image that rules read: what package managers note of who asked for what."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.scan_files import look_into
from layerscope.filesystem.selecting import Mask

_PATTERNS = (
    *("/var/lib/dpkg/status", "/var/lib/dpkg/info/*.list", "/var/lib/apt/extended_states"),
    *("/etc/apt/apt.conf", "/etc/apt/apt.conf.d/*"),
    *("package-lock.json", "npm-shrinkwrap.json", ".package-lock.json"),
)
_LARGEST = 16 << 20
"""Bytes of a note."""
_MANIFEST = "package.json"


class Notes:
    """The notes in the final image; a `Looker`."""

    def __init__(self, evidence: Evidence) -> None:
        found = np.concatenate([evidence.selector.matches(pattern) for pattern in _PATTERNS])
        found = np.unique(np.concatenate([found, _manifests(evidence)]))
        found = found[evidence.live_files[found]]
        found = found[evidence.live_sizes[found] <= _LARGEST]
        self._inodes: dict[int, int] = dict(
            zip(found.tolist(), evidence.live_inodes[found].tolist(), strict=True)
        )
        self._read: dict[int, bytes] = {}

    def wanted(self) -> NDArray[np.int32]:
        """The inodes of the notes."""
        return np.unique(np.fromiter(self._inodes.values(), np.int32, len(self._inodes)))

    def look(self, inode: int, data: bytes) -> None:
        """Keep what was read."""
        self._read[inode] = data

    def text(self, path: int | None) -> bytes | None:
        """What a path of the filesystem's table holds; None if it is no note, or could not be read."""
        return None if path is None else self._read.get(self._inodes.get(path, -1))


def read_notes(evidence: Evidence) -> Notes:
    """The notes, read in one pass. Meant for `Evidence.once`."""
    notes = Notes(evidence)
    look_into(evidence.filesystem, evidence.contents, [notes], evidence.progress)
    return notes


def in_packages(evidence: Evidence) -> Mask:
    """Paths at or below a node_modules."""
    return evidence.selector.below(evidence.selector.matches("node_modules"))


def _manifests(evidence: Evidence) -> NDArray[np.int64]:
    """Manifests of npm: those of packages only where no lockfile beside them knows more."""
    found = evidence.selector.matches(_MANIFEST)
    if not len(found):
        return found
    table = evidence.filesystem.table
    inside = in_packages(evidence)
    known = evidence.selector.matches(".package-lock.json")
    locked = evidence.selector.below(table.parents[known].astype(np.int64))
    return found[~inside[found] | ~locked[found]]
