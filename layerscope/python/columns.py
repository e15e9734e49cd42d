"""Files and waste of an image as numpy columns: a million files are a few arrays, not a million objects."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.accounting import Waste as _Waste
from layerscope.filesystem.changes import WHY_NAMES
from layerscope.filesystem.inodes import Why
from layerscope.filesystem.model import Filesystem
from layerscope.filesystem.paths import PathTable
from layerscope.layers.index import KIND_NAMES, Kind
from layerscope.words import REASONS, Change

Texts = NDArray[np.object_]
"""Strings, equal ones mostly the same object. Bytes of names that are not UTF-8 are lone surrogates (`surrogateescape`)."""


class Table:
    """Columns of equal length, by name."""

    names: ClassVar[tuple[str, ...]] = ()
    """The columns, in the order of `columns`."""

    def columns(self) -> dict[str, NDArray[Any]]:
        """All columns by name, as `pandas.DataFrame` and `polars.DataFrame` take them."""
        return {name: getattr(self, name) for name in self.names}

    def __len__(self) -> int:
        return len(getattr(self, self.names[-1])) if self.names else 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self):,} rows: {', '.join(self.names)}>"


class Files(Table):
    """The paths of an image as a container sees them, one row each, in path order; without the root.

    Each column is made at its first use, and read-only from then on.
    """

    names: ClassVar[tuple[str, ...]] = (
        *("paths", "types", "bytes", "logical_bytes", "modes", "uids", "gids", "mtimes"),
        *("known", "link_targets", "layers"),
    )

    def __init__(self, filesystem: Filesystem, rows: NDArray[Any]) -> None:
        """`rows` are versions of paths."""
        self._filesystem = filesystem
        self._inodes = filesystem.inode_of[rows]
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @cached_property
    def paths(self) -> Texts:
        """Paths without a leading slash."""
        return _paths(self._filesystem.table, self._filesystem.paths[self._rows])

    @cached_property
    def types(self) -> Texts:
        """`file`, `directory`, `symlink`, `character-device`, `block-device`, `fifo`, `broken-link` or `unknown`."""
        names = np.array([KIND_NAMES[kind] for kind in Kind], object)
        return _frozen(names[self._kinds])

    @cached_property
    def bytes(self) -> NDArray[np.int64]:
        """Content bytes as stored; 0 unless it is a file. Each name of a hard link has them."""
        return _frozen(np.where(self._kinds == Kind.FILE, self._column("stored", np.int64), 0))

    @cached_property
    def logical_bytes(self) -> NDArray[np.int64]:
        """Sizes with the holes of sparse files."""
        sizes, sparse = self.bytes.copy(), self._filesystem.inodes.sparse
        if sparse:
            numbers = np.fromiter(sparse, self._inodes.dtype, len(sparse))
            for row in np.flatnonzero(np.isin(self._inodes, numbers) & (sizes > 0)).tolist():
                sizes[row] = sparse[int(self._inodes[row])].real_size
        return _frozen(sizes)

    @cached_property
    def modes(self) -> NDArray[np.uint16]:
        """Permission bits; like `uids`, `gids` and `mtimes`, 0 where not `known`."""
        return self._column("modes", np.uint16)

    @cached_property
    def uids(self) -> NDArray[np.int64]:
        """User IDs."""
        return self._column("uids", np.int64)

    @cached_property
    def gids(self) -> NDArray[np.int64]:
        """Group IDs."""
        return self._column("gids", np.int64)

    @cached_property
    def mtimes(self) -> NDArray[np.int64]:
        """Seconds since 1970."""
        return self._column("mtimes", np.int64)

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """Whether mode, owner and time are known: false for directories that no layer stores."""
        return _frozen(self._inodes != self._filesystem.inodes.implicit)

    @cached_property
    def link_targets(self) -> Texts:
        """Targets of symlinks and broken hard links; None for others."""
        links = self._filesystem.inodes.links
        texts = np.array([None, *(_text(links[number]) for number in range(1, len(links)))], object)
        return _frozen(texts[self._filesystem.inodes.columns.links[self._inodes]])

    @cached_property
    def layers(self) -> NDArray[np.int32]:
        """The layer that stores each path; for directories that no layer stores, the layer with the first entry below."""
        inodes = self._filesystem.inodes
        stored = np.where(
            self.known, inodes.layers(self._inodes), self._filesystem.born[self._rows]
        )
        return _frozen(stored.astype(np.int32))

    @property
    def _kinds(self) -> NDArray[np.uint8]:
        kinds: NDArray[np.uint8] = self._filesystem.inodes.columns.kinds[self._inodes]
        return kinds

    def _column(self, name: str, kind: type[Any]) -> NDArray[Any]:
        return _frozen(getattr(self._filesystem.inodes.columns, name)[self._inodes].astype(kind))


class Changes(Files):
    """The paths that a layer changes, in path order, with their state after the layer; removed paths have their former state."""

    names: ClassVar[tuple[str, ...]] = (*Files.names, "changes", "why")

    def __init__(self, filesystem: Filesystem, layer: int) -> None:
        span = filesystem.changes.of_layer(layer)
        before, after = filesystem.changes.before[span], filesystem.changes.after[span]
        super().__init__(filesystem, np.where(after >= 0, after, before))
        self._kinds_of_change = filesystem.changes.kinds[span]
        self._why = filesystem.changes.why[span]

    @cached_property
    def changes(self) -> Texts:
        """`added`, `modified`, `metadata`, `removed`; or `unchanged`, for an entry that changes nothing."""
        names = np.array([change.json_name for change in Change], object)
        return _frozen(names[self._kinds_of_change])

    @cached_property
    def why(self) -> Texts:
        """What differs, as a tuple of names: `content`, `mode`, `owner` …"""
        reasons = np.empty(1 << len(Why), object)
        for bits in range(len(reasons)):
            reasons[bits] = tuple(name for bit, name in WHY_NAMES.items() if bits & bit)
        return _frozen(reasons[self._why])


class Waste(Table):
    """Wasted contents: stored, but not in the final image; one row each, largest first."""

    names: ClassVar[tuple[str, ...]] = ("paths", "bytes", "reasons", "stored_in", "hidden_by")

    def __init__(self, filesystem: Filesystem, waste: _Waste) -> None:
        self._table = filesystem.table
        self._waste = waste

    def __len__(self) -> int:
        return len(self._waste)

    @cached_property
    def paths(self) -> Texts:
        """The last path of each content."""
        return _paths(self._table, self._waste.paths)

    @cached_property
    def bytes(self) -> NDArray[np.int64]:
        """Content bytes."""
        return _frozen(self._waste.bytes.astype(np.int64))

    @cached_property
    def reasons(self) -> Texts:
        """`deleted`, `type-changed`, `overwritten`, `metadata-only` or `identical`."""
        names = np.array([reason.value for reason in REASONS], object)
        return _frozen(names[self._waste.reasons])

    @cached_property
    def stored_in(self) -> NDArray[np.int32]:
        """The layer that stores it."""
        return _frozen(self._waste.stored_in.astype(np.int32))

    @cached_property
    def hidden_by(self) -> NDArray[np.int32]:
        """The layer that hides it."""
        return _frozen(self._waste.hidden_by.astype(np.int32))

    def by_reason(self) -> dict[str, int]:
        """Bytes by reason, largest first; reasons without waste are left out."""
        return {reason.value: size for reason, size in self._waste.by_reason().items()}


def _paths(table: PathTable, paths: NDArray[np.int32]) -> Texts:
    texts = np.empty(len(paths), object)
    texts[:] = [_text(path) for path in table.full_paths(paths)]
    return _frozen(texts)


def _text(name: bytes) -> str:
    return name.decode(errors="surrogateescape")


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    """The same array, made read-only: columns computed from it later must agree with it."""
    array.flags.writeable = False
    return array
