"""Rows of a file tree, ready to be painted."""

from __future__ import annotations

from msgspec import Struct

from layerscope.browse.modes import NO_CHANGE, Selection
from layerscope.filesystem.inodes import Why
from layerscope.layers.index import Kind
from layerscope.words import Change


class TreeRow(Struct, frozen=True):
    """One row, ready to be painted. Sizes are bytes of content."""

    path: int
    name: bytes
    """The last component; the full path in a flat list."""
    depth: int
    """Number of directories above it; 0 at the top and in a flat list."""
    kind: Kind
    expanded: bool
    has_children: bool
    """Whether there are rows below it, open or not. A file has some if it replaced a directory: the removed paths."""
    change: Change | None
    """The change by the layer or range; None if it does not change the path."""
    why: Why
    context: bool
    """Whether it is shown only because of paths below it."""
    own_bytes: int
    """Content bytes of the path itself; of a removed file, its former size."""
    total_bytes: int
    """Content bytes at and below it: visible, or added and changed, by mode. An inode counts once; removed ones do not count."""
    total_files: int
    """Number of names of regular files in that total."""
    removed_bytes: int
    """Former content bytes of removed files at and below it."""
    mode: int
    """Permission bits. Mode, owner and time are 0 if `known` is false."""
    uid: int
    gid: int
    mtime: int
    """Whole seconds since 1970."""
    known: bool
    """Whether it has a tar entry; implicit directories have none."""
    target: bytes
    """Target of a symlink or broken hard link; otherwise empty."""
    version: int
    """Row of the version shown."""
    layer: int
    """The layer that stored the version shown."""
    share: float
    """Share of the parent's total, 0 to 1."""

    @property
    def is_directory(self) -> bool:
        """Whether a directory is shown."""
        return self.kind is Kind.DIRECTORY

    @property
    def removed(self) -> bool:
        """Whether the layer or range removes the path."""
        return self.change is Change.REMOVED


def make_row(
    selection: Selection, path: int, *, children: bool, opened: bool, flat: bool
) -> TreeRow:
    """The row of a path that is present. Rows are made only when they are painted."""
    filesystem = selection.filesystem
    table, inodes = filesystem.table, filesystem.inodes
    columns = inodes.columns
    version = int(selection.versions[path])
    inode = int(filesystem.inode_of[version]) if version >= 0 else inodes.implicit
    known = inode != inodes.implicit
    kind = Kind(int(columns.kinds[inode]))
    change = int(selection.changes[path])
    total = int(selection.totals.bytes[path])
    parent_total = int(selection.totals.bytes[0 if flat else table.parents[path]])
    return TreeRow(
        path=path,
        name=table.full(path) if flat else table.name(path),
        depth=0 if flat else int(table.depths[path]) - 1,
        kind=kind,
        expanded=children and opened,
        has_children=children,
        change=None if change == NO_CHANGE else Change(change),
        why=Why(int(selection.why[path])),
        context=bool(selection.context[path]),
        own_bytes=int(columns.stored[inode]) if kind is Kind.FILE else 0,
        total_bytes=total,
        total_files=int(selection.totals.files[path]),
        removed_bytes=int(selection.removed[path]),
        mode=int(columns.modes[inode]),
        uid=int(columns.uids[inode]),
        gid=int(columns.gids[inode]),
        mtime=int(columns.mtimes[inode]),
        known=known,
        target=inodes.target(inode),
        version=version,
        layer=inodes.layer(inode) if known else int(filesystem.born[version]),
        share=total / parent_total if parent_total else 0.0,
    )
