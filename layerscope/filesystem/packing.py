"""Packs stacked filesystems as values and arrays, with their inodes and changes, for the cache.

A restored filesystem uses the arrays in place, without computing anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from layerscope.filesystem.changes import Changes
from layerscope.filesystem.inodes import Inodes
from layerscope.filesystem.model import Filesystem
from layerscope.filesystem.paths import PathTable
from layerscope.layers.index import LayerIndex
from layerscope.layers.packing import Packed, pack_fields, unpack_fields
from layerscope.layers.small_types import Integers, narrow

_VERSIONS = {
    "paths": "paths",
    "inodes": "inode_of",
    "born": "born",
    "died": "died",
    "removals": "removals",
    "successors": "successors",
    "events": "events",
}
"""Parameters of `Filesystem` for columns, and the names of its attributes for them."""


def pack_filesystem(filesystem: Filesystem, *, contents: bool = True) -> Packed:
    """Pack a filesystem; without `contents`, leave out offsets of contents and everything that can be computed again."""
    inodes = pack_fields(filesystem.inodes, "inodes.", omit=("kept_digests",))
    hashed, digests = np.flatnonzero(filesystem.inodes.hashed), filesystem.inodes.digests
    is_sparse = 2 * len(hashed) < len(digests)
    return Packed(
        {"oddities": filesystem.oddities, "few": is_sparse, **inodes.values},
        {
            **{
                f"versions.{name}": getattr(filesystem, attribute)
                for name, attribute in _VERSIONS.items()
            },
            **pack_fields(filesystem.table, "table.").arrays,
            **(pack_fields(filesystem.changes, "changes.").arrays if contents else {}),
            **{name: narrow(array) for name, array in _rarely_used(filesystem, contents).items()},
            **inodes.arrays,
            **({} if contents else {"inodes.columns.offsets": np.zeros(len(digests), np.uint8)}),
            "digests": digests[hashed] if is_sparse else digests,
        },
    )


def unpack_filesystem(packed: Packed, indexes: Sequence[LayerIndex] | None) -> Filesystem:
    """Restore a packed filesystem. `indexes` are those of its layers, if known.

    Raises KeyError, TypeError and ValueError if the data does not fit.
    """
    arrays = packed.arrays
    digests = arrays["digests"]
    if packed.values["few"]:
        rows = np.flatnonzero(arrays["inodes.hashed"]).astype(np.int32)
        if len(rows) != len(digests):
            raise ValueError("inconsistent number of digests")
        create_digests = partial(_with_unknown_digests, digests, rows, len(arrays["inodes.hashed"]))
        inodes = unpack_fields(Inodes, packed, "inodes.", kept_digests=create_digests)
    else:
        inodes = unpack_fields(Inodes, packed, "inodes.", kept_digests=digests)
    if indexes is not None and np.diff(inodes.first).tolist() != list(map(len, indexes)):
        raise ValueError("inconsistent layers")
    versions = {name: arrays[f"versions.{name}"] for name in _VERSIONS}
    return Filesystem(
        unpack_fields(PathTable, packed, "table."),
        inodes,
        versions,
        [Counter(counts) for counts in packed.values["oddities"]],
        unpack_fields(Changes, packed, "changes.") if "changes.first" in arrays else None,
    )


def _rarely_used(filesystem: Filesystem, contents: bool) -> dict[str, Integers]:
    """Rarely used columns, which keep their stored types and stay in the file."""
    changes = {"changes.layers": filesystem.changes.layers} if contents else {}
    return {"versions.events": filesystem.events, **changes}


def _with_unknown_digests(
    known: NDArray[np.uint8], rows: NDArray[np.int32], count: int
) -> NDArray[np.uint8]:
    """Digests of all inodes, of which only those in `rows` are known."""
    digests = np.zeros((count, 32), np.uint8)
    digests[rows] = known
    return digests
