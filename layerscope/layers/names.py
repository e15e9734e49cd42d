"""Cleans names of entries, recognises markers, and stores paths as a tree of components.

Source: OCI image-spec layer.md (whiteouts), AUFS for `.wh..wh.*`.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.layers.strings import StringTable, merge_strings
from layerscope.limits import Limits

WHITEOUT = b".wh."
OPAQUE = b".wh..wh..opq"
AUFS = b".wh..wh."
AUFS_LINKS = b".wh..wh.plnk"
"""Directory of AUFS with files that have several names; those names are hard links to them."""
_MOST_DISTINCT = 1 << 18
"""Number of distinct components up to which all are found in a dict."""
_MORE = 1 << 31
"""The first component beyond the dict has this number, which is larger than all numbers in the dict."""
_DIRECTORY_COST = 160
"""Memory in bytes of a directory."""


class Role(IntEnum):
    """The role of an entry."""

    ENTRY = 0
    """An ordinary entry."""
    WHITEOUT = 1
    """Removes one path from lower layers; its node is that path."""
    OPAQUE = 2
    """Removes everything below a directory from lower layers; its node is that directory."""
    IGNORED = 3
    """The root, AUFS metadata, or a whiteout without a name."""


class PathTree(Struct, frozen=True):
    """Paths of one layer as a tree: node 0 is the root, the others are in any order.

    It contains the paths of entries, markers and targets of hard links, and all directories above them.
    """

    parents: NDArray[np.int32]
    components: NDArray[np.int32]
    """Index into `names` of each node's last component; -1 for the root."""
    names: StringTable
    """Distinct components, in any order."""

    @classmethod
    def empty(cls) -> PathTree:
        """A tree with only the root."""
        return cls(np.zeros(1, np.int32), np.full(1, -1, np.int32), StringTable.of([]))

    def same_as(self, other: PathTree) -> bool:
        """Whether both trees have the same paths with the same numbers, as after adding the same names in the same order."""
        return (
            np.array_equal(self.parents, other.parents)
            and np.array_equal(self.components, other.components)
            and self.names.data == other.names.data
            and np.array_equal(self.names.offsets, other.names.offsets)
        )

    def path(self, node: int) -> bytes:
        """The path of one node, components joined by `/`."""
        parts: list[bytes] = []
        while node:
            parts.append(self.names[int(self.components[node])])
            node = int(self.parents[node])
        return b"/".join(reversed(parts))


def clean(name: bytes) -> tuple[bytes, bool]:
    """A name without leading, doubled and trailing slashes, `.` and `..`; and whether `..` tried to leave the root."""
    parts: list[bytes] = []
    escaped = False
    for part in name.split(b"/"):
        if part == b"..":
            if parts:
                parts.pop()
            else:
                escaped = True
        elif part and part != b".":
            parts.append(part)
    return b"/".join(parts), escaped


class PathTreeBuilder:
    """Collects names in tar order; `finish` returns the tree and the node of each name."""

    def __init__(self, limits: Limits, where: str) -> None:
        self.oddities: Counter[str] = Counter()
        """Number of names for each warning code."""
        self.aufs_links: list[tuple[int, bytes]] = []
        """Index and path of each name in a directory of `AUFS_LINKS`. Their role is `IGNORED`."""
        self._limits = limits
        self._where = where
        self._components: dict[bytes, int] = {}
        """The components of directories, and the first `_MOST_DISTINCT` others, by name."""
        self._more: list[bytes] = []
        """Further components, any number of times each: a dict would take ten times the memory."""
        self._more_tables: list[StringTable] = []
        """Those before them."""
        self._next = _MORE
        """The number of the next one."""
        self._directories: dict[bytes, int] = {b"": 0}
        """Numbers of directories that contain names, by full path."""
        self._directory_keys: list[int] = [-1]
        """Parent directory and component of each directory, packed; -1 for the root."""
        self._numbers: dict[int, int] = {}
        """Numbers of directories by that key, with its low bits mixed: many keys with equal low bits make a dict slow."""
        self._keys = array("q")
        """Directory and last component of each name, packed; -1 for the root."""

    def add(self, names: Sequence[bytes]) -> list[int]:
        """Add names of entries, and return their `Role` values. Raises `LimitExceededError`."""
        roles: list[int] = []
        keys, directories, components = self._keys, self._directories, self._components
        for name in names:
            role = 0
            if b"/." in name or b"//" in name or name[:1] in b"./" or name[-1:] == b"/":
                name, role = self._unusual(name)
            head, _, last = name.rpartition(b"/")
            directory = directories.get(head)
            if directory is None:
                directory = self._directory(head)
            if not last:
                keys.append(-1)
                role = role or Role.IGNORED
            elif len(components) < _MOST_DISTINCT:
                keys.append(directory << 32 | components.setdefault(last, len(components)))
            else:
                keys.append(directory << 32 | self._last_component(last))
            roles.append(role)
        if self._more:
            self._more_tables.append(StringTable.of(self._more))
            self._more = []
        return roles

    def add_targets(self, targets: Sequence[bytes]) -> None:
        """Add cleaned targets of hard links after the names so far. Raises `LimitExceededError`."""
        for target in targets:
            name, escaped = clean(target)
            self.oddities["name-outside-root"] += escaped
            head, _, last = name.rpartition(b"/")
            directory = self._directories.get(head)
            if directory is None:
                directory = self._directory(head)
            self._keys.append(directory << 32 | self._last_component(last) if last else -1)

    def finish(self) -> tuple[PathTree, NDArray[np.int32]]:
        """The tree, and the node of each name in the order of adding."""
        directory_keys = np.array(self._directory_keys, np.int64)
        keys = np.concatenate([directory_keys, np.frombuffer(self._keys, np.int64)])
        names = self._distinct_components(keys)
        unique, nodes = np.unique(keys, return_inverse=True)
        if unique[0] != -1:
            raise AssertionError("the root is missing")
        directory_nodes = nodes[: len(directory_keys)]
        parents = directory_nodes[unique >> 32]
        parents[0] = 0
        tree = PathTree(
            parents.astype(np.int32),
            np.where(unique < 0, -1, unique & 0xFFFFFFFF).astype(np.int32),
            names,
        )
        return tree, nodes[len(directory_keys) :].astype(np.int32)

    def _last_component(self, name: bytes) -> int:
        """The number of the last component of a name."""
        number = self._components.get(name)
        if number is None and len(self._components) < _MOST_DISTINCT:
            number = self._components[name] = len(self._components)
        elif number is None:
            number = self._next
            self._next += 1
            self._more.append(name)
        return number

    def _distinct_components(self, keys: NDArray[np.int64]) -> StringTable:
        """The distinct components; replaces their numbers in `keys` by indices."""
        known = StringTable.of(list(self._components))
        if self._next == _MORE:
            return known
        names, ranks = merge_strings([known, *self._more_tables, StringTable.of(self._more)])
        index_of, named = np.concatenate(ranks), np.flatnonzero(keys >= 0)
        numbers = keys[named] & 0xFFFFFFFF
        numbers[numbers >= _MORE] += len(known) - _MORE
        keys[named] = keys[named] >> 32 << 32 | index_of[numbers]
        return names

    def _unusual(self, name: bytes) -> tuple[bytes, int]:
        """Path and role of a name that needs cleaning or may be a marker."""
        name, escaped = clean(name)
        self.oddities["name-outside-root"] += escaped
        if WHITEOUT not in name:
            return name, Role.ENTRY
        parts = name.split(b"/")
        last = parts.pop()
        if any(part.startswith(AUFS) for part in parts):
            if AUFS_LINKS in parts:
                self.aufs_links.append((len(self._keys), name))
            return b"", Role.IGNORED
        if last == OPAQUE:
            return b"/".join(parts), Role.OPAQUE
        if last.startswith(AUFS):
            return b"", Role.IGNORED
        if not last.startswith(WHITEOUT):
            return name, Role.ENTRY
        target = last[len(WHITEOUT) :]
        if target in (b"", b".", b".."):
            self.oddities["whiteout-invalid"] += 1
            return b"", Role.IGNORED
        return b"/".join((*parts, target)), Role.WHITEOUT

    def _directory(self, path: bytes) -> int:
        """Number a new directory, after its parents."""
        number = 0
        for component in path.split(b"/"):
            key = number << 32 | self._components.setdefault(component, len(self._components))
            existing = self._numbers.get(key ^ number)
            if existing is None:
                existing = self._numbers[key ^ number] = len(self._directory_keys)
                self._directory_keys.append(key)
            number = existing
        if len(self._directory_keys) > self._limits.entries:
            raise self._limits.exceeded("entries", self._where)
        if len(self._directory_keys) * _DIRECTORY_COST > self._limits.metadata_bytes:
            # A name of a few kilobytes may have thousands of directories that occur nowhere else.
            raise self._limits.exceeded("metadata_bytes", self._where)
        self._directories[path] = number
        return number
