"""Finds stored contents that a release shares with the previous one, whatever their path, layer and attributes."""

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


def unchanged_bytes(
    old: Side, new: Side, layers: Sequence[int], progress: Progress
) -> dict[int, int]:
    """For each of these layers of the new image, the bytes of its contents that any layer of the old image also stores.

    Reads contents of equal size whose digests are unknown. Unreadable contents count as changed. Raises `CancelledError`.
    """
    old_inodes, new_inodes = old.filesystem.inodes, new.filesystem.inodes
    before = _stored(old_inodes, range(len(old.indexes)))
    after = _stored(new_inodes, layers)
    sizes = old_inodes.columns.stored[before]
    after = after[np.isin(new_inodes.columns.stored[after], sizes)]
    before = before[np.isin(sizes, new_inodes.columns.stored[after])]
    for side, inodes in ((old, before), (new, after)):
        hash_contents(side.filesystem.inodes, inodes, side.contents, progress, "Comparing contents")
    before, after = before[old_inodes.hashed[before]], after[new_inodes.hashed[after]]
    same = after[np.isin(_content_keys(new_inodes, after), _content_keys(old_inodes, before))]
    bytes_by_layer = dict.fromkeys(layers, 0)
    for layer in layers:
        first, last = int(new_inodes.first[layer]), int(new_inodes.first[layer + 1])
        inside = same[(same >= first) & (same < last)]
        bytes_by_layer[layer] = int(new_inodes.columns.stored[inside].sum())
    return bytes_by_layer


def _stored(inodes: Inodes, layers: Sequence[int]) -> NDArray[np.int32]:
    """Files of more than 0 bytes that these layers store."""
    spans = [np.arange(inodes.first[n], inodes.first[n + 1], dtype=np.int32) for n in layers]
    rows = np.concatenate([np.zeros(0, np.int32), *spans])
    columns = inodes.columns
    found: NDArray[np.int32] = rows[(columns.kinds[rows] == Kind.FILE) & (columns.stored[rows] > 0)]
    return found


def _content_keys(inodes: Inodes, rows: NDArray[np.int32]) -> NDArray[np.void]:
    """Keys of contents, equal for equal contents: the digest, for a sparse file combined with its map."""
    digests = np.ascontiguousarray(inodes.digests[rows])
    if inodes.sparse:
        for place in np.flatnonzero(np.isin(rows, list(inodes.sparse))).tolist():
            text = repr(inodes.sparse[int(rows[place])]).encode()
            key = hashlib.sha256(digests[place].tobytes() + text).digest()
            digests[place] = np.frombuffer(key, np.uint8)
    return digests.view("V32").ravel()
