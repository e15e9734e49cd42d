"""Packs stacked filesystems as plain values and arrays, with their inodes and changes, for the cache.

Nothing has to be computed to show one: its arrays are used in place.
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
    """Pack a filesystem; without `contents`, neither where these are nor what can be computed again."""
    own = pack_fields(filesystem.inodes, "inodes.", omit=("kept_digests",))
    known, digests = np.flatnonzero(filesystem.inodes.hashed), filesystem.inodes.digests
    few = 2 * len(known) < len(digests)
    return Packed(
        {"oddities": filesystem.oddities, "few": few, **own.values},
        {
            **{f"versions.{name}": getattr(filesystem, own) for name, own in _VERSIONS.items()},
            **pack_fields(filesystem.table, "table.").arrays,
            **(pack_fields(filesystem.changes, "changes.").arrays if contents else {}),
            **{name: narrow(array) for name, array in _seldom(filesystem, contents).items()},
            **own.arrays,
            **({} if contents else {"inodes.columns.offsets": np.zeros(len(digests), np.uint8)}),
            "digests": digests[known] if few else digests,
        },
    )


def unpack_filesystem(packed: Packed, indexes: Sequence[LayerIndex] | None) -> Filesystem:
    """Restore a packed filesystem of the same layers, if these are known. Raises KeyError, TypeError and ValueError if the data
    does not fit.
    """
    arrays = packed.arrays
    digests = arrays["digests"]
    if packed.values["few"]:
        rows = np.flatnonzero(arrays["inodes.hashed"]).astype(np.int32)
        if len(rows) != len(digests):
            raise ValueError("other digests")
        kept = partial(_spread, digests, rows, len(arrays["inodes.hashed"]))
        inodes = unpack_fields(Inodes, packed, "inodes.", kept_digests=kept)
    else:
        inodes = unpack_fields(Inodes, packed, "inodes.", kept_digests=digests)
    if indexes is not None and np.diff(inodes.first).tolist() != list(map(len, indexes)):
        raise ValueError("other layers")
    versions = {name: arrays[f"versions.{name}"] for name in _VERSIONS}
    return Filesystem(
        unpack_fields(PathTable, packed, "table."),
        inodes,
        versions,
        [Counter(counts) for counts in packed.values["oddities"]],
        unpack_fields(Changes, packed, "changes.") if "changes.first" in arrays else None,
    )


def _seldom(filesystem: Filesystem, contents: bool) -> dict[str, Integers]:
    """Rarely used columns: they keep their stored types, and stay in the file."""
    changes = {"changes.layers": filesystem.changes.layers} if contents else {}
    return {"versions.events": filesystem.events, **changes}


def _spread(known: NDArray[np.uint8], rows: NDArray[np.int32], count: int) -> NDArray[np.uint8]:
    """Digests of all inodes, of which only those in `rows` are known."""
    digests = np.zeros((count, 32), np.uint8)
    digests[rows] = known
    return digests
