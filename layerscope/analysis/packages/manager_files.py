"""Small files in which package managers record which packages were requested: dpkg, APT and npm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.marks import Content
from layerscope.analysis.scan_files import scan_files
from layerscope.filesystem.selector import Mask

PATTERNS = (
    *("/var/lib/dpkg/status", "/var/lib/dpkg/info/*.list", "/var/lib/apt/extended_states"),
    *("/etc/apt/apt.conf", "/etc/apt/apt.conf.d/*"),
    *("package-lock.json", "npm-shrinkwrap.json", ".package-lock.json"),
)
"""Patterns of these files, without npm manifests."""
_MAX_BYTES = 16 << 20
"""Maximum bytes of a file."""
MANIFEST = "package.json"
RELEASE = ("/etc/os-release", "/usr/lib/os-release")
"""Files that name the distribution (os-release(5)), in order of precedence."""


class ManagerFiles:
    """These files in the final image; a `Scanner`."""

    def __init__(self, evidence: Evidence) -> None:
        paths = np.concatenate([evidence.selector.matches(pattern) for pattern in PATTERNS])
        paths = np.unique(np.concatenate([paths, _manifests(evidence)]))
        paths = paths[evidence.live_files[paths]]
        paths = paths[evidence.live_sizes[paths] <= _MAX_BYTES]
        self._inodes: dict[int, int] = dict(
            zip(paths.tolist(), evidence.live_inodes[paths].tolist(), strict=True)
        )
        self.read: dict[int, bytes] = {}
        """Contents by inode."""

    def wanted(self) -> NDArray[np.int32]:
        """The inodes of the files."""
        return np.unique(np.fromiter(self._inodes.values(), np.int32, len(self._inodes)))

    def scan(self, inodes: Sequence[int], contents: Sequence[Content]) -> None:
        """Keep the contents."""
        self.read.update(zip(inodes, map(bytes, contents), strict=True))

    def text(self, path: int | None) -> bytes | None:
        """The content at a path of the filesystem's table; None if it is not one of these files, or unreadable."""
        return None if path is None else self.read.get(self._inodes.get(path, -1))


def read_manager_files(evidence: Evidence) -> ManagerFiles:
    """The files, read in one pass. Call it with `Evidence.once`."""
    manager_files = ManagerFiles(evidence)
    scan_files(evidence.filesystem, evidence.contents, [manager_files], evidence.progress)
    return manager_files


def in_node_modules(evidence: Evidence) -> Mask:
    """Paths at or below a node_modules."""
    return evidence.selector.below(evidence.selector.matches("node_modules"))


def _manifests(evidence: Evidence) -> NDArray[np.int64]:
    """npm manifests: those inside node_modules only where no lockfile covers them."""
    manifests = evidence.selector.matches(MANIFEST)
    if not len(manifests):
        return manifests
    table = evidence.filesystem.table
    inside = in_node_modules(evidence)
    lockfiles = evidence.selector.matches(".package-lock.json")
    locked = evidence.selector.below(table.parents[lockfiles].astype(np.int64))
    return manifests[~inside[manifests] | ~locked[manifests]]
