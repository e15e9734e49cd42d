"""Files of equal content at different paths of the final image."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from isal import isal_zlib
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.filesystem.compare_contents import hash_contents, in_parallel
from layerscope.filesystem.model import Filesystem
from layerscope.layers.contents import LayerContents
from layerscope.layers.index import Kind
from layerscope.progress import Progress, check

HEAD = 4096
"""Number of first bytes of a file that are compared before the whole file is read."""


class Duplicate(Struct, frozen=True):
    """A content stored for several paths, without hard links."""

    bytes: int
    """Content bytes of one copy."""
    digest: str
    paths: tuple[int, ...]
    """One path of each copy, in path order."""

    @property
    def saving(self) -> int:
        """Bytes of all copies but one."""
        return self.bytes * (len(self.paths) - 1)


class CopyIndex:
    """The position of paths among the copies of their content."""

    def __init__(self, duplicates: Sequence[Duplicate]) -> None:
        counts = np.array([len(duplicate.paths) for duplicate in duplicates], np.int64)
        paths = np.fromiter(
            chain.from_iterable(duplicate.paths for duplicate in duplicates), np.int32, counts.sum()
        )
        groups = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        firsts = (np.cumsum(counts) - counts).astype(np.int32)
        places = np.arange(len(paths), dtype=np.int32) - np.repeat(firsts, counts)
        order = np.argsort(paths)
        self._duplicates = duplicates
        self._paths, self._groups, self._places = paths[order], groups[order], places[order]

    def of(self, path: int) -> tuple[int, Duplicate] | None:
        """Index of a path among the copies, and their number; None for a single copy or another hard link."""
        at = int(np.searchsorted(self._paths, np.int32(path)))
        if at == len(self._paths) or self._paths[at] != path:
            return None
        return int(self._places[at]), self._duplicates[int(self._groups[at])]


def find_duplicates(
    filesystem: Filesystem, layers: Sequence[LayerContents], progress: Progress
) -> list[Duplicate]:
    """All duplicates, largest saving first. Only reads files with the size and first bytes of another file."""
    inodes = filesystem.inodes
    rows = np.flatnonzero(
        filesystem.visible(filesystem.layer_count - 1)
        & (filesystem.kinds == Kind.FILE)
        & (filesystem.stored > 0)
    )
    candidates, first = np.unique(filesystem.inode_of[rows], return_index=True)
    paths = filesystem.paths[rows[first]]
    sizes = inodes.columns.stored[candidates]
    keep = _repeated(sizes)
    candidates, paths, sizes = candidates[keep], paths[keep], sizes[keep]
    if not inodes.hashed[candidates].all():
        keep = _repeated(_keys(sizes, _heads(filesystem, candidates, sizes, layers, progress)))
        candidates, paths, sizes = candidates[keep], paths[keep], sizes[keep]
        hash_contents(inodes, candidates, layers, progress, "Looking for duplicates")
    known = inodes.hashed[candidates]
    candidates, paths, sizes = candidates[known], paths[known], sizes[known]
    digests = np.ascontiguousarray(inodes.digests[candidates])
    keep = _repeated(digests.view(np.int64)[:, 0])  # the first bytes differ in almost all others
    candidates, paths, sizes, digests = candidates[keep], paths[keep], sizes[keep], digests[keep]
    _, group, counts = np.unique(
        digests.view("S32").ravel(), return_inverse=True, return_counts=True
    )
    order = np.lexsort((paths, group))
    order = order[counts[group[order]] > 1]
    ends = np.cumsum(counts[counts > 1])
    starts = ends - counts[counts > 1]
    ordered, firsts = paths[order].tolist(), order[starts]
    result = [
        Duplicate(size, "sha256:" + digest.tobytes().hex(), tuple(ordered[start:end]))
        for size, digest, start, end in zip(
            sizes[firsts].tolist(), digests[firsts], starts.tolist(), ends.tolist(), strict=True
        )
    ]
    return sorted(result, key=lambda duplicate: (-duplicate.saving, duplicate.paths))


def _repeated(keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which keys occur more than once."""
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return np.asarray(counts[inverse] > 1)


def _keys(sizes: NDArray[np.int64], heads: NDArray[np.int64]) -> NDArray[np.int64]:
    """One number for each pair of size and head."""
    _, size_rank = np.unique(sizes, return_inverse=True)
    return size_rank.astype(np.int64) << 32 | heads


def _heads(
    filesystem: Filesystem,
    candidates: NDArray[np.int32],
    sizes: NDArray[np.int64],
    layers: Sequence[LayerContents],
    progress: Progress,
) -> NDArray[np.int64]:
    """A checksum of the first bytes of each candidate; 0 for all candidates of a size that also occurs in a compressed layer,
    whose contents are only known by digest.
    """
    inodes = filesystem.inodes
    heads = np.zeros(len(candidates), np.int64)
    layer_of = inodes.layers(candidates)
    seekable = np.array([layer.seekable for layer in layers], bool)[layer_of]
    readable = np.flatnonzero(~np.isin(sizes, sizes[~seekable]))
    progress.stage("Looking for duplicates", len(readable))

    def read(part: NDArray[np.int64], progress: Progress) -> None:
        if not len(part):
            return
        for of_layer in np.split(part, np.flatnonzero(np.diff(layer_of[part])) + 1):
            layer = int(layer_of[of_layer[0]])
            entries = candidates[of_layer] - inodes.first[layer]
            for index, head in zip(
                of_layer.tolist(), layers[layer].heads(entries, HEAD), strict=True
            ):
                check(progress)
                if head is None:  # left out later, as it cannot be read
                    inodes.unread = True
                else:
                    heads[index] = isal_zlib.crc32(head)
        progress.advance(len(part))

    in_parallel(read, np.array_split(readable, 16), progress)
    return heads
