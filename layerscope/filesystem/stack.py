"""Stacks layers, each in three passes (docs/accounting.md; OCI image-spec, layer.md).

The passes are opaque markers, whiteouts, then all other entries. Most entries do not depend on each other's order and are
applied together with numpy; the few that do (a path listed twice, an entry below a file, a link to a lower layer) are applied
one by one in `sequential.py`. Both ways give the same result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from layerscope.filesystem.inodes import Inodes
from layerscope.filesystem.paths import PathTable
from layerscope.filesystem.sequential import SequentialStacker
from layerscope.filesystem.stack_state import Indices, LayerEntries, Rows, Stack, Unordered
from layerscope.filesystem.versions import Removal, Versions
from layerscope.layers.index import Kind, LayerIndex
from layerscope.layers.names import Role
from layerscope.progress import Progress, check

FEW = 12
"""Entries of a layer up to which it is faster to apply them one by one."""


def stack_layers(
    indexes: Sequence[LayerIndex],
    table: PathTable,
    node_paths: Sequence[Rows],
    inodes: Inodes,
    progress: Progress,
    *,
    plain: bool | None = None,
) -> Stack:
    """Apply all layers, lowest first. With `plain`, all entries are applied one by one; by default, those of small layers."""
    stack = Stack(
        table,
        inodes,
        Versions(int(inodes.first[-1])),
        np.full(len(table), -1, np.int32),
        np.zeros(len(table), bool),
    )
    for layer, index in enumerate(indexes):
        check(progress)
        stack.oddities.append(Counter())
        _Layer(stack, layer, index, node_paths[layer]).apply(plain)
        progress.advance(len(index))
    return stack


class _Layer:
    """One layer being applied."""

    def __init__(self, stack: Stack, layer: int, index: LayerIndex, node_paths: Rows) -> None:
        self.stack = stack
        self.layer = layer
        self.base = int(stack.inodes.first[layer])
        self.roles = index.roles
        self.paths = node_paths[index.nodes]
        self.kinds = stack.inodes.columns.kinds[self.base : self.base + len(index)]
        self.targets = np.full(len(index), -1, np.int32)
        links = (index.columns.kinds == Kind.HARDLINK) & (index.roles == Role.ENTRY)
        self.targets[links] = node_paths[index.targets]
        self.contents = np.full(len(index), -1, np.int32)
        self.contents[links] = index.link_contents

    def apply(self, plain: bool | None) -> None:
        count = len(self.roles)
        self._remove(np.flatnonzero(self.roles == Role.OPAQUE), below=1, first_event=0)
        self._remove(np.flatnonzero(self.roles == Role.WHITEOUT), below=0, first_event=count)
        positions = np.flatnonzero((self.roles == Role.ENTRY) & (self.paths > 0))
        entries = LayerEntries(
            positions,
            self.paths[positions],
            self.kinds[positions],
            self.targets[positions],
            self.contents[positions],
        )
        if not len(entries):
            return
        if len(entries) <= FEW if plain is None else plain:
            everything = Unordered(
                np.ones(1, np.int32), np.array([len(self.stack.table)], np.int32)
            )
            self._sequential(entries, entries, everything)
            return
        ancestors = self._ancestors(entries.paths)
        unordered = self._unordered(entries, ancestors)
        entries = self._without_repeated_directories(entries, unordered)
        slow, inodes = self._split(entries, unordered)
        orderly = entries.where(~slow)
        if slow.any():
            self._sequential(entries.where(slow), entries, unordered, orderly, inodes[~slow])
        self._apply_orderly(orderly, inodes[~slow])
        self._add_implicit(ancestors[~unordered.contains(ancestors)])

    # passes 1 and 2

    def _remove(self, markers: Indices, below: int, first_event: int) -> None:
        """Remove what these markers name: the path and its subtree, or with `below` = 1 only what is below the path."""
        if not len(markers):
            return
        stack, table = self.stack, self.stack.table
        paths, first = np.unique(self.paths[markers], return_index=True)
        ends = table.ends[paths]
        outermost = np.concatenate([[True], ends[1:] > np.maximum.accumulate(ends)[:-1]])
        spans = [
            stack.standing[start + below : end]
            for start, end in zip(paths[outermost].tolist(), ends[outermost].tolist(), strict=True)
        ]
        rows = np.concatenate(spans)
        rows = rows[rows >= 0]
        if not len(rows):
            return
        events = np.full(
            len(rows), first_event, np.int64
        )  # a lower bound: whiteouts come after opaque markers
        event_of = dict(zip(paths.tolist(), (first_event + markers[first]).tolist(), strict=True))
        self._order_shared(rows, events, event_of, below)
        stack.versions.kill(rows, self.layer, Removal.DELETED, events)
        stack.standing[stack.versions.paths[rows]] = -1

    def _order_shared(
        self, rows: Rows, events: Indices, event_of: dict[int, int], below: int
    ) -> None:
        """Order the removals of inodes with several names: each name is removed by its earliest marker."""
        versions, table = self.stack.versions, self.stack.table
        inodes = versions.inodes[rows]
        files = self.stack.inodes.columns.kinds[inodes] == Kind.FILE
        _, inverse, counts = np.unique(inodes, return_inverse=True, return_counts=True)
        for index in np.flatnonzero((counts[inverse] > 1) & files).tolist():
            path = int(versions.paths[rows[index]])
            if below:
                path = int(table.parents[path])
            found = []
            while True:
                if (event := event_of.get(path)) is not None:
                    found.append(event)
                if not path:
                    break
                path = int(table.parents[path])
            events[index] = min(found)

    # pass 3

    def _without_repeated_directories(
        self, entries: LayerEntries, unordered: Unordered
    ) -> LayerEntries:
        """Drop all but the last entry of directories listed several times outside the unordered subtrees."""
        order = np.argsort(entries.paths, kind="stable")
        paths = entries.paths[order]
        repeated = paths[1:] == paths[:-1]
        if not repeated.any():
            return entries
        superseded = np.concatenate([repeated, [False]]) & ~unordered.contains(paths)
        keep = np.ones(len(entries), bool)
        keep[order[superseded]] = False
        return entries.where(keep)

    def _ancestors(self, paths: Rows) -> Rows:
        """All directories above these paths, without the root."""
        parents, seen = self.stack.table.parents, self.stack.seen
        found = [np.zeros(0, np.int32)]
        level = paths
        while len(level):
            level = np.unique(parents[level])
            level = level[(level > 0) & ~seen[level]]
            seen[level] = True
            found.append(level)
        ancestors = np.sort(np.concatenate(found))
        seen[ancestors] = False
        return ancestors

    def _unordered(self, entries: LayerEntries, ancestors: Rows) -> Unordered:
        """The subtrees in which the order of entries matters."""
        stack, table = self.stack, self.stack.table
        paths = np.sort(entries.paths)
        repeated = np.unique(paths[1:][paths[1:] == paths[:-1]])
        leaves = entries.paths[entries.kinds != Kind.DIRECTORY]
        # A directory over nothing or over a directory may be repeated: only the last entry matters.
        harmless = (stack.standing[repeated] < 0) | self._stands(repeated, Kind.DIRECTORY)
        repeated = repeated[~harmless | np.isin(repeated, leaves)]
        holds_more = np.searchsorted(paths, table.ends[leaves], "left") > np.searchsorted(
            paths, leaves, "right"
        )
        over_directory = self._stands(leaves, Kind.DIRECTORY)
        standing = stack.standing[ancestors] >= 0
        under_leaf = ancestors[standing & ~self._stands(ancestors, Kind.DIRECTORY)]
        tops = np.unique(
            np.concatenate([repeated, leaves[holds_more | over_directory], under_leaf])
        )
        ends = table.ends[tops]
        outermost = np.concatenate([ends[:1] > 0, ends[1:] > np.maximum.accumulate(ends)[:-1]])
        return Unordered(tops[outermost], ends[outermost])

    def _stands(self, paths: Rows, kind: Kind) -> NDArray[np.bool_]:
        """Mask of the paths whose current version is of this kind."""
        rows = self.stack.standing[paths]
        inodes = self.stack.versions.inodes[rows]
        stands: NDArray[np.bool_] = (rows >= 0) & (self.stack.inodes.columns.kinds[inodes] == kind)
        return stands

    def _split(self, entries: LayerEntries, unordered: Unordered) -> tuple[NDArray[np.bool_], Rows]:
        """Which entries must be applied one by one, and the inodes of all entries.

        Hard links to earlier entries of this layer are resolved here.
        """
        slow = unordered.contains(entries.paths)
        inodes = (self.base + entries.positions).astype(np.int32)
        links = np.flatnonzero((entries.kinds == Kind.HARDLINK) & ~slow)
        known = entries.contents[links] >= 0
        inodes[links[known]] = self.base + entries.contents[links[known]]
        links = links[~known]
        if not len(links):
            return slow, inodes
        order = np.argsort(entries.paths, kind="stable")
        found = np.searchsorted(entries.paths[order], entries.targets[links])
        candidates = order[np.minimum(found, len(order) - 1)]
        usable = (
            (entries.paths[candidates] == entries.targets[links])
            & (candidates < links)
            & (entries.kinds[candidates] != Kind.DIRECTORY)
        )
        for link, candidate, ok in zip(
            links.tolist(), candidates.tolist(), usable.tolist(), strict=True
        ):
            if ok and not slow[candidate]:
                inodes[link] = inodes[candidate]
            else:
                slow[link] = True
        return slow, inodes

    def _sequential(
        self,
        slow: LayerEntries,
        entries: LayerEntries,
        unordered: Unordered,
        orderly: LayerEntries | None = None,
        inodes: Rows | None = None,
    ) -> None:
        stacker = SequentialStacker(
            self.stack, self.layer, self.base, 2 * len(self.roles), unordered
        )
        stacker.stored_here = set(entries.paths[np.isin(entries.paths, slow.targets)].tolist())
        if orderly is not None and inodes is not None:
            wanted = np.isin(orderly.paths, slow.targets)
            columns = (orderly.paths[wanted], orderly.positions[wanted], inodes[wanted])
            stacker.orderly = {
                path: (position, inode)
                for path, position, inode in zip(
                    *(column.tolist() for column in columns), strict=True
                )
            }
        stacker.run(slow)

    def _apply_orderly(self, entries: LayerEntries, inodes: Rows) -> None:
        """Apply entries that do not affect each other."""
        stack = self.stack
        versions, kinds = stack.versions, stack.inodes.columns.kinds
        rows = stack.standing[entries.paths]
        over = rows >= 0
        old, new = kinds[versions.inodes[rows[over]]], kinds[inodes[over]]
        both_files = (old == Kind.FILE) & (new == Kind.FILE)
        removal = np.where(both_files, Removal.REPLACED, Removal.TYPE_CHANGED).astype(np.uint8)
        events = 2 * len(self.roles) + entries.positions[over]
        versions.kill(rows[over], self.layer, removal, events, inodes[over])
        stack.standing[entries.paths] = versions.append(entries.paths, inodes, self.layer)

    def _add_implicit(self, ancestors: Rows) -> None:
        """Add directories that have no entry but are needed as parents."""
        stack = self.stack
        missing = ancestors[stack.standing[ancestors] < 0]
        stack.standing[missing] = stack.versions.append(missing, stack.inodes.implicit, self.layer)
