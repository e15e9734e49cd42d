"""Checks that the arrays of a filesystem from a saved file are consistent.

Afterwards, every index is in range, paths are a tree in pre-order, and no loop over them is endless. Whether the figures are those
of a real image cannot be checked without its contents.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from layerscope.filesystem.inodes import Inodes
from layerscope.filesystem.model import Filesystem
from layerscope.filesystem.paths import PathTable
from layerscope.filesystem.versions import Removal
from layerscope.layers.index import Columns, Kind
from layerscope.layers.packing import Packed
from layerscope.layers.strings import StringTable
from layerscope.limits import Limits

MOST_BYTES = 1 << 62
"""Bound on the sum of all sizes."""
_TYPES: dict[str, Any] = {
    **dict.fromkeys(("paths", "inodes", "born", "died", "successors"), np.int32),
    "removals": np.uint8,
    "events": np.integer,
}
"""Types of the columns of versions."""


def check_packed_filesystem(packed: Packed) -> None:
    """Raise KeyError or ValueError for arrays of other types than `pack_filesystem` packs."""
    for name, kind in _TYPES.items():
        column(packed.arrays[f"versions.{name}"], kind)
    digests = packed.arrays["digests"]
    _require(digests.dtype == np.uint8 and digests.ndim == 2 and digests.shape[1] == 32)


def check_filesystem(filesystem: Filesystem, limits: Limits, name: str) -> None:
    """Raise ValueError if the parts are inconsistent, and `LimitExceededError` if there are too many; `name` is the file's name."""
    _check_paths(filesystem.table, limits, name)
    _check_inodes(filesystem.inodes)
    if (entries := filesystem.inodes.implicit + len(filesystem.table)) > limits.entries:
        raise limits.exceeded("entries", name, entries)
    _check_versions(filesystem)
    _require(len(filesystem.oddities) == filesystem.layer_count)


def check_strings(table: StringTable, count: int | None = None) -> None:
    """Raise ValueError unless each string lies within the table's data; there must be at least `count`."""
    offsets = column(table.offsets, np.int64)
    _require(len(offsets) >= 1 and offsets[0] == 0 and offsets[-1] == len(table.data))
    _require(bool((np.diff(offsets) >= 0).all()) and len(table) >= (count or 0))


def check_range(numbers: NDArray[Any], start: int, end: int) -> None:
    """Raise ValueError unless all numbers are in [start, end)."""
    _require(not len(numbers) or (int(numbers.min()) >= start and int(numbers.max()) < end))


def check_bounds(bounds: NDArray[Any], end: int) -> None:
    """Raise ValueError unless these are the bounds of consecutive ranges from 0 to `end`."""
    _require(len(bounds) >= 1 and int(bounds[0]) == 0 and int(bounds[-1]) == end)
    _require(bool((bounds[1:] >= bounds[:-1]).all()))


def column(array: NDArray[Any], kind: type[np.generic] = np.integer) -> NDArray[Any]:
    """An array, if it has one dimension and items of this kind; raises ValueError otherwise."""
    _require(array.ndim == 1 and np.issubdtype(array.dtype, kind))
    return array


def _check_paths(table: PathTable, limits: Limits, name: str) -> None:
    count, names = len(table), table.names
    _require(count >= 1)
    columns = (table.parents, table.ends, table.depths, table.components)
    for checked_column in columns:
        _require(len(column(checked_column, np.int32)) == count)
    check_strings(names)
    _require(int(table.components[0]) == -1 and int(table.depths[0]) == 0)
    check_range(table.components[1:], 0, len(names))
    numbers = np.arange(count, dtype=np.int32)
    parents, children = table.parents[1:], numbers[1:]
    _require(bool(((parents >= 0) & (parents < children)).all()))
    _require(int(table.ends[0]) == count and bool((table.ends > numbers).all()))
    # Each path is inside the subtrees of its ancestors and, by their number, in no others: the table is in pre-order.
    _require(
        bool(((children < table.ends[parents]) & (table.ends[1:] <= table.ends[parents])).all())
    )
    _require(bool((table.depths[1:] == table.depths[parents] + 1).all()))
    enclosing = numbers + 1 - np.cumsum(np.bincount(table.ends, minlength=count + 1)[:count])
    _require(bool((enclosing == table.depths + 1).all()))
    with_sibling = children[table.ends[1:] < table.ends[parents]]
    next_siblings = table.ends[with_sibling]
    _require(bool((table.components[next_siblings] > table.components[with_sibling]).all()))
    _check_components(names)
    longest = int(table.lengths().max())
    if longest > limits.path_bytes:
        raise limits.exceeded("path_bytes", name, longest)


def _check_components(names: StringTable) -> None:
    """Distinct names of one path component each, in byte order: not empty, no slash or NUL, neither `.` nor `..`."""
    lengths = np.diff(names.offsets)
    _require(b"/" not in names.data and b"\0" not in names.data and bool((lengths > 0).all()))
    starts = _starts(names, lengths)
    _require(bool((starts[1:] >= starts[:-1]).all()))
    same_start = np.flatnonzero(starts[1:] == starts[:-1]).tolist()
    _require(all(names[number] < names[number + 1] for number in same_start))
    short = np.flatnonzero(lengths <= 2).tolist()
    _require(not any(names[number] in (b".", b"..") for number in short))


def _starts(names: StringTable, lengths: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The first 8 bytes of each name as a number, which has the order of the names."""
    data = np.frombuffer(names.data + bytes(8), np.uint8)
    starts = np.zeros(len(names), np.uint64)
    for position in range(8):
        values = np.where(lengths > position, data[names.offsets[:-1] + position], 0)
        starts = starts << np.uint64(8) | values.astype(np.uint64)
    return starts


def _check_inodes(inodes: Inodes) -> None:
    column(inodes.first, np.int64)
    count = len(inodes.columns.kinds)
    check_bounds(inodes.first, count - 1)
    for field in Columns.__struct_fields__:
        values = getattr(inodes.columns, field)
        expected_type: Any = {"kinds": np.uint8, "stored": np.int64, "modes": np.uint16}.get(
            field, np.integer
        )
        _require(len(column(values, expected_type)) == count)
    columns = inodes.columns
    check_range(columns.kinds, 0, len(Kind))
    check_range(columns.stored, 0, MOST_BYTES)
    _require(float(columns.stored.sum(dtype=np.float64)) < MOST_BYTES)
    for strings, numbers in ((inodes.links, columns.links), (inodes.xattrs, columns.xattrs)):
        check_strings(strings, 1)
        check_range(numbers, 0, len(strings))
    _require(len(column(inodes.hashed, np.bool_)) == len(inodes.digests) == count)
    for inode, sparse_map in inodes.sparse.items():
        runs = [number for segment in sparse_map.segments for number in segment]
        _require(0 <= inode < count and min(0, *runs, sparse_map.real_size) == 0)
        _require(sparse_map.real_size < MOST_BYTES and sum(runs) < MOST_BYTES)


def _check_versions(filesystem: Filesystem) -> None:
    """Check that versions are in path order, do not overlap, and refer to existing inodes."""
    count, layers = len(filesystem.paths), filesystem.layer_count
    for attribute in ("inode_of", "born", "died", "removals", "successors", "events"):
        _require(len(getattr(filesystem, attribute)) == count)
    paths, born, died = filesystem.paths, filesystem.born, filesystem.died
    check_range(paths, 1, len(filesystem.table))
    inodes = len(filesystem.inodes.columns.kinds)
    check_range(filesystem.inode_of, 0, inodes)
    kinds = filesystem.inodes.columns.kinds[filesystem.inode_of]
    _require(not bool((kinds == Kind.HARDLINK).any()))  # stacking resolves them
    check_range(filesystem.successors, -1, inodes)
    check_range(filesystem.removals, 0, len(Removal))
    check_range(born, 0, layers)
    _require(bool(((born <= died) & (died <= layers)).all()))
    same = paths[1:] == paths[:-1]
    _require(bool((paths[1:] >= paths[:-1]).all()) and bool((born[1:] >= died[:-1])[same].all()))


def _require(fits: bool) -> None:
    if not fits:
        raise ValueError("the arrays are inconsistent")
