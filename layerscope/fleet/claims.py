"""Contents that images could do without, layer by layer, so that a content that several images share is counted once.

A content is saved where layers are stored once only if every image that has its layer could do without it: what one image deletes,
another one may need.
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
"""Subjects besides rules: what all findings save together, and what the final image does not show."""

_RULE = "rule:"


class ClaimRow(Row, frozen=True):
    """Contents of a layer that an image could do without; in no file."""

    image: int
    layer: int
    key: str
    """The layer, as in the table layers."""
    subject: str
    """`AVOIDABLE`, `WASTED`, or the name of a rule after `rule:`."""
    saved: int
    """Content bytes."""
    contents: str
    """Digest of the contents in the layer: equal for the same ones."""
    packed: bytes
    """Which ones, as `pack_contents` writes them."""


def rule_subject(rule: str) -> str:
    """The subject of what the findings of one rule save."""
    return _RULE + rule


def rule_of(subject: str) -> str:
    """The rule of a `rule_subject`."""
    return subject.removeprefix(_RULE)


def claims_of(
    image: int, subject: str, inodes: NDArray[np.int32], of: Inodes, keys: Sequence[str]
) -> Iterator[ClaimRow]:
    """A row for each layer that stores one of these inodes of an image; `keys` are those of its layers."""
    inodes = np.unique(inodes)
    inodes = inodes[of.columns.stored[inodes] > 0]
    layers = of.layers(inodes)
    for layer in np.unique(layers).tolist():
        mine = inodes[layers == layer]
        entries, sizes = mine - of.first[layer], of.columns.stored[mine]
        packed = pack_contents(entries, sizes)
        digest = hashlib.sha256(packed).hexdigest()[:32]
        yield ClaimRow(image, layer, keys[layer], subject, int(sizes.sum()), digest, packed)


def pack_contents(entries: NDArray[np.int64], sizes: NDArray[np.int64]) -> bytes:
    """Numbers of entries, ascending, and their sizes, as bytes."""
    steps = np.diff(entries, prepend=0)
    columns = [np.ascontiguousarray(narrow(column.astype(np.int64))) for column in (steps, sizes)]
    head = f"{len(entries)} {' '.join(column.dtype.str for column in columns)}\n".encode()
    return bytes(isal_zlib.compress(head + b"".join(column.tobytes() for column in columns), 1))


def unpack_contents(packed: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The inverse of `pack_contents`."""
    head, _, data = isal_zlib.decompress(packed).partition(b"\n")
    count, *types = head.decode().split()
    split = int(count) * np.dtype(types[0]).itemsize
    steps = np.frombuffer(data[:split], types[0]).astype(np.int64)
    return np.cumsum(steps), np.frombuffer(data[split:], types[1]).astype(np.int64)


def common(one: bytes, other: bytes) -> tuple[bytes, int]:
    """The contents that are in both of two sets of one layer, and their bytes."""
    entries, sizes = unpack_contents(one)
    kept = np.isin(entries, unpack_contents(other)[0], assume_unique=True)
    entries, sizes = entries[kept], sizes[kept]
    return pack_contents(entries, sizes), int(sizes.sum())
