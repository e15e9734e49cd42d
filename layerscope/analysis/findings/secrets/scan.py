"""All small texts of an image, looked through once for all rules about secrets."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from layerscope.analysis.findings.evidence import Evidence
from layerscope.analysis.findings.secrets.detectors import detect
from layerscope.analysis.findings.secrets.files import (
    holds_credentials,
    holds_secret_settings,
    is_environment_file,
)
from layerscope.analysis.findings.secrets.reading import read_texts, small_files
from layerscope.filesystem.contents import in_parallel
from layerscope.layers.compression import DamagedStreamError
from layerscope.progress import Progress, check

CREDENTIALS = "credentials"
"""The kind of what stands at its place in a file of a known format."""
SETTINGS = "secret settings"
"""The kind of what an environment file assigns."""


def find_secrets(evidence: Evidence) -> Mapping[int, frozenset[str]]:
    """The kinds of secrets in each inode that holds any. Reads files; what cannot be read holds none."""
    inodes = small_files(evidence)
    layers = evidence.filesystem.inodes.layers(inodes)
    names = _names(evidence, inodes.tolist())
    found: dict[int, frozenset[str]] = {}

    def look(layer: int, progress: Progress) -> None:
        first = int(evidence.filesystem.inodes.first[layer])
        entries = (inodes[layers == layer] - first).tolist()
        columns = evidence.contents[layer].index.columns
        entries.sort(key=lambda entry: int(columns.offsets[entry]))
        try:
            for entry, data in read_texts(evidence.contents[layer], entries, _Silent(progress)):
                check(progress)
                kinds = _kinds(names[first + entry], data)
                if kinds:
                    found[first + entry] = kinds
        except (DamagedStreamError, OSError):
            evidence.filesystem.inodes.unread = True

    in_parallel(look, np.unique(layers).tolist(), evidence.progress)
    return found


def _kinds(name: str, data: bytes) -> frozenset[str]:
    """The kinds of secrets in a file with this path."""
    kinds = detect(data)
    if holds_credentials(name, data):
        kinds.add(CREDENTIALS)
    if is_environment_file(name.rpartition("/")[2]) and holds_secret_settings(data):
        kinds.add(SETTINGS)
    return frozenset(kinds)


class _Silent:
    """Passes on only that the user asked to stop: these bytes are no units of the running stage."""

    def __init__(self, progress: Progress) -> None:
        self.cancelled = progress.cancelled

    def stage(self, name: str, total: int | None = None) -> None:
        """Not told."""

    def advance(self, done: int) -> None:
        """Not told."""


def _names(evidence: Evidence, inodes: list[int]) -> dict[int, str]:
    """A path of each inode: the first that it ever had, in path order."""
    filesystem = evidence.filesystem
    wanted = np.flatnonzero(np.isin(filesystem.inode_of, np.array(inodes, np.int32)))
    _, first = np.unique(filesystem.inode_of[wanted], return_index=True)
    rows = wanted[first]
    paths = filesystem.table.fulls(filesystem.paths[rows])
    return {
        inode: "/" + path.decode(errors="surrogateescape")
        for inode, path in zip(filesystem.inode_of[rows].tolist(), paths, strict=True)
    }
