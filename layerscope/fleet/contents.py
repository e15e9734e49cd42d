"""Contents of a layer by digest: for finding equal layers, and contents that several layers store."""

from __future__ import annotations

import hashlib
import struct

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from layerscope.layers.index import Kind, LayerIndex
from layerscope.layers.names import Role

SMALLEST = 4096
"""Minimum bytes of a content that is looked for in other layers."""
DIGEST = 16
"""Number of bytes of a content's SHA-256 that identify it."""
_COUNT = struct.Struct("<Q")


def signature_of(index: LayerIndex) -> str | None:
    """A digest that is equal for layers with the same paths and contents in any order and with any attributes; rarely for others.

    None if contents are not known.
    """
    if index.digests is None:
        return None
    words = index.digests.view(np.uint64).sum(axis=0, dtype=np.uint64)  # in any order
    names = sorted(index.tree.names[number] for number in range(len(index.tree.names)))
    counts = [np.bincount(column, minlength=16) for column in (index.columns.kinds, index.roles)]
    signature = hashlib.sha256(b"\0".join(names))
    for column in (words, *counts, index.columns.stored.sum(dtype=np.int64)):
        signature.update(np.ascontiguousarray(column).tobytes())
    return signature.hexdigest()[:32]


class StoredContents(Struct, frozen=True):
    """Contents of a layer, one row for each entry, in the order of their digests."""

    digests: NDArray[np.void]
    sizes: NDArray[np.int64]
    entries: NDArray[np.int32]


def pack_contents(index: LayerIndex) -> bytes:
    """Contents of at least `SMALLEST` bytes as bytes; those of sparse files, which equal no others, are left out."""
    if index.digests is None:
        return b""
    columns = index.columns
    wanted = (columns.kinds == Kind.FILE) & (index.roles == Role.ENTRY)
    wanted &= (columns.stored >= SMALLEST) & index.digests.any(axis=1)
    if index.sparse:
        wanted[list(index.sparse)] = False
    entries = np.flatnonzero(wanted)
    digests = np.ascontiguousarray(index.digests[entries, :DIGEST]).view(f"V{DIGEST}").ravel()
    order = np.argsort(digests, kind="stable")
    parts = (
        digests[order],
        columns.stored[entries][order].astype(np.int64),
        entries[order].astype(np.int32),
    )
    return _COUNT.pack(len(entries)) + b"".join(part.tobytes() for part in parts)


def unpack_contents(data: bytes) -> StoredContents:
    """The inverse of `pack_contents`."""
    if not data:
        return StoredContents(
            np.zeros(0, f"V{DIGEST}"), np.zeros(0, np.int64), np.zeros(0, np.int32)
        )
    (count,) = _COUNT.unpack_from(data)
    position, columns = _COUNT.size, []
    for kind in (f"V{DIGEST}", np.int64, np.int32):
        columns.append(np.frombuffer(data, kind, count, position))
        position += columns[-1].nbytes
    return StoredContents(*columns)
