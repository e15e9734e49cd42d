"""Invalid and hostile tables of contents: they are refused with a message, and the layer is read normally."""

from __future__ import annotations

import gzip
import struct
from dataclasses import replace
from typing import Any

import pytest

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
    """Inside the layer or outside: something else is found there."""
    assert problem(estargz(MEMBERS, offset=offset).blob)
    size = len(zstd_chunked(MEMBERS).blob)
    for place in ((offset, 100, 100, 1), (100, offset, 100, 1), (100, 100, offset, 1)):
        assert problem(zstd_chunked(MEMBERS, place=place).blob), (size, place)


def test_an_unknown_type_of_table_is_reported() -> None:
    """zstd:chunked numbers its types."""
    assert "unknown type 7" in problem(zstd_chunked(MEMBERS, place=(0, 10, 10, 7)).blob)


def test_another_entry_in_its_place_is_reported() -> None:
    """eStargz keeps it under a name of its own."""
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
def test_an_entry_that_no_tar_could_hold_makes_a_table_useless(make: Make, entry: Any) -> None:
    """The whole table is refused with a one-line message, and the layer is read normally."""
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
    """Whatever stands in its place, nothing is raised."""
    assert problem(make(MEMBERS, toc=toc).blob)


@both_formats
def test_odd_entries_are_indexed_like_those_of_a_tar(make: Make) -> None:
    """Absolute names, `..`, missing parents, and parts of files that overlap or lie anywhere."""
    entries = [
        {"type": "reg", "name": "/../../etc/shadow", "size": 5, "offset": -5},
        {"type": "chunk", "name": "elsewhere", "offset": 1 << 60, "chunkOffset": -1},
        {"type": "dir", "name": "./a//b/../c/"},
        {"type": "reg", "name": "no/such/parent", "mode": -1, "modtime": "yesterday"},
        {"type": "reg", "name": "again", "size": 1, "modtime": "9999-12-31T23:59:59-23:00"},
        {"type": "reg", "name": "again", "size": 2, "modtime": "0001-01-01T00:00:00Z"},
        {"type": "dir", "name": "/"},
    ]
    told = expected_index(make([], toc=toc_json(entries)).blob)
    found = [name for name in names(told) if name != b"stargz.index.json"]
    assert found == [b"etc/shadow", b"a/c", b"no/such/parent", b"again", b"again"]
    assert told.oddities["name-outside-root"] == 1
    assert told.columns.stored.tolist()[:6] == [5, 0, 0, 1, 2, 0]
    assert told.columns.modes.tolist()[2] == 0o7777
    assert told.digests is None  # of some contents it is not told


@both_formats
def test_a_bomb_is_not_unpacked(make: Make) -> None:
    """A table is read up to its limit, which the words name."""
    layer = make(MEMBERS, toc=b" " * 3_000_000)
    limits = replace(DEFAULT_LIMITS, toc_bytes=100_000)
    assert "more than 100,000" in problem(layer.blob, limits)
    assert "--limit toc_bytes=NUMBER" in problem(layer.blob, limits)


def test_a_table_that_unpacks_to_more_than_it_says_is_not_unpacked() -> None:
    """zstd:chunked says how long it is."""
    whole = zstd_chunked(MEMBERS)
    offset, packed, length, kind = struct.unpack("<4Q", whole.blob[-64:-32])
    assert "more than" in problem(
        zstd_chunked(MEMBERS, place=(offset, packed, length - 1, kind)).blob
    )


@both_formats
def test_entries_and_memory_have_their_limits(make: Make) -> None:
    """Those of layers hold for tables, too."""
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
    """Nothing is raised, wherever the damage is."""
    blob = bytearray(make(MEMBERS).blob)
    for at in range(len(blob) - 600, len(blob)):
        blob[at] ^= 0x55
        toc_of(bytes(blob))
        blob[at] ^= 0x55


def test_an_endless_gzip_member_is_abandoned() -> None:
    """The table of an eStargz layer is small as stored, whatever it unpacks to."""
    bomb = gzip.compress(bytes(50_000_000))
    blob = bomb + estargz([]).blob[-51:]
    limits = replace(DEFAULT_LIMITS, toc_bytes=100_000)
    assert "more than" in problem(blob[:-51] + estargz([], offset=0).blob[-51:], limits)
