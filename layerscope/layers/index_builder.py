"""Builds the columns of a `LayerIndex` from entries."""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from layerscope.layers.extensions import Extension, SparseMap
from layerscope.layers.index import Columns, Kind, LayerIndex, kinds_of
from layerscope.layers.names import PathTreeBuilder, Role, clean
from layerscope.layers.strings import StringTable
from layerscope.layers.tarheader import BLOCK, HeaderColumns, HeaderError, parse_device
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
        self._aufs_links: dict[bytes, list[int]] = {}
        """Regular files in the AUFS directory of links, by path, in ascending order."""
        self.count = 0
        """Number of entries so far."""
        self._unknown = 0

    def add(self, batch: Batch) -> None:
        """Add entries from a walk over a tar. Raises `LimitExceededError`."""
        kinds = kinds_of(batch.columns)
        devices = np.zeros(len(kinds), np.int64)
        for index in ((kinds == Kind.CHARACTER) | (kinds == Kind.BLOCK)).nonzero()[0].tolist():
            devices[index] = _device(batch.headers[index * BLOCK : (index + 1) * BLOCK])
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
        """Add entries from any source. Raises `LimitExceededError`."""
        count = len(kinds)
        if self.count + count > self._limits.entries:
            raise self._limits.exceeded("entries", self._where)
        roles = self._names.add(columns.names)
        holds_content = roles == Role.ENTRY
        for entry, name in self._names.aufs_links:
            if kinds[entry - self.count] == Kind.FILE:
                holds_content[entry - self.count] = True
                self._aufs_links.setdefault(name, []).append(entry)
        self._names.aufs_links.clear()
        stored = np.where((kinds == Kind.FILE) & holds_content, columns.sizes, 0)
        xattrs = np.zeros(count, np.int32)
        for index, extension in extensions.items():
            self._add_extension(index, extension, kinds, stored, xattrs)
        self._roles.append(roles)
        part = Columns(
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
        self._parts.append(part.narrowed() if count >= _MANY else part)
        self._unknown += int(((kinds == Kind.UNKNOWN) & (roles == Role.ENTRY)).sum())
        if self._hashed or any(digest is not None for digest in digests):
            self._hashed = True
            self._digests += b"".join(digest or _NO_DIGEST for digest in digests)
        self.count += count

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
        columns = Columns.joined(self._parts)
        roles = np.concatenate([np.zeros(0, np.uint8), *self._roles])
        link_contents = self._link_contents(columns, roles)
        return LayerIndex(
            columns=columns.narrowed(),
            roles=roles,
            nodes=nodes[: self.count],
            targets=nodes[self.count :],
            link_contents=link_contents,
            tree=tree,
            links=StringTable.of(list(self._links)),
            xattrs=StringTable.of(list(self._xattrs)),
            sparse=self._sparse,
            digests=np.frombuffer(bytes(self._digests), np.uint8).reshape(-1, 32)
            if self._hashed or not self.count
            else None,
            oddities={code: count for code, count in oddities.items() if count},
            tar_bytes=tar_bytes,
            trailing=result.trailing,
            broken=result.broken,
            diff_id=diff_id,
            blob_digest=blob_digest,
            compressed_bytes=compressed_bytes,
        )

    def _link_contents(self, columns: Columns, roles: NDArray[np.uint8]) -> NDArray[np.int32]:
        """For each hard link, the AUFS file with its content; -1 for none. Files without links get size 0 in `columns`.

        If several files have the same path, a link refers to the last one before it, otherwise to the first.
        """
        contents = np.full(len(self._targets), -1, np.int32)
        if not self._aufs_links:
            return contents
        links = np.flatnonzero((columns.kinds == Kind.HARDLINK) & (roles == Role.ENTRY))
        for number, (link, target) in enumerate(zip(links.tolist(), self._targets, strict=True)):
            files = self._aufs_links.get(clean(target)[0])
            if files is not None:
                contents[number] = files[max(bisect(files, link) - 1, 0)]
        files = [entry for entries in self._aufs_links.values() for entry in entries]
        columns.stored[np.setdiff1d(files, contents)] = 0
        return contents

    def _add_extension(
        self,
        index: int,
        extension: Extension,
        kinds: NDArray[np.uint8],
        stored: NDArray[np.int64],
        xattrs: NDArray[np.int32],
    ) -> None:
        """Store extended attributes and sparse map of an entry."""
        if extension.xattrs:
            xattrs[index] = self._xattrs.setdefault(extension.xattrs, len(self._xattrs))
        if extension.sparse is not None and kinds[index] == Kind.FILE:
            self._sparse[self.count + index] = extension.sparse
            stored[index] = min(extension.sparse.stored, int(stored[index]))

    def _link_column(
        self, targets: list[bytes], kinds: NDArray[np.uint8], roles: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """Link targets of symlinks and hard links. Targets of hard links are paths, and are added to the names."""
        links = np.zeros(len(targets), np.int32)
        linked = ((kinds == Kind.SYMLINK) | (kinds == Kind.HARDLINK)) & (roles == Role.ENTRY)
        for index in linked.nonzero()[0].tolist():
            target = targets[index]
            links[index] = self._links.setdefault(target, len(self._links))
            if kinds[index] == Kind.HARDLINK:
                self._targets.append(target)
        return links


_NO_DIGEST = bytes(32)
_MANY = 1024
"""Number of entries that take less memory until the end if their columns are narrowed at once."""


def _device(block: bytes) -> int:
    """Device numbers of a header; 0 if malformed, because they are only displayed."""
    try:
        return parse_device(block)
    except HeaderError:
        return 0
