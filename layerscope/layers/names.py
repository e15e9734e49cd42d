"""Cleans names of entries, recognises markers, and stores paths as a tree of components.

Source: OCI image-spec layer.md (whiteouts), AUFS for `.wh..wh.*`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import count

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.layers.small_types import Code
from layerscope.layers.strings import StringTable, merge_strings
from layerscope.limits import Limits

WHITEOUT = b".wh."
OPAQUE = b".wh..wh..opq"
AUFS = b".wh..wh."
AUFS_LINKS = b".wh..wh.plnk"
"""Directory of AUFS with files that have several names; those names are hard links to them."""
_MOST_DISTINCT = 1 << 18
"""Number of distinct last components up to which all are found in a dict."""
_BATCH = 4096
"""Number of names that are split at a time."""
_LOW = 0xFFFFFFFF
"""Mask of the component in a packed key."""
_SLASH, _DOT = b"/."
_DIRECTORY_COST = 160
"""Memory in bytes of a directory."""


class Role(Code):
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
        self._components: defaultdict[bytes, int] = defaultdict(count().__next__)
        """Numbers of the last components of names, until there are `_MOST_DISTINCT`."""
        self._more: list[StringTable] = []
        """The last components of later batches, with repetitions: a dict would take ten times the memory. Their numbers follow."""
        self._more_count = 0
        self._directories: dict[bytes, int] = {b"": 0}
        """Numbers of directories that contain names, by full path."""
        self._directory_components: dict[bytes, int] = {}
        """Numbers of the components of directories."""
        self._directory_keys: list[int] = [-1]
        """Parent directory and component of each directory, packed; -1 for the root."""
        self._numbers: dict[int, int] = {}
        """Numbers of directories by that key, with its low bits mixed: many keys with equal low bits make a dict slow."""
        self._keys: list[NDArray[np.int64]] = []
        """Directory and last component of each name, packed; -1 for the root."""
        self._count = 0
        """Number of names so far."""

    def add(self, names: Sequence[bytes]) -> NDArray[np.uint8]:
        """Add names of entries, and return their `Role` values. Raises `LimitExceededError`."""
        roles = np.zeros(len(names), np.uint8)
        if suspects := _to_clean(names):
            names = list(names)
            for index in suspects:
                names[index], roles[index] = self._clean(names[index], self._count + index)
                if not names[index]:
                    roles[index] = roles[index] or Role.IGNORED
        self._add(names)
        return roles

    def add_targets(self, targets: Sequence[bytes]) -> None:
        """Add targets of hard links after the names so far. Raises `LimitExceededError`."""
        names = list(targets)
        for index in _to_clean(names):
            names[index], escaped = clean(names[index])
            self.oddities["name-outside-root"] += escaped
        self._add(names)

    def finish(self) -> tuple[PathTree, NDArray[np.int32]]:
        """The tree, and the node of each name in the order of adding."""
        names, directory_keys, keys = self._numbered_by_table()
        unique, nodes = np.unique(np.concatenate([directory_keys, keys]), return_inverse=True)
        if unique[0] != -1:
            raise AssertionError("the root is missing")
        directory_nodes = nodes[: len(directory_keys)]
        parents = directory_nodes[unique >> 32]
        parents[0] = 0
        tree = PathTree(
            parents.astype(np.int32),
            np.where(unique < 0, -1, unique & _LOW).astype(np.int32),
            names,
        )
        return tree, nodes[len(directory_keys) :].astype(np.int32)

    def _add(self, names: Sequence[bytes]) -> None:
        """Add cleaned names; those of the root are empty."""
        for start in range(0, len(names), _BATCH):
            self._add_batch(names[start : start + _BATCH])

    def _add_batch(self, names: Sequence[bytes]) -> None:
        parts = [name.rpartition(b"/") for name in names if name]
        directories: list[int | None] = list(
            map(self._directories.get, [part[0] for part in parts])
        )
        for index, directory in enumerate(directories):
            if directory is None:
                head = parts[index][0]
                known = self._directories.get(head)
                directories[index] = self._directory(head) if known is None else known
        lasts = [part[2] for part in parts]
        if len(self._components) < _MOST_DISTINCT:
            components = np.array(list(map(self._components.__getitem__, lasts)), np.int64)
        else:
            first = len(self._components) + self._more_count
            components = np.arange(first, first + len(lasts))
            self._more.append(StringTable.of(lasts))
            self._more_count += len(lasts)
        keys = np.array(directories, np.int64) << 32 | components
        if len(keys) < len(names):
            every = np.full(len(names), -1)
            every[[bool(name) for name in names]] = keys
            keys = every
        self._keys.append(keys)
        self._count += len(names)

    def _numbered_by_table(
        self,
    ) -> tuple[StringTable, NDArray[np.int64], NDArray[np.int64]]:
        """The distinct components; and the keys of directories and names, with indices of that table as low bits."""
        directory_keys = np.array(self._directory_keys, np.int64)
        keys = np.concatenate([np.zeros(0, np.int64), *self._keys])
        self._keys.clear()
        if self._more:
            tables = [self._directory_components, self._components]
            names, indices = merge_strings([*map(StringTable.of, tables), *self._more])
            _renumber(directory_keys, indices[0])
            _renumber(keys, np.concatenate(indices[1:]))
            return names, directory_keys, keys
        index_of = self._directory_components
        for name in self._components:
            index_of.setdefault(name, len(index_of))
        _renumber(keys, np.fromiter(map(index_of.__getitem__, self._components), np.int64))
        return StringTable.of(index_of), directory_keys, keys

    def _clean(self, name: bytes, entry: int) -> tuple[bytes, int]:
        """Path and role of a name that needs cleaning or may be a marker."""
        name, escaped = clean(name)
        self.oddities["name-outside-root"] += escaped
        if WHITEOUT not in name:
            return name, Role.ENTRY
        parts = name.split(b"/")
        last = parts.pop()
        if any(part.startswith(AUFS) for part in parts):
            if AUFS_LINKS in parts:
                self.aufs_links.append((entry, name))
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
        number, components = 0, self._directory_components
        for component in path.split(b"/"):
            key = number << 32 | components.setdefault(component, len(components))
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


def _to_clean(names: Sequence[bytes]) -> list[int]:
    """The names with an empty component, and those with one that begins with a dot, in ascending order."""
    data = np.frombuffer(b"\0".join([b"", *names, b""]), np.uint8)
    ends = (data == _SLASH) | (data == 0)
    odd = np.flatnonzero(ends[:-1] & (ends | (data == _DOT))[1:])
    if not len(odd):
        return []
    bounds = np.cumsum(np.fromiter(map(len, names), np.int64, len(names)) + 1)
    return sorted({*np.searchsorted(bounds, odd, "right").tolist()})


def _renumber(keys: NDArray[np.int64], index_of: NDArray[np.int64]) -> None:
    """Replace the low bits of packed keys by indices, in place."""
    named = np.flatnonzero(keys >= 0)
    keys[named] = keys[named] & ~_LOW | index_of[keys[named] & _LOW]
