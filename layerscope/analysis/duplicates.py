"""Files of equal content at different paths of the final image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
from isal import isal_zlib
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.filesystem.compare_contents import hash_contents, in_parallel
from layerscope.filesystem.model import Filesystem
from layerscope.layers.contents import LayerContents
from layerscope.layers.index import Kind
from layerscope.layers.merged_paths import expand_ranges
from layerscope.progress import Progress, check

_PREFIX = "sha256:"
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


class Duplicates(Sequence[Duplicate]):
    """All duplicates, largest saving first, as columns: a `Duplicate` is made when it is looked at."""

    def __init__(
        self,
        sizes: NDArray[np.int64],
        digests: NDArray[np.uint8],
        bounds: NDArray[np.int64],
        paths: NDArray[np.int32],
    ) -> None:
        self.sizes = sizes
        """Content bytes of one copy of each; shape (n,)."""
        self.digests = digests
        """SHA-256 of each content; shape (n, 32)."""
        self.bounds = bounds
        """Where the paths of each begin in `paths`, and where the last ones end; shape (n + 1,)."""
        self.paths = paths
        """The paths of all, those of one duplicate in path order."""

    @classmethod
    def of(cls, duplicates: Sequence[Duplicate]) -> Duplicates:
        """The columns of these duplicates."""
        digests = b"".join(bytes.fromhex(each.digest.removeprefix(_PREFIX)) for each in duplicates)
        return cls(
            np.array([each.bytes for each in duplicates], np.int64),
            np.frombuffer(digests, np.uint8).reshape(-1, 32),
            np.cumsum([0, *(len(each.paths) for each in duplicates)]),
            np.array([path for each in duplicates for path in each.paths], np.int32),
        )

    @property
    def copies(self) -> NDArray[np.int64]:
        """Number of paths of each."""
        return np.diff(self.bounds)

    @property
    def groups(self) -> NDArray[np.int32]:
        """For each of `paths`, the index of its duplicate."""
        return np.repeat(np.arange(len(self), dtype=np.int32), self.copies)

    @property
    def saving(self) -> int:
        """Bytes of all copies but one of each content."""
        return int((self.sizes * (self.copies - 1)).sum())

    def only(self, kept: NDArray[np.bool_]) -> Duplicates:
        """The duplicates of the paths in a mask over `paths`; those with one path left are omitted."""
        counts = (
            np.add.reduceat(kept, self.bounds[:-1], dtype=np.int64) if len(self) else self.copies
        )
        some = counts > 1
        kept = kept & np.repeat(some, self.copies)
        bounds = np.concatenate([[0], np.cumsum(counts[some])])
        return Duplicates(self.sizes[some], self.digests[some], bounds, self.paths[kept])

    def __len__(self) -> int:
        return len(self.sizes)

    @overload
    def __getitem__(self, index: int) -> Duplicate: ...
    @overload
    def __getitem__(self, index: slice) -> Duplicates: ...
    def __getitem__(self, index: int | slice) -> Duplicate | Duplicates:
        numbers = range(len(self))[index]
        if isinstance(numbers, int):
            start, end = self.bounds[numbers : numbers + 2].tolist()
            return Duplicate(
                int(self.sizes[numbers]),
                _PREFIX + self.digests[numbers].tobytes().hex(),
                tuple(self.paths[start:end].tolist()),
            )
        if numbers.step != 1:
            raise ValueError("a step is not supported")
        first, last = numbers.start, max(numbers.start, numbers.stop)
        bounds = self.bounds[first : last + 1]
        return Duplicates(
            self.sizes[first:last],
            self.digests[first:last],
            bounds - bounds[0],
            self.paths[bounds[0] : bounds[-1]],
        )


NO_DUPLICATES = Duplicates.of(())


class CopyIndex:
    """The position of paths among the copies of their content."""

    def __init__(self, duplicates: Duplicates) -> None:
        paths, copies = duplicates.paths, duplicates.copies
        places = np.arange(len(paths)) - np.repeat(duplicates.bounds[:-1], copies)
        order = np.argsort(paths)
        self._duplicates = duplicates
        self._paths, self._groups = paths[order], duplicates.groups[order]
        self._places = places[order].astype(np.int32)

    def of(self, path: int) -> tuple[int, Duplicate] | None:
        """Index of a path among the copies, and their number; None for a single copy or another hard link."""
        at = int(np.searchsorted(self._paths, np.int32(path)))
        if at == len(self._paths) or self._paths[at] != path:
            return None
        return int(self._places[at]), self._duplicates[int(self._groups[at])]


def find_duplicates(
    filesystem: Filesystem, layers: Sequence[LayerContents], progress: Progress
) -> Duplicates:
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
    paths, sizes, digests = paths[keep], sizes[keep], digests[keep]
    _, group, counts = np.unique(
        digests.view("S32").ravel(), return_inverse=True, return_counts=True
    )
    order = np.lexsort((paths, group))
    order = order[counts[group[order]] > 1]
    counts = counts[counts > 1]
    firsts = order[np.cumsum(counts) - counts]
    # Two duplicates never have the same first path.
    largest = np.lexsort((paths[firsts], -sizes[firsts] * (counts - 1)))
    starts, counts = (np.cumsum(counts) - counts)[largest], counts[largest]
    firsts = firsts[largest]
    return Duplicates(
        sizes[firsts].astype(np.int64),
        digests[firsts],
        np.concatenate([[0], np.cumsum(counts)]),
        paths[order[expand_ranges(starts, counts)]],
    )


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
