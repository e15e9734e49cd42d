"""Stacked filesystems as plain values and arrays, with their changes and the digests of contents that are known.

What the indexes of the layers say is not said again.
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
"""Columns of versions as `Filesystem` takes them, and what it calls them then."""


def pack_filesystem(filesystem: Filesystem) -> Packed:
    """A filesystem as arrays."""
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
    """What `pack_filesystem` was given, of the same layers. Raises KeyError and ValueError for what it did not make."""
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
