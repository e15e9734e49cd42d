"""All texts of an image that may hold secrets, looked through once for all rules about secrets."""

from __future__ import annotations

import codecs
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.findings.secrets.detectors import detect
from layerscope.analysis.findings.secrets.files import (
    holds_credentials,
    holds_secret_settings,
    is_environment_file,
)
from layerscope.analysis.findings.secrets.reading import files_to_read
from layerscope.analysis.scan_files import scan_files

CREDENTIALS = "credentials"
"""The kind of what stands at its place in a file of a known format."""
SETTINGS = "secret settings"
"""The kind of what an environment file assigns."""


UNREAD_KEY = "looks like a private key by its name"
"""The kind of a file that is too large to be looked into."""
UNREAD = "looks like credentials by its name"
"""The same for any other file with a telling name."""


class SecretScan:
    """Looks into texts. What is damaged holds no secret; what has a telling name and is too large may hold one."""

    def __init__(self, evidence: Evidence) -> None:
        self.found: dict[int, frozenset[str]] = {}
        """The kinds of secrets in each inode that holds any; never the secrets."""
        reading = files_to_read(evidence)
        self._wanted = reading.inodes
        keys = set(reading.unread_keys.tolist())
        for inode in reading.unread.tolist():
            self.found[inode] = frozenset((UNREAD_KEY if inode in keys else UNREAD,))
        self._names = _names(evidence, self._wanted)

    def wanted(self) -> NDArray[np.int32]:
        """Files with telling names, and small ones where people put texts."""
        return self._wanted

    def scan(self, inode: int, data: bytes) -> None:
        """Look through one file, if it is a text."""
        text = _as_utf8(data)
        kinds = frozenset() if b"\0" in text else _kinds(self._names[inode], text)
        if kinds:
            self.found[inode] = kinds


def find_secrets(evidence: Evidence) -> Mapping[int, frozenset[str]]:
    """The kinds of secrets in each inode that holds any."""
    scan = SecretScan(evidence)
    scan_files(evidence.filesystem, evidence.contents, [scan], evidence.progress)
    return scan.found


def _as_utf8(data: bytes) -> bytes:
    """A text without its byte order mark; what has that of UTF-16, as PowerShell writes it, as UTF-8."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace").encode(errors="replace")
    return data.removeprefix(codecs.BOM_UTF8)


def _kinds(name: str, data: bytes) -> frozenset[str]:
    """The kinds of secrets in a file with this path."""
    kinds = detect(data)
    if holds_credentials(name, data):
        kinds.add(CREDENTIALS)
    if is_environment_file(name.rpartition("/")[2]) and holds_secret_settings(data):
        kinds.add(SETTINGS)
    return frozenset(kinds)


def _names(evidence: Evidence, inodes: NDArray[np.int32]) -> dict[int, str]:
    """A path of each inode: the first that it ever had, in path order."""
    filesystem = evidence.filesystem
    wanted = np.flatnonzero(np.isin(filesystem.inode_of, inodes))
    _, first = np.unique(filesystem.inode_of[wanted], return_index=True)
    rows = wanted[first]
    paths = filesystem.table.fulls(filesystem.paths[rows])
    return {
        inode: "/" + path.decode(errors="surrogateescape")
        for inode, path in zip(filesystem.inode_of[rows].tolist(), paths, strict=True)
    }
