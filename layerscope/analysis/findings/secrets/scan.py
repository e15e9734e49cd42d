"""Searches all texts of an image that may contain secrets, once for all rules about secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.layer_scans import LayerScans
from layerscope.analysis.findings.secrets.reading import files_to_search
from layerscope.analysis.findings.secrets.texts import kinds_in, may_hold_secrets
from layerscope.analysis.marks import Content
from layerscope.analysis.scan_files import scan_files

UNREAD_KEY = "looks like a private key by its name"
"""The kind of a file that is too large to search."""
UNREAD = "looks like credentials by its name"
"""The same for any other file whose name suggests a secret."""


class SecretScan:
    """Searches texts. Damaged files count as free of secrets; files too large to search are reported if their names suggest secrets."""

    def __init__(self, evidence: Evidence, scans: LayerScans | None = None) -> None:
        """Contents that were searched in `scans` are not read again."""
        reading = files_to_search(evidence)
        self._wanted = reading.inodes
        self._formats = reading.formats
        self._scans = scans
        self._filesystem = evidence.filesystem
        self.kinds: dict[int, frozenset[str]] = {}
        """The kinds of secrets in each inode that contains any; never the secrets."""
        keys = set(reading.unread_keys.tolist())
        for inode in reading.unread.tolist():
            self.kinds[inode] = frozenset((UNREAD_KEY if inode in keys else UNREAD,))
        names = np.bincount(self._filesystem.inode_of[self._filesystem.inode_of >= 0])
        self._by_name = {inode for inode in self._formats if names[inode] > 1}
        """Inodes whose result depends on their names in this image, and may differ in another."""
        if scans is not None:
            searched = scans.searched(self._filesystem)
            searched[list(self._by_name)] = False
            known = searched[self._wanted]
            self.kinds |= scans.secrets(self._filesystem, self._wanted[known])
            self._wanted = self._wanted[~known]

    def wanted(self) -> NDArray[np.int32]:
        """Files whose names suggest secrets, and small ones where people put texts."""
        return self._wanted

    def scan(self, inodes: Sequence[int], contents: Sequence[Content]) -> None:
        """Search contents that have a mark of a secret, or a format that keeps secrets."""
        candidates = may_hold_secrets(contents)
        candidates.update(number for number, inode in enumerate(inodes) if inode in self._formats)
        kinds = {
            inodes[number]: kinds_in(bytes(contents[number]), self._formats.get(inodes[number]))
            for number in candidates
        }
        self.kinds |= {inode: kinds for inode, kinds in kinds.items() if kinds}
        shareable = [inode for inode in inodes if inode not in self._by_name]
        if self._scans is not None and shareable:
            self._scans.add(self._filesystem, shareable, kinds)


def find_secrets(evidence: Evidence) -> Mapping[int, frozenset[str]]:
    """The kinds of secrets in each inode that contains any."""
    scan = SecretScan(evidence)
    scan_files(evidence.filesystem, evidence.contents, [scan], evidence.progress)
    return scan.kinds
