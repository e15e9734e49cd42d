"""What there is to say of a row of the file tree beside its name: what it replaces, what changed about it."""

from __future__ import annotations

from layerscope import text
from layerscope.analysis.duplicates import Copies
from layerscope.browse.modes import Mode
from layerscope.browse.rows import TreeRow
from layerscope.browse.tree import TreeView
from layerscope.filesystem.inodes import Why
from layerscope.layers.index import Kind
from layerscope.words import Change

_WHY_WORDS = {
    Why.TYPE: "type",
    Why.CONTENT: "content",
    Why.TARGET: "target",
    Why.DEVICE: "device",
    Why.MODE: "mode",
    Why.OWNER: "owner",
    Why.MTIME: "time",
    Why.XATTRS: "extended attributes",
}


def note(view: TreeView, entry: TreeRow) -> str:
    """A few words on a change; empty where there is nothing to add."""
    if entry.context or entry.change not in (Change.MODIFIED, Change.METADATA, Change.REMOVED):
        return ""
    before = version_before(view, entry.path)
    if before is None:
        return ""
    filesystem = view.filesystem
    inode = int(filesystem.inode_of[before])
    layer = filesystem.inodes.layer(inode)
    if inode == filesystem.inodes.implicit:
        layer = int(filesystem.born[before])
    if entry.change is Change.REMOVED:
        return f"was in layer {layer}"
    if entry.change is Change.METADATA:
        return _attributes(view, entry, inode)
    if int(filesystem.kinds[before]) == Kind.FILE:
        return f"replaces {text.size(int(filesystem.stored[before]))} from layer {layer}"
    kind = Kind(int(filesystem.kinds[before])).name.lower().replace("_", " ")
    return f"replaces a {kind} from layer {layer}"


def copies_note(view: TreeView, entry: TreeRow, copies: Copies | None) -> str:
    """Which copy of its content a file of the final image is; empty if it is the only one."""
    filesystem = view.filesystem
    if copies is None or entry.kind is not Kind.FILE or entry.version < 0 or entry.removed:
        return ""
    if filesystem.died[entry.version] != filesystem.layer_count:
        return ""
    found = copies.of(entry.path)
    if found is None:
        return ""
    return f"duplicate {found[0] + 1:,} of {len(found[1].paths):,}"


def version_before(view: TreeView, path: int) -> int | None:
    """The version of a path that stood before the layer or the range."""
    filesystem = view.filesystem
    since = view.since if view.mode is Mode.RANGE else view.layer - 1
    rows = filesystem.rows_of(path)
    for row in range(rows.start, rows.stop):
        if filesystem.born[row] <= since < filesystem.died[row]:
            return row
    return None


def _attributes(view: TreeView, entry: TreeRow, before: int) -> str:
    """Which attributes differ; the old and the new one of the first."""
    columns = view.filesystem.inodes.columns
    if Why.MODE in entry.why:
        old = int(columns.modes[before])
        return f"mode {old:04o} → {entry.mode:04o}"
    if Why.OWNER in entry.why:
        old_owner = f"{int(columns.uids[before])}:{int(columns.gids[before])}"
        return f"owner {old_owner} → {entry.uid}:{entry.gid}"
    words = [word for why, word in _WHY_WORDS.items() if why in entry.why]
    return ", ".join(words)
