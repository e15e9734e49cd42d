"""The accounting rules in the plainest form: a dict from path to node, without optimisation.

It is slow on purpose and independent of the product, which must agree with it on random images.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.images import Member

# --- The result for an image ----------------------------------------------------------------

FILE = "file"
DIRECTORY = "directory"
SYMLINK = "symlink"
CHARACTER = "character-device"
BLOCK = "block-device"
FIFO = "fifo"
BROKEN = "broken-link"
UNKNOWN = "unknown"

DELETED = "deleted"
TYPE_CHANGED = "type-changed"
OVERWRITTEN = "overwritten"
METADATA_ONLY = "metadata-only"
IDENTICAL = "identical"
REASONS = (DELETED, TYPE_CHANGED, OVERWRITTEN, METADATA_ONLY, IDENTICAL)


class Row(NamedTuple):
    """A visible path; attributes of an implicit directory are None."""

    kind: str
    size: int
    mode: int | None
    uid: int | None
    gid: int | None
    mtime: int | None
    target: bytes | None
    content: bytes


class Change(NamedTuple):
    """A layer's change to a path: its name, and what differs, sorted."""

    name: str
    why: list[str]


class Waste(NamedTuple):
    """An inode that was removed: its last name, and why it was removed."""

    path: bytes
    size: int
    reason: str
    stored_in: int
    hidden_by: int


class Duplicate(NamedTuple):
    """Files of equal content, each at the first of its names, in path order."""

    size: int
    saving: int
    paths: list[bytes]


class Total(NamedTuple):
    """The total below a directory; each inode counts at the first of its visible names."""

    size: int
    files: int


@dataclass(frozen=True)
class LayerTruth:
    """One layer: its figures, what it changed, and what is visible after it."""

    kind: str
    entries: int
    whiteouts: int
    stored_bytes: int
    net_bytes: int
    wasted_bytes: int
    hides_bytes: int
    counts: dict[str, int]
    """Numbers of added, modified, metadata-only and removed paths."""
    changes: dict[bytes, Change]
    """Every path that changed or has an entry here, in path order."""
    tree: dict[bytes, Row]
    """All visible paths, in path order."""
    inodes: dict[bytes, int]
    """The number of the inode that each visible path names: equal for hard links."""
    directories: dict[bytes, Total]
    """The total of every visible directory, the root (b"") included."""


@dataclass(frozen=True)
class Truth:
    """A whole image."""

    entries: int
    files: int
    paths: int
    stored_bytes: int
    live_bytes: int
    wasted_bytes: int
    layers: list[LayerTruth]
    waste: list[Waste]
    """Sorted as tuples."""
    by_reason: dict[str, int]
    """Wasted bytes by reason, 0 if there are none."""
    duplicates: list[Duplicate]
    """Sorted as tuples."""

    @property
    def efficiency(self) -> float:
        """Live bytes divided by stored bytes; 1 if nothing is stored."""
        return self.live_bytes / self.stored_bytes if self.stored_bytes else 1.0

    @property
    def duplicate_bytes(self) -> int:
        """Bytes that keeping each content once would save."""
        return sum(duplicate.saving for duplicate in self.duplicates)


# --- Names ----------------------------------------------------------------------------------------


def normal(name: bytes) -> bytes:
    """The path that a name in a tar means; the root is b""."""
    parts: list[bytes] = []
    # A name ends at its first NUL, as C and Go read it.
    for part in name.partition(b"\0")[0].split(b"/"):
        if part == b"..":
            del parts[-1:]
        elif part not in (b"", b"."):
            parts.append(part)
    return b"/".join(parts)


def path_order(path: bytes) -> bytes:
    """Sort key that puts a directory right before its contents."""
    return path.replace(b"/", b"\0")


def in_path_order(paths: Iterable[bytes]) -> list[bytes]:
    """Paths in tree order, from top to bottom."""
    return sorted(paths, key=path_order)


def role(path: bytes) -> str:
    """The role of an entry at a path: root, plain, whiteout, opaque or ignored."""
    if not path:
        return "root"
    *parents, last = path.split(b"/")
    if any(parent.startswith(b".wh..wh.") for parent in parents):
        return "ignored"
    if last == b".wh..wh..opq":
        return "opaque"
    # AUFS metadata, and whiteouts that name nothing, "." or "..".
    if last.startswith(b".wh..wh.") or last in (b".wh.", b".wh..", b".wh..."):
        return "ignored"
    return "whiteout" if last.startswith(b".wh.") else "plain"


def parent_of(path: bytes) -> bytes:
    """The directory that contains a path."""
    return path.rpartition(b"/")[0]


def parents_of(path: bytes) -> Iterator[bytes]:
    """All directories above a path, outermost first, without the root."""
    parts = path.split(b"/")
    for count in range(1, len(parts)):
        yield b"/".join(parts[:count])


def whited_out(path: bytes) -> bytes:
    """The path that a whiteout removes."""
    parent, slash, name = path.rpartition(b"/")
    return parent + slash + name.removeprefix(b".wh.")


# --- The filesystem -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Inode:
    """A stored content with its attributes; hard links are paths with the same object."""

    number: int
    kind: str
    stored_in: int
    content: bytes = b""
    target: bytes | None = None
    device: tuple[int, int] | None = None
    known: bool = True
    """False for an implicit directory, whose attributes are unknown."""
    mode: int = 0
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    xattrs: Mapping[bytes, bytes] = field(default_factory=dict)


KINDS = {
    b"0": FILE,
    b"\0": FILE,
    b"7": FILE,
    b"2": SYMLINK,
    b"3": CHARACTER,
    b"4": BLOCK,
    b"5": DIRECTORY,
    b"6": FIFO,
}


def differences(old: Inode, new: Inode) -> set[str]:
    """The attributes in which two nodes differ."""
    why: set[str] = set()
    if old.kind != new.kind:
        why.add("type")
    else:
        if old.content != new.content:
            why.add("content")
        if old.target != new.target:
            why.add("target")
        if old.device != new.device:
            why.add("device")
    if old.known and new.known:
        if old.mode != new.mode:
            why.add("mode")
        if (old.uid, old.gid) != (new.uid, new.gid):
            why.add("owner")
        if old.mtime != new.mtime:
            why.add("mtime")
        if dict(old.xattrs) != dict(new.xattrs):
            why.add("xattrs")
    if new.kind == DIRECTORY and why == {"mtime"}:
        why.clear()
    return why


class Filesystem:
    """The node at each path, and removed contents so far."""

    def __init__(self) -> None:
        self.tree: dict[bytes, Inode] = {}
        self.dead: dict[Inode, Waste] = {}
        """Contents that have lost their last name, and the reasons."""
        self.layer = -1
        self._inodes = 0
        self._kept: list[tuple[int, bytes, Member]] = []
        """Files of the current layer that AUFS keeps for hard links: they have no path."""
        self._kept_nodes: dict[int, Inode] = {}
        """Nodes of those that a link refers to, by their position in the layer."""

    def apply(self, members: Sequence[Member]) -> int:
        """Apply a layer; returns the content bytes that it stores."""
        self.layer += 1
        stored = 0
        names = [(normal(member.name), member) for member in members]
        self._kept = [
            (place, path, member)
            for place, (path, member) in enumerate(names)
            if b".wh..wh.plnk" in path.split(b"/")[:-1] and _kind(member) == FILE
        ]
        self._kept_nodes = {}
        for path, _ in names:
            if role(path) == "opaque":
                self._apply_opaque(parent_of(path))
        for path, _ in names:
            if role(path) == "whiteout":
                self._apply_whiteout(whited_out(path))
        for place, (path, member) in enumerate(names):
            if role(path) == "plain":
                stored += self._apply_entry(path, member, place)
        return stored + sum(len(node.content) for node in self._kept_nodes.values())

    def _kept_node(self, target: bytes, place: int) -> Inode | None:
        """The node of the file that AUFS keeps for the hard links that name it: the last before a link, else the first."""
        candidates = [(at, member) for at, path, member in self._kept if path == target]
        if not candidates:
            return None
        at, member = next((each for each in reversed(candidates) if each[0] < place), candidates[0])
        if at not in self._kept_nodes:
            self._kept_nodes[at] = self._new(member, FILE)
        return self._kept_nodes[at]

    def _apply_opaque(self, directory: bytes) -> None:
        """Remove the contents of a directory, but not the directory."""
        before = dict(self.tree)
        self._remove_below(directory)
        self._bury(before, deleted=True)

    def _apply_whiteout(self, path: bytes) -> None:
        """Remove a path and everything below it."""
        before = dict(self.tree)
        self.tree.pop(path, None)
        self._remove_below(path)
        self._bury(before, deleted=True)

    def _apply_entry(self, path: bytes, member: Member, place: int) -> int:
        """Put a node at a path; returns the content bytes that the entry stores."""
        before = dict(self.tree)
        stored = 0
        if member.type == b"1":
            target = normal(member.link)
            found = self._kept_node(target, place) or before.get(target)
            if found is None or found.kind == DIRECTORY:
                node = self._new(member, BROKEN)
            elif before.get(path) is found:
                return 0
            else:
                node = found
        else:
            node = self._new(member, _kind(member))
            stored = len(node.content)
        for parent in parents_of(path):
            standing = self.tree.get(parent)
            if standing is None or standing.kind != DIRECTORY:
                self.tree[parent] = self._implicit_directory()
        if node.kind != DIRECTORY:
            self._remove_below(path)
        self.tree[path] = node
        self._bury(before, deleted=False)
        return stored

    def _new(self, member: Member, kind: str) -> Inode:
        """The node that an entry describes."""
        self._inodes += 1
        return Inode(
            number=self._inodes,
            kind=kind,
            stored_in=self.layer,
            content=member.data if kind == FILE else b"",
            target=member.link.partition(b"\0")[0] if kind in (SYMLINK, BROKEN) else None,
            device=member.device if kind in (CHARACTER, BLOCK) else None,
            mode=member.mode & 0o7777,
            uid=member.uid,
            gid=member.gid,
            mtime=math.floor(member.mtime),
            xattrs=member.xattrs,
        )

    def _implicit_directory(self) -> Inode:
        """A directory that exists only because of its contents."""
        self._inodes += 1
        return Inode(self._inodes, DIRECTORY, self.layer, known=False)

    def _remove_below(self, directory: bytes) -> None:
        """Remove everything in a directory, at any depth; in the root, that is everything."""
        prefix = directory + b"/" if directory else b""
        for path in list(self.tree):
            if path.startswith(prefix):
                del self.tree[path]

    def _bury(self, before: dict[bytes, Inode], *, deleted: bool) -> None:
        """Record the inodes that have lost their last name since `before`."""
        alive = set(self.tree.values())
        for inode in alive & self.dead.keys():  # a link named what AUFS keeps once more
            del self.dead[inode]
        last_name: dict[Inode, bytes] = {}
        for path in in_path_order(before):
            if before[path] not in alive:
                last_name[before[path]] = path
        for inode, path in last_name.items():
            if inode.content:
                reason = DELETED if deleted else _reason(inode, self.tree.get(path))
                record = Waste(path, len(inode.content), reason, inode.stored_in, self.layer)
                self.dead[inode] = record


def _kind(member: Member) -> str:
    """The node of an entry that is not a hard link."""
    if member.type == b"\0" and member.name.endswith(b"/"):
        # The oldest tars know no type for directories, only the slash.
        return DIRECTORY
    return KINDS.get(member.type, UNKNOWN)


def _reason(old: Inode, new: Inode | None) -> str:
    """Why a file that was not deleted was removed; depends on what replaced it."""
    if new is None or new.kind != FILE:
        return TYPE_CHANGED
    why = differences(old, new)
    if "content" in why:
        return OVERWRITTEN
    return METADATA_ONLY if why else IDENTICAL


# --- The accounting -------------------------------------------------------------------------------


@dataclass
class _Step:
    """A layer that was just applied, before later layers change it."""

    members: list[Member]
    stored: int
    before: dict[bytes, Inode]
    after: dict[bytes, Inode]


def measure(layers: Sequence[Sequence[Member]]) -> Truth:
    """Compute all figures of an image of these layers."""
    filesystem = Filesystem()
    steps: list[_Step] = []
    for members in layers:
        # Headers for all that follows are no entries.
        entries = [member for member in members if member.type != b"g"]
        before = dict(filesystem.tree)
        stored = filesystem.apply(entries)
        steps.append(_Step(entries, stored, before, dict(filesystem.tree)))

    waste = sorted(filesystem.dead.values())
    tree = filesystem.tree
    stored_bytes = sum(step.stored for step in steps)
    live_bytes = sum(len(inode.content) for inode in set(tree.values()))
    return Truth(
        entries=sum(len(step.members) for step in steps),
        files=sum(inode.kind == FILE for inode in tree.values()),
        paths=len(tree),
        stored_bytes=stored_bytes,
        live_bytes=live_bytes,
        wasted_bytes=stored_bytes - live_bytes,
        layers=[_layer(index, step, waste) for index, step in enumerate(steps)],
        waste=waste,
        by_reason={
            reason: sum(record.size for record in waste if record.reason == reason)
            for reason in REASONS
        },
        duplicates=_duplicates(tree),
    )


def _layer(index: int, step: _Step, waste: Sequence[Waste]) -> LayerTruth:
    """The figures of one layer."""
    changes = _changes(step)
    counts = {
        name: sum(change.name == name for change in changes.values())
        for name in ("added", "modified", "metadata", "removed")
    }
    died_here = sum(record.size for record in waste if record.hidden_by == index)
    order = in_path_order(step.after)
    return LayerTruth(
        kind=_step_kind(step, counts),
        entries=len(step.members),
        whiteouts=sum(role(normal(member.name)) == "whiteout" for member in step.members),
        stored_bytes=step.stored,
        net_bytes=step.stored - died_here,
        wasted_bytes=sum(record.size for record in waste if record.stored_in == index),
        hides_bytes=sum(
            record.size
            for record in waste
            if record.hidden_by == index and record.stored_in < index
        ),
        counts=counts,
        changes=changes,
        tree={path: _row(step.after[path]) for path in order},
        inodes={path: step.after[path].number for path in order},
        directories=_directories(step.after),
    )


def _step_kind(step: _Step, counts: Mapping[str, int]) -> str:
    """The kind of step of a layer."""
    if not step.members:
        return "empty"
    if counts["added"] or counts["modified"] or counts["removed"]:
        return "files"
    return "attributes" if counts["metadata"] else "unchanged"


def _changes(step: _Step) -> dict[bytes, Change]:
    """The changes of a layer by path, from the visible trees before and after it."""
    names = {normal(member.name) for member in step.members}
    # A marker is no entry of the path that is spelled like it.
    entered = {name for name in names if role(name) == "plain"}
    changes: dict[bytes, Change] = {}
    for path in in_path_order(step.before.keys() | step.after.keys()):
        old = step.before.get(path)
        new = step.after.get(path)
        if new is None:
            changes[path] = Change("removed", [])
        elif old is None:
            changes[path] = Change("added", [])
        else:
            why = differences(old, new)
            if why & {"type", "content", "target", "device"}:
                changes[path] = Change("modified", sorted(why))
            elif why:
                changes[path] = Change("metadata", sorted(why))
            elif path in entered:
                changes[path] = Change("unchanged", [])
    return changes


def _row(inode: Inode) -> Row:
    """A node as a visible path."""
    size = len(inode.content)
    if not inode.known:
        return Row(inode.kind, size, None, None, None, None, inode.target, inode.content)
    return Row(
        inode.kind,
        size,
        inode.mode,
        inode.uid,
        inode.gid,
        inode.mtime,
        inode.target,
        inode.content,
    )


def _first_names(tree: Mapping[bytes, Inode]) -> dict[bytes, Inode]:
    """Every regular file at the first of its names, in path order."""
    seen: set[Inode] = set()
    first: dict[bytes, Inode] = {}
    for path in in_path_order(tree):
        inode = tree[path]
        if inode.kind == FILE and inode not in seen:
            seen.add(inode)
            first[path] = inode
    return first


def _directories(tree: Mapping[bytes, Inode]) -> dict[bytes, Total]:
    """Totals of the contents of each directory."""
    totals = {b"": Total(0, 0)}
    for path in in_path_order(tree):
        if tree[path].kind == DIRECTORY:
            totals[path] = Total(0, 0)
    for path, inode in _first_names(tree).items():
        for parent in (b"", *parents_of(path)):
            size, files = totals[parent]
            totals[parent] = Total(size + len(inode.content), files + 1)
    return totals


def _duplicates(tree: Mapping[bytes, Inode]) -> list[Duplicate]:
    """Contents that more than one file has."""
    groups: dict[bytes, list[bytes]] = {}
    for path, inode in _first_names(tree).items():
        if inode.content:
            groups.setdefault(inode.content, []).append(path)
    return sorted(
        Duplicate(len(content), len(content) * (len(paths) - 1), paths)
        for content, paths in groups.items()
        if len(paths) > 1
    )
