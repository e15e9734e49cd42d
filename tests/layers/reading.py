"""Builds tars field by field, and reads layers both ways: by offset, and as a stream in which every byte is hashed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from layerscope.layers.blob import MemoryBlob
from layerscope.layers.extensions import unpack_xattrs
from layerscope.layers.index import Columns, Kind, LayerIndex
from layerscope.layers.indexing import index_layer
from layerscope.layers.names import Role
from layerscope.limits import DEFAULT_LIMITS, Limits
from layerscope.progress import NullProgress

BLOCK = 512
END = bytes(2 * BLOCK)

USTAR = b"ustar\x0000"
GNU = b"ustar  \0"
V7 = bytes(8)

FIELDS = {
    "name": (0, 100),
    "mode": (100, 8),
    "uid": (108, 8),
    "gid": (116, 8),
    "size": (124, 12),
    "mtime": (136, 12),
    "checksum": (148, 8),
    "type": (156, 1),
    "link": (157, 100),
    "magic": (257, 8),
    "major": (329, 8),
    "minor": (337, 8),
    "prefix": (345, 155),
}
"""Offset and length of the fields of a header."""


def header(
    name: bytes = b"file",
    kind: bytes = b"0",
    size: int | bytes = 0,
    magic: bytes = USTAR,
    at: dict[int, bytes] | None = None,
    **fields: bytes,
) -> bytes:
    """One header block with a correct checksum, unless `checksum` is given; `at` has further bytes by offset."""
    block = bytearray(BLOCK)
    values = {
        "name": name,
        "mode": b"0000644\0",
        "uid": b"0000000\0",
        "gid": b"0000000\0",
        "size": size if isinstance(size, bytes) else b"%011o\0" % size,
        "mtime": b"00000000000\0",
        "type": kind,
        "magic": magic,
    } | fields
    for field, value in values.items():
        start, length = FIELDS[field]
        assert len(value) <= length
        block[start : start + len(value)] = value
    for start, value in (at or {}).items():
        block[start : start + len(value)] = value
    if "checksum" not in fields:
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(data: bytes) -> bytes:
    """A payload padded to complete blocks."""
    return data + bytes(-len(data) % BLOCK)


def entry(name: bytes = b"file", data: bytes = b"", kind: bytes = b"0", **fields: bytes) -> bytes:
    """A header and its payload."""
    return header(name, kind, len(data), at=None, **fields) + padded(data)


def record(key: bytes, value: bytes) -> bytes:
    """One PAX record."""
    text = b" " + key + b"=" + value + b"\n"
    length = len(text) + 1
    while len(b"%d" % length) + len(text) != length:
        length += 1
    return b"%d" % length + text


def pax(*records: tuple[bytes, bytes], kind: bytes = b"x") -> bytes:
    """A PAX header with these records; keys may repeat."""
    return entry(b"PaxHeader", b"".join(record(key, value) for key, value in records), kind)


def long_name(name: bytes, kind: bytes = b"L") -> bytes:
    """GNU's header for a long name, or for a long link with kind K."""
    return entry(b"././@LongLink", name + b"\0", kind, magic=GNU)


class Row(NamedTuple):
    """One entry of a layer, from its index."""

    name: bytes
    kind: Kind
    stored: int
    mode: int
    uid: int
    gid: int
    mtime: int
    link: bytes
    xattrs: dict[bytes, bytes]
    offset: int


def rows(index: LayerIndex) -> list[Row]:
    """All entries of a layer, with their cleaned names."""
    columns = index.columns
    return [
        Row(
            index.tree.path(int(index.nodes[number])),
            Kind(columns.kinds[number]),
            int(columns.stored[number]),
            int(columns.modes[number]),
            int(columns.uids[number]),
            int(columns.gids[number]),
            int(columns.mtimes[number]),
            index.links[int(columns.links[number])],
            unpack_xattrs(index.xattrs[int(columns.xattrs[number])]),
            int(columns.offsets[number]),
        )
        for number in range(len(index))
    ]


def read(blob: bytes, limits: Limits = DEFAULT_LIMITS, *, hash_all: bool = False) -> LayerIndex:
    """Index a layer."""
    return index_layer(MemoryBlob("layer", blob), limits, NullProgress(), hash_all=hash_all)


def read_both(tar: bytes, limits: Limits = DEFAULT_LIMITS) -> LayerIndex:
    """Index a plain tar by offset and as a stream, assert that both are equal, and return the index with digests."""
    skipped, hashed = read(tar, limits), read(tar, limits, hash_all=True)
    for name in Columns.__struct_fields__:
        one, other = getattr(skipped.columns, name), getattr(hashed.columns, name)
        assert np.array_equal(one, other), name
    assert np.array_equal(skipped.roles, hashed.roles)
    assert rows(skipped) == rows(hashed)
    assert skipped.sparse == hashed.sparse
    assert skipped.broken == hashed.broken
    assert skipped.trailing == hashed.trailing
    assert skipped.oddities == hashed.oddities
    assert skipped.tar_bytes == hashed.tar_bytes == len(tar)
    return hashed


def names(index: LayerIndex) -> list[bytes]:
    """Paths of the entries, without markers and ignored entries."""
    return [
        row.name
        for row, role in zip(rows(index), index.roles.tolist(), strict=True)
        if role == Role.ENTRY
    ]


def one(tar: bytes) -> Row:
    """The only entry of an undamaged tar, read both ways."""
    index = read_both(tar)
    assert index.broken is None
    (row,) = rows(index)
    return row


def broken(tar: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[int, str]:
    """Offset and message of a tar's damage."""
    damage = read_both(tar, limits).broken
    assert damage is not None
    return damage.offset, damage.message
