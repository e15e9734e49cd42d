"""From entries, as they come, to the columns of a `LayerIndex`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from layerscope.layers.extensions import Extension, SparseMap
from layerscope.layers.index import Columns, Kind, LayerIndex, kinds_of
from layerscope.layers.names import PathTreeBuilder, Role
from layerscope.layers.strings import StringTable
from layerscope.layers.tarheader import HeaderColumns, HeaderError, parse_device
from layerscope.layers.walk import Batch, WalkResult
from layerscope.limits import Limits


class IndexBuilder:
    """Turns batches of entries into a `LayerIndex`."""

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
        """Take entries as a walk over a tar hands them over."""
        kinds = kinds_of(batch.columns)
        devices = np.zeros(len(batch.blocks), np.int64)
        for index in np.flatnonzero((kinds == Kind.CHARACTER) | (kinds == Kind.BLOCK)).tolist():
            devices[index] = _device(batch.blocks[index])
        self.take(batch.columns, kinds, devices, batch.offsets, batch.digests, batch.extensions)

    def take(
        self,
        columns: HeaderColumns,
        kinds: NDArray[np.uint8],
        devices: NDArray[np.int64],
        offsets: Sequence[int],
        digests: Sequence[bytes | None],
        extensions: Mapping[int, Extension],
    ) -> None:
        """Take entries from wherever they are known. Raises `LimitExceededError`."""
        count = len(kinds)
        if self._count + count > self._limits.entries:
            raise self._limits.exceeded("entries", self._where)
        roles = np.array(self._names.add(columns.names), np.uint8)
        stored = np.where((kinds == Kind.FILE) & (roles == Role.ENTRY), columns.sizes, 0)
        xattrs = np.zeros(count, np.int32)
        for index, extension in extensions.items():
            self._extended(index, extension, kinds, stored, xattrs)
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
                np.array(offsets, np.int64),
            )
        )
        self._unknown += int(((kinds == Kind.UNKNOWN) & (roles == Role.ENTRY)).sum())
        if self._hashed or any(digest is not None for digest in digests):
            self._hashed = True
            self._digests += b"".join(digest or _NO_DIGEST for digest in digests)
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
