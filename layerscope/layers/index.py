"""The index of one layer: its entries as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from layerscope.layers.extensions import SparseMap
from layerscope.layers.names import PathTree
from layerscope.layers.small_types import Code, Integers, narrow
from layerscope.layers.strings import StringTable
from layerscope.layers.tarheader import HeaderColumns
from layerscope.layers.toc.check import TocCheck
from layerscope.layers.walk import Damage
from layerscope.words import Extent


class Kind(Code):
    """Types of entries: tar typeflags as interpreted by Go's reader and the engines."""

    FILE = 0
    DIRECTORY = 1
    SYMLINK = 2
    HARDLINK = 3
    CHARACTER = 4
    BLOCK = 5
    FIFO = 6
    UNKNOWN = 7
    BROKEN_LINK = 8
    """A hard link without a target, known only after stacking."""


KIND_NAMES = {
    Kind.FILE: "file",
    Kind.DIRECTORY: "directory",
    Kind.SYMLINK: "symlink",
    Kind.HARDLINK: "hardlink",
    Kind.CHARACTER: "character-device",
    Kind.BLOCK: "block-device",
    Kind.FIFO: "fifo",
    Kind.UNKNOWN: "unknown",
    Kind.BROKEN_LINK: "broken-link",
}
"""Names in JSON and in reports."""
KIND_LETTERS = {
    Kind.FILE: "-",
    Kind.DIRECTORY: "d",
    Kind.SYMLINK: "l",
    Kind.HARDLINK: "h",
    Kind.CHARACTER: "c",
    Kind.BLOCK: "b",
    Kind.FIFO: "p",
    Kind.UNKNOWN: "?",
    Kind.BROKEN_LINK: "h",
}
KIND_PHRASES = {
    Kind.FILE: "a file",
    Kind.DIRECTORY: "a directory",
    Kind.SYMLINK: "a symlink",
    Kind.HARDLINK: "a hard link",
    Kind.CHARACTER: "a character device",
    Kind.BLOCK: "a block device",
    Kind.FIFO: "a named pipe",
    Kind.UNKNOWN: "an entry of unknown type",
    Kind.BROKEN_LINK: "a hard link without a target",
}

_TYPEFLAGS = {
    b"0\x007S": Kind.FILE,
    b"5": Kind.DIRECTORY,
    b"2": Kind.SYMLINK,
    b"1": Kind.HARDLINK,
    b"3": Kind.CHARACTER,
    b"4": Kind.BLOCK,
    b"6": Kind.FIFO,
}
KIND_OF_TYPEFLAG = np.full(256, Kind.UNKNOWN, np.uint8)
for _flags, _kind in _TYPEFLAGS.items():
    KIND_OF_TYPEFLAG[list(_flags)] = _kind


def kinds_of(headers: HeaderColumns) -> NDArray[np.uint8]:
    """The kind of each entry; a pre-POSIX regular file whose name ends in a slash is a directory."""
    kinds = KIND_OF_TYPEFLAG[headers.types]
    if b"\0" in headers.types.tobytes():
        for index in np.flatnonzero(headers.types == 0).tolist():
            if headers.names[index].endswith(b"/"):
                kinds[index] = Kind.DIRECTORY
    return kinds


class Columns(Struct, frozen=True):
    """Metadata of n entries, one array per field. Sizes are in bytes; shapes are (n,).

    Fields that are never summed have the smallest type that holds their values.
    """

    kinds: NDArray[np.uint8]
    stored: NDArray[np.int64]
    """Content bytes: the payload of a regular file, or the data segments of a sparse one; 0 for other types."""
    modes: NDArray[np.uint16]
    """Permission bits, mode & 07777."""
    uids: Integers
    gids: Integers
    mtimes: Integers
    """Whole seconds since 1970, floored."""
    links: Integers
    """Link targets, as indices into a table of strings; 0 is the empty string."""
    xattrs: Integers
    """Extended attributes, as indices into a table of packed ones; 0 is none."""
    devices: Integers
    """Device numbers, major × 2³² + minor; 0 for other types."""
    offsets: Integers
    """Offsets of the payloads in the uncompressed tar."""

    @classmethod
    def joined(cls, parts: Sequence[Columns]) -> Columns:
        """The entries of `parts`, one after another."""
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return cls(*(np.zeros(0, dtype) for dtype in COLUMN_TYPES))
        return cls(
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in cls.__struct_fields__
            )
        )

    def narrowed(self) -> Columns:
        """The same values in the smallest possible types."""
        narrowed: dict[str, Any] = {name: narrow(getattr(self, name)) for name in _NARROWED}
        return replace(self, **narrowed)

    def part(self, span: slice) -> Columns:
        """A range of the entries, without copying."""
        return Columns(*(getattr(self, name)[span] for name in self.__struct_fields__))


_NARROWED = ("uids", "gids", "mtimes", "links", "xattrs", "devices", "offsets")
COLUMN_TYPES: tuple[type[np.integer[Any]], ...] = (
    np.uint8,
    np.int64,
    np.uint16,
    np.int64,
    np.int64,
    np.int64,
    np.int32,
    np.int32,
    np.int64,
    np.int64,
)
"""The widest types of the fields of `Columns`, in their order."""


class LayerIndex(Struct, frozen=True):
    """The result of one pass over a layer's tar. Cacheable: it consists of arrays and bytes, and is independent of the image."""

    columns: Columns
    """All entries in tar order, including markers and ignored ones."""
    roles: NDArray[np.uint8]
    """`Role` of each entry."""
    nodes: NDArray[np.int32]
    """Path of each entry, as a node of `tree`; for a marker, the path it applies to."""
    targets: NDArray[np.int32]
    """The node of each hard link's target, in the order of the hard links."""
    link_contents: NDArray[np.int32]
    """For each hard link, in the same order, the entry with its content if that is an AUFS file without a path
    (`.wh..wh.plnk`); otherwise -1."""
    tree: PathTree
    links: StringTable
    xattrs: StringTable
    sparse: dict[int, SparseMap]
    """Maps of sparse files by entry."""
    digests: NDArray[np.uint8] | None
    """SHA-256 of each file's content, shape (n, 32); None if contents were not read."""
    oddities: dict[str, int]
    """Number of entries for each warning code."""
    tar_bytes: int
    """Length of the uncompressed tar."""
    trailing: int
    """Number of non-zero bytes after the end of the archive or compressed stream."""
    broken: Damage | None
    diff_id: str | None
    """Digest of the uncompressed tar; None if it was not read completely."""
    blob_digest: str | None
    """Digest of the blob as stored; None if it was not read completely."""
    compressed_bytes: int | None
    """Size of the blob in bytes; None if it is not compressed."""
    toc: TocCheck | None = None
    """The check of the blob's table of contents; None if it has none or was not read completely."""
    extent: Extent = Extent.READ
    """How much of the layer was read. If it was not, `tar_bytes` is 0, and there are no digests of blob and tar."""

    def __len__(self) -> int:
        return len(self.roles)

    def detached(self) -> LayerIndex:
        """A copy of the index without paths, which does not keep the file that it was read from open."""
        columns = Columns(
            *(getattr(self.columns, name).copy() for name in Columns.__struct_fields__)
        )
        digests = None if self.digests is None else self.digests.copy()
        return replace(
            self.without_names(), columns=columns, roles=self.roles.copy(), digests=digests
        )

    def without_names(self) -> LayerIndex:
        """The same index without paths, which take most memory and are only needed for stacking."""
        empty = np.zeros(0, np.int32)
        return replace(self, nodes=empty, targets=empty, link_contents=empty, tree=PathTree.empty())
