"""Reads small files for several scanners in one pass over each layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.marks import Content
from layerscope.filesystem.compare_contents import in_parallel
from layerscope.filesystem.model import Filesystem
from layerscope.layers.compression import DamagedStreamError
from layerscope.layers.contents import LayerContents
from layerscope.progress import Progress


class Scanner(Protocol):
    """Reads the contents of some files."""

    def wanted(self) -> NDArray[np.int32]:
        """The inodes to read; called once, before reading starts."""

    def scan(self, inodes: Sequence[int], contents: Sequence[Content]) -> None:
        """Take some contents. Called from several threads, in any order."""


def scan_files(
    filesystem: Filesystem,
    contents: Sequence[LayerContents],
    scanners: Sequence[Scanner],
    progress: Progress,
    known: Mapping[int, bytes] | None = None,
) -> None:
    """Pass the wanted contents to each scanner; those that are `known` by inode are not read. Unreadable contents are skipped.
    Raises `CancelledError`."""
    wanted = [scanner.wanted() for scanner in scanners]
    inodes = np.unique(np.concatenate([np.zeros(0, np.int32), *wanted]))
    known = known or {}
    known_inodes = [inode for inode in inodes.tolist() if inode in known]
    inodes = np.setdiff1d(inodes, np.array(known_inodes, np.int32))
    layers = filesystem.inodes.layers(inodes)
    sets = [set(wanted_inodes.tolist()) for wanted_inodes in wanted]

    def read(layer: int, progress: Progress) -> None:
        first = int(filesystem.inodes.first[layer])
        entries = (inodes[layers == layer] - first).astype(np.int64)
        offsets = contents[layer].index.columns.offsets[entries]
        ordered = entries[np.argsort(offsets, kind="stable")]
        try:
            for batch, read_contents in contents[layer].batches(ordered, _CancelOnly(progress)):
                pass_on([first + entry for entry in batch], read_contents)
        except (DamagedStreamError, OSError):
            filesystem.inodes.unread = True

    def pass_on(numbers: Sequence[int], read_contents: Sequence[Content]) -> None:
        for scanner, wanted_inodes in zip(scanners, sets, strict=True):
            places = [place for place, inode in enumerate(numbers) if inode in wanted_inodes]
            if len(places) == len(numbers):
                scanner.scan(numbers, read_contents)
            elif places:
                scanner.scan(
                    [numbers[place] for place in places], [read_contents[place] for place in places]
                )

    for inode in known_inodes:
        pass_on([inode], [known[inode]])
    in_parallel(read, np.unique(layers).tolist(), progress)


class _CancelOnly:
    """Passes on cancellation only: bytes read here do not count as progress of the current stage."""

    def __init__(self, progress: Progress) -> None:
        self.cancelled = progress.cancelled

    def stage(self, name: str, total: int | None = None) -> None:
        """Ignored."""

    def advance(self, done: int) -> None:
        """Ignored."""
