"""Contents and metadata stored by all layers: one row per entry, and one for all implicit directories."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from enum import IntFlag

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from layerscope.layers.extensions import SparseMap
from layerscope.layers.index import Columns, Kind, LayerIndex
from layerscope.layers.small_types import Integers, narrow
from layerscope.layers.strings import StringTable
from layerscope.words import Extent


class Why(IntFlag):
    """Differences between two versions of a path."""

    TYPE = 1
    CONTENT = 2
    TARGET = 4
    DEVICE = 8
    MODE = 16
    OWNER = 32
    MTIME = 64
    XATTRS = 128


SUBSTANCE = Why.TYPE | Why.CONTENT | Why.TARGET | Why.DEVICE
"""Differences that make a path modified; the others are metadata."""


_DIGESTS_LOCK = threading.Lock()
"""Held while the array of digests is created, because several threads write to it."""


class Inodes(Struct):
    """Inode i is the i-th entry, counted over all layers in order; the last row stands for all implicit directories.

    Entries without an inode of their own (markers, resolved hard links) have a row that nothing refers to.
    """

    columns: Columns
    """Metadata; links and xattrs are indices into the tables below."""
    first: NDArray[np.int64]
    """First inode of each layer, then the number of entries; shape (layers + 1,)."""
    links: StringTable
    xattrs: StringTable
    sparse: dict[int, SparseMap]
    kept_digests: NDArray[np.uint8] | Callable[[], NDArray[np.uint8]]
    """The digests, or a function that creates them on first use, as they are rarely needed for an image from the cache."""
    hashed: NDArray[np.bool_]
    """Rows whose digest is known, shape (n,)."""
    unread: bool = False
    """Whether any content could not be read."""

    @property
    def digests(self) -> NDArray[np.uint8]:
        """SHA-256 of each content, shape (n, 32)."""
        with _DIGESTS_LOCK:
            if callable(self.kept_digests):
                self.kept_digests = self.kept_digests()
            return self.kept_digests

    @classmethod
    def of(cls, indexes: Sequence[LayerIndex]) -> Inodes:
        """The inodes of all layers, lowest layer first."""
        first = np.concatenate([[0], np.cumsum([len(index) for index in indexes])]).astype(np.int64)
        count = int(first[-1])
        links, link_maps = merge_strings([index.links for index in indexes])
        xattrs, xattr_maps = merge_strings([index.xattrs for index in indexes])
        columns = Columns.joined([*(index.columns for index in indexes), _implicit_directory()])
        columns = replace(
            columns,
            links=_translated([index.columns.links for index in indexes], link_maps),
            xattrs=_translated([index.columns.xattrs for index in indexes], xattr_maps),
        )
        digests = np.zeros((count + 1, 32), np.uint8)
        hashed = columns.kinds == Kind.FILE
        with_digests = np.array([index.digests is not None for index in indexes], bool)
        hashed[:count] &= np.repeat(with_digests, np.diff(first))
        sparse: dict[int, SparseMap] = {}
        for layer, index in enumerate(indexes):
            span = slice(int(first[layer]), int(first[layer + 1]))
            sparse.update(
                {span.start + entry: sparse_map for entry, sparse_map in index.sparse.items()}
            )
            if index.digests is not None and len(index):
                digests[span] = index.digests
        return cls(columns, first, links, xattrs, sparse, digests, hashed)

    def shared_with(self, indexes: Sequence[LayerIndex]) -> list[LayerIndex]:
        """The same indexes, sharing the memory of columns and digests with these inodes.

        Paths, which take the most memory, are dropped. A layer that is only listed keeps them: its contents may have to be found by path.
        """
        shared: dict[int, LayerIndex] = {}
        for layer, index in enumerate(indexes):
            if id(index) in shared:
                continue
            span = slice(int(self.first[layer]), int(self.first[layer + 1]))
            columns = index.columns
            shared[id(index)] = replace(
                index if index.extent is Extent.LISTED else index.without_names(),
                # Stacking changes these columns.
                columns=replace(
                    self.columns.part(span),
                    kinds=columns.kinds,
                    links=columns.links,
                    xattrs=columns.xattrs,
                ),
                digests=None if index.digests is None else self.digests[span],
            )
        return [shared[id(index)] for index in indexes]

    @property
    def implicit(self) -> int:
        """The inode of directories without an entry."""
        return int(self.first[-1])

    def layer(self, inode: int) -> int:
        """The layer that stores an inode."""
        return int(np.searchsorted(self.first, inode, "right")) - 1

    def layers(self, inodes: NDArray[np.int32]) -> NDArray[np.int32]:
        """The layers that store these inodes."""
        return (np.searchsorted(self.first, inodes, "right") - 1).astype(np.int32)

    def target(self, inode: int) -> bytes:
        """Target of a symlink or broken hard link; empty for anything else."""
        linked = self.columns.kinds[inode] in (Kind.SYMLINK, Kind.BROKEN_LINK)
        return self.links[int(self.columns.links[inode])] if linked else b""

    def logical(self, inode: int) -> int:
        """Size of a file in bytes, including holes."""
        sparse_map = self.sparse.get(inode)
        return int(self.columns.stored[inode]) if sparse_map is None else sparse_map.real_size

    def may_equal(self, old: NDArray[np.int32], new: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Mask of pairs of regular files whose contents have to be compared."""
        columns = self.columns
        both = (columns.kinds[old] == Kind.FILE) & (columns.kinds[new] == Kind.FILE)
        same: NDArray[np.bool_] = both & (columns.stored[old] == columns.stored[new]) & (old != new)
        if self.sparse and same.any():
            maps = [
                self.sparse.get(a) == self.sparse.get(b)
                for a, b in zip(old[same].tolist(), new[same].tolist(), strict=True)
            ]
            same[np.flatnonzero(same)] = maps
        return same

    def same_content(self, old: NDArray[np.int32], new: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Mask of pairs of files with equal content. An unreadable content equals only itself."""
        stored = self.columns.stored
        may_equal = self.may_equal(old, new)
        both_hashed = self.hashed[old] & self.hashed[new]
        equal = np.zeros(len(old), bool)
        compared = np.flatnonzero(may_equal & both_hashed)
        equal[compared] = (self.digests[old[compared]] == self.digests[new[compared]]).all(axis=1)
        equal |= (old == new) | (may_equal & (stored[old] == 0) & ~both_hashed)
        return equal

    def differences(self, old: NDArray[np.int32], new: NDArray[np.int32]) -> NDArray[np.uint8]:
        """`Why` bits of each pair. Unknown metadata equals anything; a directory's mtime alone is not a difference."""
        columns = self.columns
        kinds, other = columns.kinds[old], columns.kinds[new]
        same_kind = kinds == other
        why = np.where(same_kind, 0, int(Why.TYPE)).astype(np.uint8)
        files = same_kind & (kinds == Kind.FILE)
        changed = np.flatnonzero(files)
        why[changed[~self.same_content(old[changed], new[changed])]] |= int(Why.CONTENT)
        linked = same_kind & ((kinds == Kind.SYMLINK) | (kinds == Kind.BROKEN_LINK))
        why[linked & (columns.links[old] != columns.links[new])] |= int(Why.TARGET)
        device = same_kind & ((kinds == Kind.CHARACTER) | (kinds == Kind.BLOCK))
        why[device & (columns.devices[old] != columns.devices[new])] |= int(Why.DEVICE)
        both_explicit = (old != self.implicit) & (new != self.implicit)
        why[both_explicit & (columns.modes[old] != columns.modes[new])] |= int(Why.MODE)
        owner = (columns.uids[old] != columns.uids[new]) | (columns.gids[old] != columns.gids[new])
        why[both_explicit & owner] |= int(Why.OWNER)
        why[both_explicit & (columns.mtimes[old] != columns.mtimes[new])] |= int(Why.MTIME)
        why[both_explicit & (columns.xattrs[old] != columns.xattrs[new])] |= int(Why.XATTRS)
        why[same_kind & (kinds == Kind.DIRECTORY) & (why == int(Why.MTIME))] = 0
        return why


def _implicit_directory() -> Columns:
    """The row that stands for implicit directories."""
    row = Columns.joined([])
    return Columns(
        *(
            np.full(1, Kind.DIRECTORY if name == "kinds" else 0, getattr(row, name).dtype)
            for name in Columns.__struct_fields__
        )
    ).narrowed()


def _translated(columns: Sequence[Integers], maps: Sequence[NDArray[np.int32]]) -> Integers:
    """String numbers of all layers, translated to the merged table, with the empty string for the last row."""
    translated = [new_numbers[column] for column, new_numbers in zip(columns, maps, strict=True)]
    return narrow(np.concatenate([*translated, np.zeros(1, np.int32)]))


def merge_strings(tables: Sequence[StringTable]) -> tuple[StringTable, list[NDArray[np.int32]]]:
    """A table of all distinct strings, and for each table the new index of its strings. String 0 is empty."""
    numbers: dict[bytes, int] = {b"": 0}
    maps = [
        np.array([numbers.setdefault(text, len(numbers)) for text in table], np.int32)
        for table in tables
    ]
    return StringTable.of(list(numbers)), maps
