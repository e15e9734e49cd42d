"""Packs stacked filesystems as plain values and arrays, with their inodes and changes, for the cache.

Nothing has to be computed to show one: its arrays are used where they lie.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from layerscope.filesystem.changes import Changes
from layerscope.filesystem.inodes import Inodes
from layerscope.filesystem.model import Filesystem
from layerscope.filesystem.paths import PathTable
from layerscope.layers.index import LayerIndex
from layerscope.layers.packing import Packed, pack_fields, unpack_fields

_VERSIONS = {
    "paths": "paths",
    "inodes": "inode_of",
    "born": "born",
    "died": "died",
    "removals": "removals",
    "successors": "successors",
    "events": "events",
}
"""Columns as `Filesystem` takes them, and the names of its attributes for them."""


def pack_filesystem(filesystem: Filesystem) -> Packed:
    """Pack a filesystem."""
    own = pack_fields(filesystem.inodes, "inodes.", omit=("digests",))
    known, digests = np.flatnonzero(filesystem.inodes.hashed), filesystem.inodes.digests
    few = 2 * len(known) < len(digests)
    return Packed(
        {"oddities": filesystem.oddities, "few": few, **own.values},
        {
            **{f"versions.{name}": getattr(filesystem, own) for name, own in _VERSIONS.items()},
            **pack_fields(filesystem.table, "table.").arrays,
            **pack_fields(filesystem.changes, "changes.").arrays,
            **own.arrays,
            "digests": digests[known] if few else digests,
        },
    )


def unpack_filesystem(packed: Packed, indexes: Sequence[LayerIndex] | None) -> Filesystem:
    """Restore a packed filesystem of the same layers, if these are known. Raises KeyError, TypeError and ValueError if the data does not fit."""
    arrays = packed.arrays
    digests = arrays["digests"]
    if packed.values["few"]:
        known, hashed = digests, arrays["inodes.hashed"]
        digests = np.zeros((len(hashed), 32), np.uint8)  # those that are unknown take no memory
        digests[np.flatnonzero(hashed)] = known
    inodes = unpack_fields(Inodes, packed, "inodes.", digests=digests)
    if indexes is not None and np.diff(inodes.first).tolist() != list(map(len, indexes)):
        raise ValueError("other layers")
    versions = {name: arrays[f"versions.{name}"] for name in _VERSIONS}
    return Filesystem(
        unpack_fields(PathTable, packed, "table."),
        inodes,
        versions,
        [Counter(counts) for counts in packed.values["oddities"]],
        unpack_fields(Changes, packed, "changes."),
    )
