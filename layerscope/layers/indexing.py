"""From a layer's blob to its index, in one pass and bounded memory."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from layerscope.layers.blob import Blob
from layerscope.layers.compression import (
    MAGIC_BYTES,
    Compression,
    DamagedStreamError,
    DecompressedStream,
    sniff,
)
from layerscope.layers.cursor import Cursor, OffsetCursor, StreamCursor
from layerscope.layers.extensions import Extension, SparseMap
from layerscope.layers.index import Columns, Kind, LayerIndex, kinds_of
from layerscope.layers.names import PathTreeBuilder, Role
from layerscope.layers.strings import StringTable
from layerscope.layers.tarheader import BLOCK, HeaderError, looks_like_header, parse_device
from layerscope.layers.tarsplit import TarSplitBlob
from layerscope.layers.walk import Batch, Damage, TarWalk, WalkResult
from layerscope.limits import Limits
from layerscope.progress import Progress, check


def layer_compression(blob: Blob) -> Compression | None:
    """How a layer's blob is compressed. A tar is tried first: its first name may look like any magic number."""
    if isinstance(blob, TarSplitBlob):
        return None  # it is put together as a tar
    try:
        head = blob.pread(BLOCK, 0)
    except OSError:
        return None  # whoever reads it will find out
    return None if looks_like_header(head) else sniff(head[:MAGIC_BYTES])


def index_layer(
    blob: Blob, limits: Limits, progress: Progress, *, hash_all: bool = False
) -> LayerIndex:
    """Index one layer. Damage is told in the result, never raised.

    Compressed layers, and plain ones with `hash_all`, are read through: blob, tar and each content are hashed on the
    way. Other plain layers are visited by offset, header by header. Raises `LimitExceededError` and `CancelledError`.
    """
    compression = layer_compression(blob)
    builder = _IndexBuilder(limits, blob.name)
    if compression is None and not hash_all:
        reached = _ByteProgress(progress)
        try:
            cursor: Cursor = (
                blob.header_cursor() if isinstance(blob, TarSplitBlob) else OffsetCursor(blob)
            )
        except OSError as error:
            return builder.finish(WalkResult(_unreadable(0, error), 0), tar_bytes=0)

        def take(batch: Batch) -> None:
            builder.add(batch)
            reached.reach(cursor.position)

        walk = TarWalk(cursor, take, blob.name, limits, progress)
        try:
            result = walk.run()
        except OSError as error:
            result = WalkResult(walk.damage or _unreadable(cursor.position, error), 0)
        reached.reach(blob.size)
        return builder.finish(result, tar_bytes=blob.size)
    reading = _HashedReading(blob, compression, limits, progress)
    walk = TarWalk(StreamCursor(reading.tar()), builder.add, blob.name, limits, progress)
    try:
        result = walk.run()
        reading.drain()
    except DamagedStreamError as error:
        result = WalkResult(walk.damage or Damage(reading.tar_bytes, str(error)), 0)
    except PermissionError as error:
        if isinstance(blob, TarSplitBlob):  # what its files hold is hidden, not what they are
            return index_layer(blob, limits, progress)
        result = WalkResult(walk.damage or _unreadable(reading.tar_bytes, error), 0)
    except OSError as error:
        result = WalkResult(walk.damage or _unreadable(reading.tar_bytes, error), 0)
    if result.broken is None:
        result.trailing += reading.trailing
    return builder.finish(
        result,
        tar_bytes=reading.tar_bytes,
        diff_id=reading.diff_id,
        blob_digest=reading.blob_digest,
        compressed_bytes=None if compression is None else blob.size,
    )


def _unreadable(offset: int, error: OSError) -> Damage:
    """The damage of a layer that the system would not give on reading."""
    return Damage(offset, f"it cannot be read: {error.strerror or error}")


class _ByteProgress:
    """Turns a position into steps of progress."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._reached = 0

    def reach(self, position: int) -> None:
        self._progress.advance(position - self._reached)
        self._reached = position


class _HashedReading:
    """Reads a blob once: hashes it as stored and as the tar in it, reports progress, honours cancellation."""

    def __init__(
        self, blob: Blob, compression: Compression | None, limits: Limits, progress: Progress
    ) -> None:
        self.tar_bytes = 0
        self._blob = blob
        self._progress = progress
        self._blob_hash = hashlib.sha256()
        self._tar_hash = hashlib.sha256() if compression is not None else self._blob_hash
        self._stream = (
            None
            if compression is None
            else DecompressedStream(compression, self._stored(), blob.name, limits)
        )
        self._pieces = self._stored() if self._stream is None else iter(self._stream)
        self._whole = False

    def tar(self) -> Iterator[bytes]:
        """The pieces of the uncompressed tar."""
        hashing = self._stream is not None
        for piece in self._pieces:
            if hashing:
                self._tar_hash.update(piece)
            self.tar_bytes += len(piece)
            yield piece
        self._whole = True

    def drain(self) -> None:
        """Read what the walk left over, so that the hashes cover all."""
        for _ in self.tar():
            pass

    @property
    def trailing(self) -> int:
        return self._stream.trailing if self._stream is not None else 0

    @property
    def diff_id(self) -> str | None:
        return "sha256:" + self._tar_hash.hexdigest() if self._whole else None

    @property
    def blob_digest(self) -> str | None:
        return "sha256:" + self._blob_hash.hexdigest() if self._whole else None

    def _stored(self) -> Iterator[bytes]:
        for piece in self._blob.chunks():
            check(self._progress)
            self._blob_hash.update(piece)
            yield piece
            self._progress.advance(len(piece))


class _IndexBuilder:
    """Turns batches into a `LayerIndex`."""

    def __init__(self, limits: Limits, where: str) -> None:
        self._limits = limits
        self._where = where
        self._names = PathTreeBuilder(limits, where)
        self._parts: list[Columns] = []
        self._roles: list[NDArray[np.uint8]] = []
        self._links: dict[bytes, int] = {b"": 0}
        self._xattrs: dict[bytes, int] = {b"": 0}
        self._sparse: dict[int, SparseMap] = {}
        self._digests = bytearray()
        self._hashed = False
        self._targets: list[bytes] = []
        self._count = 0
        self._unknown = 0

    def add(self, batch: Batch) -> None:
        columns, count = batch.columns, len(batch.blocks)
        if self._count + count > self._limits.entries:
            raise self._limits.exceeded("entries", self._where)
        kinds = kinds_of(columns)
        roles = np.array(self._names.add(columns.names), np.uint8)
        stored = np.where((kinds == Kind.FILE) & (roles == Role.ENTRY), columns.sizes, 0)
        xattrs = np.zeros(count, np.int32)
        devices = np.zeros(count, np.int64)
        for index, extension in batch.extensions.items():
            self._extended(index, extension, kinds, stored, xattrs)
        for index in np.flatnonzero((kinds == Kind.CHARACTER) | (kinds == Kind.BLOCK)).tolist():
            devices[index] = _device(batch.blocks[index])
        self._roles.append(roles)
        self._parts.append(
            Columns(
                kinds,
                stored,
                columns.modes,
                columns.uids,
                columns.gids,
                columns.mtimes,
                self._link_column(columns.links, kinds, roles),
                xattrs,
                devices,
                np.array(batch.offsets, np.int64),
            )
        )
        self._unknown += int(((kinds == Kind.UNKNOWN) & (roles == Role.ENTRY)).sum())
        if self._hashed or any(digest is not None for digest in batch.digests):
            self._hashed = True
            self._digests += b"".join(digest or _NO_DIGEST for digest in batch.digests)
        self._count += count

    def finish(
        self,
        result: WalkResult,
        *,
        tar_bytes: int,
        diff_id: str | None = None,
        blob_digest: str | None = None,
        compressed_bytes: int | None = None,
    ) -> LayerIndex:
        self._names.add_targets(self._targets)
        tree, nodes = self._names.finish()
        oddities = Counter(self._names.oddities)
        oddities["entry-type-unknown"] += self._unknown
        return LayerIndex(
            columns=Columns.joined(self._parts).narrowed(),
            roles=np.concatenate([np.zeros(0, np.uint8), *self._roles]),
            nodes=nodes[: self._count],
            targets=nodes[self._count :],
            tree=tree,
            links=StringTable.of(list(self._links)),
            xattrs=StringTable.of(list(self._xattrs)),
            sparse=self._sparse,
            digests=np.frombuffer(bytes(self._digests), np.uint8).reshape(-1, 32)
            if self._hashed or not self._count
            else None,
            oddities={code: count for code, count in oddities.items() if count},
            tar_bytes=tar_bytes,
            trailing=result.trailing,
            broken=result.broken,
            diff_id=diff_id,
            blob_digest=blob_digest,
            compressed_bytes=compressed_bytes,
        )

    def _extended(
        self,
        index: int,
        extension: Extension,
        kinds: NDArray[np.uint8],
        stored: NDArray[np.int64],
        xattrs: NDArray[np.int32],
    ) -> None:
        """Extended attributes and the sparse map of one entry."""
        if extension.xattrs:
            xattrs[index] = self._xattrs.setdefault(extension.xattrs, len(self._xattrs))
        if extension.sparse is not None and kinds[index] == Kind.FILE:
            self._sparse[self._count + index] = extension.sparse
            stored[index] = min(extension.sparse.stored, int(stored[index]))

    def _link_column(
        self, targets: list[bytes], kinds: NDArray[np.uint8], roles: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """Link targets of symlinks and hard links; those of hard links are paths and join the names."""
        links = np.zeros(len(targets), np.int32)
        linked = ((kinds == Kind.SYMLINK) | (kinds == Kind.HARDLINK)) & (roles == Role.ENTRY)
        for index in np.flatnonzero(linked).tolist():
            target = targets[index]
            links[index] = self._links.setdefault(target, len(self._links))
            if kinds[index] == Kind.HARDLINK:
                self._targets.append(target)
        return links


_NO_DIGEST = bytes(32)


def _device(block: bytes) -> int:
    """Device numbers of a header; 0 where they make no sense: nothing depends on them but a view."""
    try:
        return parse_device(block)
    except HeaderError:
        return 0


def starts_like_a_tar(blob: Blob) -> bool:
    """Whether a blob is a tar, compressed or not, or empty as a layer may be: by its first block."""
    head = blob.pread(BLOCK, 0)
    compression = layer_compression(blob)
    if compression is not None:
        head = b""
        try:
            for piece in DecompressedStream(compression, blob.chunks(), blob.name, Limits()):
                head += piece[:BLOCK]
                if len(head) >= BLOCK:
                    break
        except DamagedStreamError:
            return False
    return looks_like_header(head[:BLOCK]) or not head.strip(b"\0")
