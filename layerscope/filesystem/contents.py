"""The questions that only reading contents can answer, and the reading."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from layerscope.filesystem.inodes import Inodes
from layerscope.filesystem.model import Filesystem
from layerscope.filesystem.versions import Removal
from layerscope.layers.compression import DamagedStreamError
from layerscope.layers.contents import ContentCutError, LayerContents
from layerscope.progress import Progress, Stoppable, check

_Part = TypeVar("_Part")

WORKERS = 2
"""Threads that read contents: hashing leaves the interpreter free for the other."""


def compare_versions(
    filesystem: Filesystem, layers: Sequence[LayerContents], progress: Progress
) -> None:
    """Learn the contents of files that replaced a file of the same size: until then they count as different."""
    pairs = filesystem.pairs
    both = (pairs.before >= 0) & (pairs.after >= 0)
    replaced = filesystem.removals == Removal.REPLACED
    old = np.concatenate([filesystem.inode_of[pairs.before[both]], filesystem.inode_of[replaced]])
    new = np.concatenate([filesystem.inode_of[pairs.after[both]], filesystem.successors[replaced]])
    unsure = filesystem.inodes.may_equal(old, new)
    hash_contents(
        filesystem.inodes,
        np.unique(np.concatenate([old[unsure], new[unsure]])),
        layers,
        progress,
        "Comparing contents",
    )


def hash_contents(
    inodes: Inodes,
    wanted: NDArray[np.int32],
    layers: Sequence[LayerContents],
    progress: Progress,
    stage: str,
) -> None:
    """Learn the digests of these inodes, in the order in which they are stored; what cannot be read stays unknown."""
    unknown = wanted[~inodes.hashed[wanted]]
    progress.stage(stage, int(inodes.columns.stored[unknown].sum()))
    if not len(unknown):
        return

    def read(part: NDArray[np.int32], progress: Progress) -> None:
        for inode, layer in zip(part.tolist(), inodes.layers(part).tolist(), strict=True):
            check(progress)
            try:
                digest = layers[layer].digest(inode - int(inodes.first[layer]))
            except (ContentCutError, DamagedStreamError, OSError):
                inodes.unread = True
                continue
            inodes.digests[inode] = np.frombuffer(digest, np.uint8)
            inodes.hashed[inode] = True
            progress.advance(int(inodes.columns.stored[inode]))

    in_parallel(read, np.array_split(unknown, min(len(unknown), 8 * WORKERS)), progress)


def in_parallel(
    work: Callable[[_Part, Progress], None], parts: Iterable[_Part], progress: Progress
) -> None:
    """Run `work` over `parts` on all cores; the first error stops the others and is raised."""
    stoppable = Stoppable(progress)
    with ThreadPoolExecutor(WORKERS) as pool:
        futures = [pool.submit(work, part, stoppable) for part in parts]
        try:
            for future in futures:
                future.result()
        except BaseException:
            stoppable.stop()
            for future in futures:
                future.cancel()
            raise
