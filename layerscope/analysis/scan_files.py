"""Small files that several questions want to look into, read in one pass over each layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from layerscope.filesystem.contents import in_parallel
from layerscope.filesystem.model import Filesystem
from layerscope.layers.compression import DamagedStreamError
from layerscope.layers.contents import LayerContents
from layerscope.progress import Progress, check


class Looker(Protocol):
    """Wants to look into some contents."""

    def wanted(self) -> NDArray[np.int32]:
        """The inodes that it wants to see; asked once, before anything is read."""

    def look(self, inode: int, data: bytes) -> None:
        """See one content, as it is stored. Called from several threads, in no certain order."""


def look_into(
    filesystem: Filesystem,
    contents: Sequence[LayerContents],
    lookers: Sequence[Looker],
    progress: Progress,
) -> None:
    """Show each looker what it wants to see. Contents that cannot be read are left out. Raises `CancelledError`."""
    wanted = [looker.wanted() for looker in lookers]
    inodes = np.unique(np.concatenate([np.zeros(0, np.int32), *wanted]))
    layers = filesystem.inodes.layers(inodes)
    sets = [set(numbers.tolist()) for numbers in wanted]

    def read(layer: int, progress: Progress) -> None:
        first = int(filesystem.inodes.first[layer])
        entries = inodes[layers == layer] - first
        offsets = contents[layer].index.columns.offsets[entries]
        ordered = entries[np.argsort(offsets, kind="stable")].tolist()
        parts: list[bytes] = []
        current = -1
        try:
            for entry, piece in contents[layer].pieces(ordered, _Silent(progress)):
                if entry != current:
                    show(first + current, parts)
                    check(progress)
                    current, parts = entry, []
                parts.append(piece)
            show(first + current, parts)
        except (DamagedStreamError, OSError):
            filesystem.inodes.unread = True

    def show(inode: int, parts: list[bytes]) -> None:
        if parts:
            data = b"".join(parts)
            for looker, numbers in zip(lookers, sets, strict=True):
                if inode in numbers:
                    looker.look(inode, data)

    in_parallel(read, np.unique(layers).tolist(), progress)


class _Silent:
    """Passes on only that the user asked to stop: these bytes are no units of the running stage."""

    def __init__(self, progress: Progress) -> None:
        self.cancelled = progress.cancelled

    def stage(self, name: str, total: int | None = None) -> None:
        """Not told."""

    def advance(self, done: int) -> None:
        """Not told."""
