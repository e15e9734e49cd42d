"""Reads and hashes contents that must be compared because metadata is not enough."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from layerscope.filesystem.inodes import Inodes
from layerscope.filesystem.model import Filesystem
from layerscope.filesystem.versions import Removal
from layerscope.layers.contents import LayerContents
from layerscope.progress import Progress, StoppableProgress, check

_Part = TypeVar("_Part")

WORKERS = 2
"""Threads that read contents: hashing releases the interpreter lock."""
BATCH = 1 << 12
"""Contents to hash between two checks for cancellation."""
BATCH_BYTES = 1 << 24
"""Bytes to hash between two such checks; the last content of a batch may exceed it."""


def compare_versions(
    filesystem: Filesystem, layers: Sequence[LayerContents], progress: Progress
) -> None:
    """Hash files that replaced a file of the same size, and the replaced ones; until then, their contents count as different."""
    pairs = filesystem.pairs
    both = (pairs.before >= 0) & (pairs.after >= 0)
    replaced = filesystem.removals == Removal.REPLACED
    old = np.concatenate([filesystem.inode_of[pairs.before[both]], filesystem.inode_of[replaced]])
    new = np.concatenate([filesystem.inode_of[pairs.after[both]], filesystem.successors[replaced]])
    undecided = filesystem.inodes.may_equal(old, new)
    hash_contents(
        filesystem.inodes,
        np.unique(np.concatenate([old[undecided], new[undecided]])),
        layers,
        progress,
        "Comparing contents",
    )


def hash_contents(
    inodes: Inodes,
    requested: NDArray[np.int32],
    layers: Sequence[LayerContents],
    progress: Progress,
    stage: str,
) -> None:
    """Hash the contents of inodes, in the order they are stored; unreadable ones stay unknown."""
    unknown = requested[~inodes.hashed[requested]]
    progress.stage(stage, int(inodes.columns.stored[unknown].sum()))
    if not len(unknown):
        return

    def read(part: NDArray[np.int32], progress: Progress) -> None:
        for layer, batch in _batches(inodes, part):
            check(progress)
            digests_or_none = list(layers[layer].digests(batch - inodes.first[layer]))
            readable = batch[np.array([digest is not None for digest in digests_or_none], bool)]
            if len(readable) < len(batch):
                inodes.unread = True
            digests = b"".join(digest for digest in digests_or_none if digest is not None)
            inodes.digests[readable] = np.frombuffer(digests, np.uint8).reshape(-1, 32)
            inodes.hashed[readable] = True
            progress.advance(int(inodes.columns.stored[batch].sum()))

    in_parallel(read, np.array_split(unknown, min(len(unknown), 8 * WORKERS)), progress)


def _batches(inodes: Inodes, part: NDArray[np.int32]) -> Iterator[tuple[int, NDArray[np.int32]]]:
    """Split inodes into small batches of one layer each, with the number of that layer."""
    if not len(part):
        return
    layers = inodes.layers(part)
    sizes = np.cumsum(inodes.columns.stored[part], dtype=np.int64) // BATCH_BYTES
    numbers = np.arange(len(part)) // BATCH
    changes = (np.diff(layers) != 0) | (np.diff(sizes) != 0) | (np.diff(numbers) != 0)
    for batch in np.split(part, np.flatnonzero(changes) + 1):
        yield inodes.layer(int(batch[0])), batch


def in_parallel(
    work: Callable[[_Part, Progress], None], parts: Iterable[_Part], progress: Progress
) -> None:
    """Run `work` on each of `parts` in `WORKERS` threads; the first error stops the others and is raised."""
    stoppable = StoppableProgress(progress)
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
