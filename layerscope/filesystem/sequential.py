"""Applies entries one by one, by the accounting rules, where their order matters."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from layerscope.filesystem.stack_state import LayerEntries, Stack, Unordered
from layerscope.filesystem.versions import Removal
from layerscope.layers.index import Kind

_FILE, _DIRECTORY = int(Kind.FILE), int(Kind.DIRECTORY)
"""Plain numbers: numpy compares its scalars with them twenty times as fast as with members of an enum."""


class SequentialStacker:
    """Applies entries of one layer in tar order.

    Parents are created only inside the unordered subtrees: directories above them exist, or are added by the caller. If
    `unordered` is None, the whole tree is unordered.
    """

    def __init__(
        self, stack: Stack, layer: int, base: int, first_event: int, unordered: Unordered | None
    ) -> None:
        self._stack = stack
        self._layer = layer
        self._base = base
        self._first_event = first_event
        self._unordered = unordered
        self._oddities = stack.oddities[layer]
        self.stored_here: set[int] = set()
        """Link targets for which this layer has an entry, before or after the link."""
        self.independent: dict[int, tuple[int, int]] = {}
        """Position and inode of those targets that are outside the unordered subtrees."""
        self._added: defaultdict[int, list[int]] = defaultdict(list)
        """Paths added here, by parent."""
        self._cleared: set[int] = set()
        """Directories below which all older versions were removed, so that only `_added` paths exist."""

    def run(self, entries: LayerEntries) -> None:
        """Apply these entries."""
        columns = (
            entries.positions,
            entries.paths,
            entries.kinds,
            entries.targets,
            entries.contents,
        )
        for position, path, kind, target, content in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            self._apply(position, path, kind, target, content)

    def _apply(self, position: int, path: int, kind: int, target: int, content: int) -> None:
        inode = self._base + position
        event = self._first_event + position
        if content >= 0:
            inode = self._base + content
        elif kind == Kind.HARDLINK:
            linked_inode = self._look_up(target, position)
            if linked_inode is None:
                self._stack.inodes.columns.kinds[inode] = Kind.BROKEN_LINK
            else:
                inode = linked_inode
        self._make_parents(path, event)
        self._put(path, inode, event, is_link=kind == Kind.HARDLINK)

    def _look_up(self, target: int, position: int) -> int | None:
        """The inode of a hard link's target at this point; None if the link is broken."""
        stack = self._stack
        inode = None
        row = int(stack.current[target])
        if target in self.independent and self.independent[target][0] < position:
            inode = self.independent[target][1]
        elif row >= 0:
            inode = int(stack.versions.inodes[row])
        if inode is None or stack.inodes.columns.kinds[inode] == Kind.DIRECTORY:
            forward = inode is None and target in self.stored_here
            self._oddities["link-forward" if forward else "link-broken"] += 1
            return None
        if inode < self._base:
            self._oddities["link-across-layers"] += 1
        return inode

    def _make_parents(self, path: int, event: int) -> None:
        """Create implicit directories above `path` where there are none; they replace anything that is not a directory."""
        stack = self._stack
        parents = stack.table.parents
        top = 1 if self._unordered is None else self._unordered.top(path)
        missing: list[int] = []
        parent = int(parents[path])
        while parent >= top and parent:
            row = int(stack.current[parent])
            if row >= 0:
                if stack.inodes.columns.kinds[stack.versions.inodes[row]] == _DIRECTORY:
                    break
                self._oddities["parent-replaced"] += 1
                stack.versions.kill(row, self._layer, Removal.TYPE_CHANGED, event)
            missing.append(parent)
            parent = int(parents[parent])
        for directory in reversed(missing):
            self._set_current(directory, stack.inodes.implicit)

    def _put(self, path: int, inode: int, event: int, *, is_link: bool) -> None:
        """Put an inode at `path`, replacing the current version."""
        stack, versions = self._stack, self._stack.versions
        kinds = stack.inodes.columns.kinds
        row = int(stack.current[path])
        if row >= 0:
            old = int(versions.inodes[row])
            directory = kinds[old] == _DIRECTORY
            if (
                old >= self._base
                and old != stack.inodes.implicit
                and not (directory and kinds[inode] == _DIRECTORY)
                and not (is_link and old == inode)
            ):
                self._oddities["entry-repeated"] += 1
            if directory and kinds[inode] != _DIRECTORY:
                self._kill_below(path, event)
            both_files = kinds[old] == _FILE and kinds[inode] == _FILE
            versions.kill(
                row,
                self._layer,
                Removal.REPLACED if both_files else Removal.TYPE_CHANGED,
                event,
                inode,
            )
        self._set_current(path, inode)

    def _set_current(self, path: int, inode: int) -> None:
        self._stack.current[path] = self._stack.versions.append_one(path, inode, self._layer)
        self._added[int(self._stack.table.parents[path])].append(path)

    def _kill_below(self, path: int, event: int) -> None:
        """Remove everything below a directory that is being replaced."""
        stack = self._stack
        if path not in self._cleared:
            self._cleared.add(path)
            below = stack.current[path + 1 : stack.table.ends[path]]
            self._kill(below[below >= 0], event)
        pending = self._added.pop(path, [])
        while pending:
            child = pending.pop()
            row = int(stack.current[child])
            if row >= 0:
                self._kill(np.array([row], np.int32), event)
            pending += self._added.pop(child, [])

    def _kill(self, rows: NDArray[np.int32], event: int) -> None:
        stack = self._stack
        stack.versions.kill(rows, self._layer, Removal.TYPE_CHANGED, event)
        stack.current[stack.versions.paths[rows]] = -1
