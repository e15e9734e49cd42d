"""Invalid and hostile tables of contents: they are refused with a message, and the layer is read normally."""

from __future__ import annotations

import gzip
import struct
from typing import Any

import pytest
from msgspec.structs import replace

from layerscope.limits import DEFAULT_LIMITS
from tests.layers.reading import names
from tests.layers.toc.tables import (
    MEMBERS,
    Make,
    both_formats,
    expected_index,
    problem,
    read,
    toc_of,
)
from tests.toc_images import (
    estargz,
    toc_json,
    zstd_chunked,
)


@pytest.mark.parametrize("offset", [0, 3, 10_000_000, (1 << 64) - 1])
def test_a_wrong_offset_is_reported(offset: int) -> None:
    """It may be inside or outside the layer."""
    assert problem(estargz(MEMBERS, offset=offset).blob)
    size = len(zstd_chunked(MEMBERS).blob)
    for place in ((offset, 100, 100, 1), (100, offset, 100, 1), (100, 100, offset, 1)):
        assert problem(zstd_chunked(MEMBERS, place=place).blob), (size, place)


def test_an_unknown_type_of_table_is_reported() -> None:
    """zstd:chunked numbers its types."""
    assert "unknown type 7" in problem(zstd_chunked(MEMBERS, place=(0, 10, 10, 7)).blob)


def test_another_entry_at_its_position_is_reported() -> None:
    """The table of eStargz has a reserved name."""
    assert "something else" in problem(estargz(MEMBERS, name="other.json").blob)


ENTRY = {"type": "reg", "name": "a"}
BAD_ENTRIES: dict[str, Any] = {
    "negative size": ENTRY | {"size": -1},
    "huge size": ENTRY | {"size": 1 << 62},
    "size beyond 64 bits": ENTRY | {"size": 1 << 70},
    "size as text": ENTRY | {"size": "1"},
    "fraction": ENTRY | {"size": 1.5},
    "owner beyond 64 bits": ENTRY | {"uid": 1 << 63},
    "unknown type": ENTRY | {"type": "door"},
    "no type": {"name": "a"},
    "no name": {"type": "reg"},
    "name is a list": ENTRY | {"name": []},
    "NUL in a name": ENTRY | {"name": "a\0b"},
    "NUL in a target": {"type": "symlink", "name": "a", "linkName": "\0"},
    "half a surrogate": ENTRY | {"name": "\ud800"},
    "long name": ENTRY | {"name": "a" * 70_000},
    "a million directories": ENTRY | {"name": "a/" * 1_000_000},
    "xattr is no base64": ENTRY | {"xattrs": {"user.a": "!"}},
    "xattrs are a list": ENTRY | {"xattrs": []},
    "not an object": 5,
    "null": None,
}


@both_formats
@pytest.mark.parametrize("entry", BAD_ENTRIES.values(), ids=BAD_ENTRIES)
def test_an_invalid_entry_makes_a_table_unusable(make: Make, entry: Any) -> None:
    """The message has one line, and the layer is read normally."""
    entries: list[Any] = [ENTRY, entry]
    layer = make(MEMBERS, toc=toc_json(entries))
    assert "\n" not in problem(layer.blob)
    assert read(layer.blob).broken is None


BAD_DOCUMENTS = {
    "empty": b"",
    "cut": toc_json([ENTRY])[:-5],
    "list": b"[]",
    "deep": b'{"version":1,"entries":' + b"[" * 100_000,
    "deep where nobody looks": b'{"version":1,"more":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"version":1,"more":' + b'{"a":' * 100_000,
    "other version": toc_json([], version=2),
    "no version": b'{"entries":[]}',
    "no UTF-8": b'{"version":1,"entries":[{"type":"reg","name":"\xff"}]}',
    "a number with a million digits": b'{"version":' + b"1" * 1_000_000 + b"}",
}


@both_formats
@pytest.mark.parametrize("toc", BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS)
def test_an_invalid_table_is_reported(make: Make, toc: bytes) -> None:
    """No exception is raised."""
    assert problem(make(MEMBERS, toc=toc).blob)


@both_formats
def test_unusual_entries_are_indexed_like_those_of_a_tar(make: Make) -> None:
    """They have absolute names, `..`, missing parents, or overlapping parts."""
    entries = [
        {"type": "reg", "name": "/../../etc/shadow", "size": 5, "offset": -5},
        {"type": "chunk", "name": "elsewhere", "offset": 1 << 60, "chunkOffset": -1},
        {"type": "dir", "name": "./a//b/../c/"},
        {"type": "reg", "name": "no/such/parent", "mode": -1, "modtime": "yesterday"},
        {"type": "reg", "name": "again", "size": 1, "modtime": "9999-12-31T23:59:59-23:00"},
        {"type": "reg", "name": "again", "size": 2, "modtime": "0001-01-01T00:00:00Z"},
        {"type": "dir", "name": "/"},
    ]
    index = expected_index(make([], toc=toc_json(entries)).blob)
    paths = [name for name in names(index) if name != b"stargz.index.json"]
    assert paths == [b"etc/shadow", b"a/c", b"no/such/parent", b"again", b"again"]
    assert index.oddities["name-outside-root"] == 1
    assert index.columns.stored.tolist()[:6] == [5, 0, 0, 1, 2, 0]
    assert index.columns.modes.tolist()[2] == 0o7777
    assert index.digests is None  # some contents have none


@both_formats
def test_a_bomb_is_not_decompressed(make: Make) -> None:
    """A table is read up to its limit, which the message names."""
    layer = make(MEMBERS, toc=b" " * 3_000_000)
    limits = replace(DEFAULT_LIMITS, toc_bytes=100_000)
    assert "more than 100,000" in problem(layer.blob, limits)
    assert "--limit toc_bytes=NUMBER" in problem(layer.blob, limits)


def test_a_table_with_a_wrong_length_is_refused() -> None:
    """zstd:chunked states the length."""
    whole = zstd_chunked(MEMBERS)
    offset, packed, length, kind = struct.unpack("<4Q", whole.blob[-64:-32])
    assert "more than" in problem(
        zstd_chunked(MEMBERS, place=(offset, packed, length - 1, kind)).blob
    )


@both_formats
def test_limits_apply_to_tables(make: Make) -> None:
    """The limits are those of layers."""
    layer = make(MEMBERS)
    assert "entries" in problem(layer.blob, replace(DEFAULT_LIMITS, entries=3))
    assert "metadata_bytes" in problem(layer.blob, replace(DEFAULT_LIMITS, metadata_bytes=500))


@both_formats
def test_any_truncation_is_reported_or_leaves_no_table(make: Make) -> None:
    """A blob that ends anywhere else never raises."""
    blob = make(MEMBERS).blob
    for end in range(0, len(blob), 7):
        toc = toc_of(blob[:end])
        assert toc is None or toc.expected is None


@both_formats
def test_any_byte_may_be_wrong(make: Make) -> None:
    """Damage anywhere raises no exception."""
    blob = bytearray(make(MEMBERS).blob)
    for at in range(len(blob) - 600, len(blob)):
        blob[at] ^= 0x55
        toc_of(bytes(blob))
        blob[at] ^= 0x55


def test_an_endless_gzip_member_is_abandoned() -> None:
    """The compressed table of an eStargz layer is small, whatever its decompressed size."""
    bomb = gzip.compress(bytes(50_000_000))
    blob = bomb + estargz([]).blob[-51:]
    limits = replace(DEFAULT_LIMITS, toc_bytes=100_000)
    assert "more than" in problem(blob[:-51] + estargz([], offset=0).blob[-51:], limits)
