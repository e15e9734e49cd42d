"""Which stored contents a release has in common with the one before, whatever their path, layer and attributes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from layerscope.analysis.compare.side import Side
from layerscope.filesystem.compare_contents import hash_contents
from layerscope.filesystem.inodes import Inodes
from layerscope.layers.index import Kind
from layerscope.progress import Progress


def content_bytes(side: Side, layer: int) -> int:
    """Content bytes that a layer stores."""
    return side.accounting.layers[layer].stored


def unchanged_bytes(
    old: Side, new: Side, layers: Sequence[int], progress: Progress
) -> dict[int, int]:
    """Of the contents of these layers of the new image, the bytes of those that any layer of the old image stores, too.

    Contents that are not known yet and may be equal are read. What cannot be read counts as changed. Raises `CancelledError`.
    """
    mine, other = old.filesystem.inodes, new.filesystem.inodes
    before = _stored(mine, range(len(old.indexes)))
    after = _stored(other, layers)
    sizes = mine.columns.stored[before]
    after = after[np.isin(other.columns.stored[after], sizes)]
    before = before[np.isin(sizes, other.columns.stored[after])]
    for side, inodes in ((old, before), (new, after)):
        hash_contents(side.filesystem.inodes, inodes, side.contents, progress, "Comparing contents")
    before, after = before[mine.hashed[before]], after[other.hashed[after]]
    same = after[np.isin(_keys(other, after), _keys(mine, before))]
    found = dict.fromkeys(layers, 0)
    for layer in layers:
        first, last = int(other.first[layer]), int(other.first[layer + 1])
        inside = same[(same >= first) & (same < last)]
        found[layer] = int(other.columns.stored[inside].sum())
    return found


def _stored(inodes: Inodes, layers: Sequence[int]) -> NDArray[np.int32]:
    """Files of more than 0 bytes that these layers store."""
    spans = [np.arange(inodes.first[n], inodes.first[n + 1], dtype=np.int32) for n in layers]
    rows = np.concatenate([np.zeros(0, np.int32), *spans])
    columns = inodes.columns
    found: NDArray[np.int32] = rows[(columns.kinds[rows] == Kind.FILE) & (columns.stored[rows] > 0)]
    return found


def _keys(inodes: Inodes, rows: NDArray[np.int32]) -> NDArray[np.void]:
    """What equal contents have in common: the digest, of a sparse file together with its map."""
    digests = np.ascontiguousarray(inodes.digests[rows])
    if inodes.sparse:
        for place in np.flatnonzero(np.isin(rows, list(inodes.sparse))).tolist():
            text = repr(inodes.sparse[int(rows[place])]).encode()
            key = hashlib.sha256(digests[place].tobytes() + text).digest()
            digests[place] = np.frombuffer(key, np.uint8)
    return digests.view("V32").ravel()
