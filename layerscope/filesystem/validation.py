"""Checks that the arrays of a filesystem fit together, for one that somebody else stacked.

Afterwards every number is in the range of what it refers to, paths are a tree in pre-order, and no walk over them runs for ever.
Whether the figures are those of any image is not known: that takes its contents.
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
    """Raise ValueError if the parts do not fit together, `LimitExceededError` if there are too many; `name` is the file's."""
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
    for each in columns:
        _require(len(column(each, np.int32)) == count)
    check_strings(names)
    _require(int(table.components[0]) == -1 and int(table.depths[0]) == 0)
    check_range(table.components[1:], 0, len(names))
    numbers = np.arange(count, dtype=np.int32)
    above, own = table.parents[1:], numbers[1:]
    _require(bool(((above >= 0) & (above < own)).all()))
    _require(int(table.ends[0]) == count and bool((table.ends > numbers).all()))
    # Each path lies in the subtrees of its parents and, as so many contain it, in no others: the table is in pre-order.
    _require(bool(((own < table.ends[above]) & (table.ends[1:] <= table.ends[above])).all()))
    _require(bool((table.depths[1:] == table.depths[above] + 1).all()))
    around = numbers + 1 - np.cumsum(np.bincount(table.ends, minlength=count + 1)[:count])
    _require(bool((around == table.depths + 1).all()))
    followed = own[table.ends[1:] < table.ends[above]]
    after = table.ends[followed]
    _require(bool((table.components[after] > table.components[followed]).all()))
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
    alike = np.flatnonzero(starts[1:] == starts[:-1]).tolist()
    _require(all(names[number] < names[number + 1] for number in alike))
    short = np.flatnonzero(lengths <= 2).tolist()
    _require(not any(names[number] in (b".", b"..") for number in short))


def _starts(names: StringTable, lengths: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The first 8 bytes of each name as a number, which has the order of the names."""
    data = np.frombuffer(names.data + bytes(8), np.uint8)
    starts = np.zeros(len(names), np.uint64)
    for place in range(8):
        found = np.where(lengths > place, data[names.offsets[:-1] + place], 0)
        starts = starts << np.uint64(8) | found.astype(np.uint64)
    return starts


def _check_inodes(inodes: Inodes) -> None:
    column(inodes.first, np.int64)
    count = len(inodes.columns.kinds)
    check_bounds(inodes.first, count - 1)
    for field in Columns.__slots__:
        values = getattr(inodes.columns, field)
        wanted: Any = {"kinds": np.uint8, "stored": np.int64, "modes": np.uint16}.get(
            field, np.integer
        )
        _require(len(column(values, wanted)) == count)
    columns = inodes.columns
    check_range(columns.kinds, 0, len(Kind))
    check_range(columns.stored, 0, MOST_BYTES)
    _require(float(columns.stored.sum(dtype=np.float64)) < MOST_BYTES)
    for strings, numbers in ((inodes.links, columns.links), (inodes.xattrs, columns.xattrs)):
        check_strings(strings, 1)
        check_range(numbers, 0, len(strings))
    _require(len(column(inodes.hashed, np.bool_)) == len(inodes.digests) == count)
    for inode, found in inodes.sparse.items():
        runs = [number for segment in found.segments for number in segment]
        _require(0 <= inode < count and min(0, *runs, found.real_size) == 0)
        _require(found.real_size < MOST_BYTES and sum(runs) < MOST_BYTES)


def _check_versions(filesystem: Filesystem) -> None:
    """Versions of paths in path order, one after another, of inodes that there are."""
    count, layers = len(filesystem.paths), filesystem.layer_count
    for own in ("inode_of", "born", "died", "removals", "successors", "events"):
        _require(len(getattr(filesystem, own)) == count)
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
        raise ValueError("the arrays do not fit together")
