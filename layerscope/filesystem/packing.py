"""Packs stacked filesystems as plain values and arrays, with changes and known digests, for the cache.

Data of the layer indexes is not repeated.
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
    table, inodes = filesystem.table, filesystem.inodes
    known = np.flatnonzero(inodes.hashed)
    return Packed(
        {"oddities": filesystem.oddities},
        {
            **{f"versions.{name}": getattr(filesystem, own) for name, own in _VERSIONS.items()},
            **pack_fields(table, "table.").arrays,
            **pack_fields(filesystem.changes, "changes.").arrays,
            "kinds": inodes.columns.kinds,
            "hashed": known,
            "digests": inodes.digests[known],
        },
    )


def unpack_filesystem(packed: Packed, indexes: Sequence[LayerIndex]) -> Filesystem:
    """Restore a packed filesystem of the same layers. Raises KeyError and ValueError if the data does not fit."""
    arrays = packed.arrays
    inodes = Inodes.of(indexes)
    inodes.columns.kinds[:] = arrays["kinds"]
    known = arrays["hashed"]
    inodes.digests[known] = arrays["digests"]
    inodes.hashed[known] = True
    versions = {name: arrays[f"versions.{name}"] for name in _VERSIONS}
    return Filesystem(
        unpack_fields(PathTable, packed, "table."),
        inodes,
        versions,
        [Counter(counts) for counts in packed.values["oddities"]],
        unpack_fields(Changes, packed, "changes."),
    )
