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
"""Maximum entries of a layer that are faster to apply one by one."""


def stack_layers(
    indexes: Sequence[LayerIndex],
    table: PathTable,
    node_paths: Sequence[Rows],
    inodes: Inodes,
    progress: Progress,
    *,
    one_by_one: bool | None = None,
) -> Stack:
    """Apply all layers, lowest first. With `one_by_one`, all entries are applied one by one; by default, those of small layers."""
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
        _Layer(stack, layer, index, node_paths[layer]).apply(one_by_one)
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
        self.targets = self.contents = np.full(len(index), -1, np.int32)
        if len(index.targets):
            links = (index.columns.kinds == Kind.HARDLINK) & (index.roles == Role.ENTRY)
            self.targets[links] = node_paths[index.targets]
            self.contents = np.full(len(index), -1, np.int32)
            self.contents[links] = index.link_contents

    def apply(self, one_by_one: bool | None) -> None:
        count = len(self.roles)
        if self.roles.any():
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
        if len(entries) <= FEW if one_by_one is None else one_by_one:
            self._sequential(entries, entries, None)
            return
        ancestors = self._ancestors(entries.paths)
        unordered = self._unordered(entries, ancestors)
        entries = self._without_repeated_directories(entries, unordered)
        sequential, inodes = self._split(entries, unordered)
        independent = entries.where(~sequential)
        if sequential.any():
            self._sequential(
                entries.where(sequential), entries, unordered, independent, inodes[~sequential]
            )
        self._apply_independent(independent, inodes[~sequential])
        self._add_implicit(ancestors[~unordered.contains(ancestors)])

    # passes 1 and 2

    def _remove(self, markers: Indices, below: int, first_event: int) -> None:
        """Remove the paths of these markers with their subtrees; with `below` = 1, only the paths below them."""
        if not len(markers):
            return
        stack, table = self.stack, self.stack.table
        paths, first = np.unique(self.paths[markers], return_index=True)
        ends = table.ends[paths]
        outermost = np.concatenate([[True], ends[1:] > np.maximum.accumulate(ends)[:-1]])
        spans = [
            stack.current[start + below : end]
            for start, end in zip(paths[outermost].tolist(), ends[outermost].tolist(), strict=True)
        ]
        rows = np.concatenate(spans)
        rows = rows[rows >= 0]
        if not len(rows):
            return
        events = np.full(
            len(rows), first_event, np.int64
        )  # a lower bound, as whiteouts come after opaque markers
        event_of = dict(zip(paths.tolist(), (first_event + markers[first]).tolist(), strict=True))
        self._order_shared(rows, events, event_of, below)
        stack.versions.kill(rows, self.layer, Removal.DELETED, events)
        stack.current[stack.versions.paths[rows]] = -1

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
            marker_events = []
            while True:
                if (event := event_of.get(path)) is not None:
                    marker_events.append(event)
                if not path:
                    break
                path = int(table.parents[path])
            events[index] = min(marker_events)

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
        parents, marks = self.stack.table.parents, self.stack.marks
        levels = [np.zeros(0, np.int32)]
        level = paths
        while len(level):
            level = np.unique(parents[level])
            level = level[(level > 0) & ~marks[level]]
            marks[level] = True
            levels.append(level)
        ancestors = np.sort(np.concatenate(levels))
        marks[ancestors] = False
        return ancestors

    def _unordered(self, entries: LayerEntries, ancestors: Rows) -> Unordered:
        """The subtrees in which the order of entries matters."""
        stack, table = self.stack, self.stack.table
        paths = np.sort(entries.paths)
        repeated = np.unique(paths[1:][paths[1:] == paths[:-1]])
        leaves = entries.paths[entries.kinds != Kind.DIRECTORY]
        # A directory that replaces nothing or a directory may be repeated: only the last entry matters.
        harmless = (stack.current[repeated] < 0) | self._has_kind(repeated, Kind.DIRECTORY)
        repeated = repeated[~harmless | np.isin(repeated, leaves)]
        has_entries_below = np.searchsorted(paths, table.ends[leaves], "left") > np.searchsorted(
            paths, leaves, "right"
        )
        replaces_directory = self._has_kind(leaves, Kind.DIRECTORY)
        exists = stack.current[ancestors] >= 0
        under_leaf = ancestors[exists & ~self._has_kind(ancestors, Kind.DIRECTORY)]
        tops = np.unique(
            np.concatenate([repeated, leaves[has_entries_below | replaces_directory], under_leaf])
        )
        ends = table.ends[tops]
        outermost = np.concatenate([ends[:1] > 0, ends[1:] > np.maximum.accumulate(ends)[:-1]])
        return Unordered(tops[outermost], ends[outermost])

    def _has_kind(self, paths: Rows, kind: Kind) -> NDArray[np.bool_]:
        """Mask of the paths whose current version is of this kind."""
        rows = self.stack.current[paths]
        inodes = self.stack.versions.inodes[rows]
        has_kind: NDArray[np.bool_] = (rows >= 0) & (
            self.stack.inodes.columns.kinds[inodes] == kind
        )
        return has_kind

    def _split(self, entries: LayerEntries, unordered: Unordered) -> tuple[NDArray[np.bool_], Rows]:
        """A mask of the entries that must be applied one by one, and the inodes of all entries.

        Hard links to earlier entries of this layer are resolved here.
        """
        sequential = unordered.contains(entries.paths)
        inodes = (self.base + entries.positions).astype(np.int32)
        links = np.flatnonzero((entries.kinds == Kind.HARDLINK) & ~sequential)
        in_aufs_file = entries.contents[links] >= 0
        inodes[links[in_aufs_file]] = self.base + entries.contents[links[in_aufs_file]]
        links = links[~in_aufs_file]
        if not len(links):
            return sequential, inodes
        order = np.argsort(entries.paths, kind="stable")
        insertion = np.searchsorted(entries.paths[order], entries.targets[links])
        candidates = order[np.minimum(insertion, len(order) - 1)]
        usable = (
            (entries.paths[candidates] == entries.targets[links])
            & (candidates < links)
            & (entries.kinds[candidates] != Kind.DIRECTORY)
        )
        for link, candidate, is_usable in zip(
            links.tolist(), candidates.tolist(), usable.tolist(), strict=True
        ):
            if is_usable and not sequential[candidate]:
                inodes[link] = inodes[candidate]
            else:
                sequential[link] = True
        return sequential, inodes

    def _sequential(
        self,
        sequential: LayerEntries,
        entries: LayerEntries,
        unordered: Unordered | None,
        independent: LayerEntries | None = None,
        inodes: Rows | None = None,
    ) -> None:
        stacker = SequentialStacker(
            self.stack, self.layer, self.base, 2 * len(self.roles), unordered
        )
        if self.contents is not self.targets:  # there are hard links
            is_target = np.isin(entries.paths, sequential.targets)
            stacker.stored_here = set(entries.paths[is_target].tolist())
        if independent is not None and inodes is not None:
            is_target = np.isin(independent.paths, sequential.targets)
            columns = (
                independent.paths[is_target],
                independent.positions[is_target],
                inodes[is_target],
            )
            stacker.independent = {
                path: (position, inode)
                for path, position, inode in zip(
                    *(column.tolist() for column in columns), strict=True
                )
            }
        stacker.run(sequential)

    def _apply_independent(self, entries: LayerEntries, inodes: Rows) -> None:
        """Apply entries that do not affect each other."""
        stack = self.stack
        versions, kinds = stack.versions, stack.inodes.columns.kinds
        rows = stack.current[entries.paths]
        replacing = rows >= 0
        old, new = kinds[versions.inodes[rows[replacing]]], kinds[inodes[replacing]]
        both_files = (old == Kind.FILE) & (new == Kind.FILE)
        removal = np.where(both_files, Removal.REPLACED, Removal.TYPE_CHANGED).astype(np.uint8)
        events = 2 * len(self.roles) + entries.positions[replacing]
        versions.kill(rows[replacing], self.layer, removal, events, inodes[replacing])
        stack.current[entries.paths] = versions.append(entries.paths, inodes, self.layer)

    def _add_implicit(self, ancestors: Rows) -> None:
        """Add directories that have no entry but are needed as parents."""
        stack = self.stack
        missing = ancestors[stack.current[ancestors] < 0]
        stack.current[missing] = stack.versions.append(missing, stack.inodes.implicit, self.layer)
