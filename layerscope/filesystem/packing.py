"""Stacked filesystems as plain values and arrays, with the digests of contents that are known."""

from __future__ import annotations

from collections import Counter

import numpy as np

from layerscope.filesystem.inodes import Inodes
from layerscope.filesystem.model import Filesystem
from layerscope.filesystem.paths import PathTable
from layerscope.layers.index_packing import column_parts, columns_of, sparse_of, sparse_parts
from layerscope.layers.packing import Packed, table_parts

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
_TABLE = ("parents", "ends", "depths", "components")


def pack_filesystem(filesystem: Filesystem) -> Packed:
    """A filesystem as arrays."""
    table, inodes = filesystem.table, filesystem.inodes
    known = np.flatnonzero(inodes.hashed)
    return Packed(
        {"oddities": filesystem.oddities},
        {
            **{f"versions.{name}": getattr(filesystem, own) for name, own in _VERSIONS.items()},
            **{f"table.{name}": getattr(table, name) for name in _TABLE},
            **table_parts("table.names", table.names),
            "first": inodes.first,
            "hashed": known,
            "digests": inodes.digests[known],
            **table_parts("links", inodes.links),
            **table_parts("xattrs", inodes.xattrs),
            **column_parts(inodes.columns),
            **sparse_parts(inodes.sparse),
        },
    )


def unpack_filesystem(packed: Packed) -> Filesystem:
    """What `pack_filesystem` was given. Raises KeyError for what it did not make."""
    arrays = packed.arrays
    first, known = arrays["first"], arrays["hashed"]
    count = int(first[-1]) + 1
    digests = np.zeros((count, 32), np.uint8)
    digests[known] = arrays["digests"]
    hashed = np.zeros(count, bool)
    hashed[known] = True
    inodes = Inodes(
        columns_of(packed),
        first,
        packed.table("links"),
        packed.table("xattrs"),
        sparse_of(packed),
        digests,
        hashed,
    )
    table = PathTable(
        names=packed.table("table.names"),
        **{name: arrays[f"table.{name}"] for name in _TABLE},
    )
    versions = {name: arrays[f"versions.{name}"] for name in _VERSIONS}
    return Filesystem(
        table, inodes, versions, [Counter(counts) for counts in packed.values["oddities"]]
    )
