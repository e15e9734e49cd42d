"""Contents that images do not need, by layer, so that a content shared by several images is counted once.

Where layers are stored once, a content can be avoided only if no image with its layer needs it: one image may need what another
deletes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from layerscope.fleet.tables import Row
from layerscope.layers.small_types import narrow

if TYPE_CHECKING:
    from layerscope.filesystem.inodes import Inodes

AVOIDABLE, WASTED = "avoidable", "wasted"
"""Subjects besides rules: avoidable by any finding, and not in the final image."""

_RULE = "rule:"


class ClaimRow(Row, frozen=True):
    """Contents of a layer that an image does not need; not written to a file."""

    image: int
    layer: int
    key: str
    """The layer, as in the table layers."""
    subject: str
    """`AVOIDABLE`, `WASTED`, or the name of a rule after `rule:`."""
    saved: int
    """Content bytes."""
    contents: str
    """Digest of `packed`: equal for equal sets of contents."""
    packed: bytes
    """The entries and their sizes, as `pack_entry_sizes` writes them."""


def rule_subject(rule: str) -> str:
    """The subject of contents that findings of a rule would avoid."""
    return _RULE + rule


def rule_of(subject: str) -> str:
    """The rule of a `rule_subject`."""
    return subject.removeprefix(_RULE)


def claims_of(
    image: int, subject: str, inodes: NDArray[np.int32], all_inodes: Inodes, keys: Sequence[str]
) -> Iterator[ClaimRow]:
    """A row per layer that stores some of `inodes`; `all_inodes` are those of the image, `keys` the keys of its layers."""
    inodes = np.unique(inodes)
    inodes = inodes[all_inodes.columns.stored[inodes] > 0]
    layers = all_inodes.layers(inodes)
    for layer in np.unique(layers).tolist():
        in_layer = inodes[layers == layer]
        entries, sizes = in_layer - all_inodes.first[layer], all_inodes.columns.stored[in_layer]
        packed = pack_entry_sizes(entries, sizes)
        digest = hashlib.sha256(packed).hexdigest()[:32]
        yield ClaimRow(image, layer, keys[layer], subject, int(sizes.sum()), digest, packed)


def pack_entry_sizes(entries: NDArray[np.int64], sizes: NDArray[np.int64]) -> bytes:
    """Ascending entry numbers and their sizes, packed into bytes."""
    steps = np.diff(entries, prepend=0)
    columns = [np.ascontiguousarray(narrow(column.astype(np.int64))) for column in (steps, sizes)]
    header = f"{len(entries)} {' '.join(column.dtype.str for column in columns)}\n".encode()
    return bytes(isal_zlib.compress(header + b"".join(column.tobytes() for column in columns), 1))


def unpack_entry_sizes(packed: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The inverse of `pack_entry_sizes`."""
    header, _, data = isal_zlib.decompress(packed).partition(b"\n")
    count, *types = header.decode().split()
    split = int(count) * np.dtype(types[0]).itemsize
    steps = np.frombuffer(data[:split], types[0]).astype(np.int64)
    return np.cumsum(steps), np.frombuffer(data[split:], types[1]).astype(np.int64)


def intersection(one: bytes, other: bytes) -> tuple[bytes, int]:
    """The contents in both of two packed sets of one layer, and the sum of their bytes."""
    entries, sizes = unpack_entry_sizes(one)
    shared = np.isin(entries, unpack_entry_sizes(other)[0], assume_unique=True)
    entries, sizes = entries[shared], sizes[shared]
    return pack_entry_sizes(entries, sizes), int(sizes.sum())
