"""Tables of contents of eStargz and zstd:chunked layers: what they promise, and what is refused."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from layerscope.layers.blob import MemoryBlob
from layerscope.layers.index import Kind, LayerIndex
from layerscope.layers.indexing import index_layer
from layerscope.layers.toc.reading import Toc, has_toc, read_toc
from layerscope.limits import DEFAULT_LIMITS, Limits
from layerscope.progress import NullProgress
from tests.images import (
    Member,
    device,
    digest,
    directory,
    fifo,
    file,
    hardlink,
    opaque,
    symlink,
    whiteout,
)
from tests.layers.reading import names
from tests.strategies import wild_layers
from tests.toc_images import (
    TYPES,
    TocLayer,
    entries_of,
    estargz,
    external_footer,
    plain_layer,
    toc_json,
    zstd_chunked,
)

Make = Callable[..., TocLayer]
MEMBERS = [
    directory("etc"),
    file("etc/passwd", b"root\n", mode=0o100644, mtime=1.25),
    file("large", b"x" * 600, uid=1000, gid=1001, mtime=-1, xattrs={b"user.a": b"\0\xff"}),
    symlink("link", "etc/passwd"),
    hardlink("same", "large"),
    device("null", 1, 3),
    device("disk", 8, 0, block=True),
    fifo("pipe"),
    whiteout("gone"),
    opaque("etc"),
]
WRITERS = {
    "estargz": estargz,
    "stargz": lambda members, **how: estargz(members, legacy=True, **how),
    "zstd:chunked": zstd_chunked,
    "zstd:chunked-2022": lambda members, **how: zstd_chunked(members, old=True, **how),
}
every_writer = pytest.mark.parametrize("make", WRITERS.values(), ids=WRITERS)
both_formats = pytest.mark.parametrize("make", [estargz, zstd_chunked])


def toc_of(blob: bytes, limits: Limits = DEFAULT_LIMITS) -> Toc | None:
    """The table of a layer."""
    return read_toc(MemoryBlob("layer 0", blob), limits)


def promised(blob: bytes) -> LayerIndex:
    """The index that the table of a layer promises."""
    toc = toc_of(blob)
    assert toc is not None
    assert toc.check.problem is None
    assert toc.promised is not None
    return toc.promised


def problem(blob: bytes, limits: Limits = DEFAULT_LIMITS) -> str:
    """Why the table of a layer is of no use."""
    toc = toc_of(blob, limits)
    assert toc is not None
    assert toc.promised is None
    assert not toc.check.readable
    return str(toc.check.problem)


def read(blob: bytes) -> LayerIndex:
    """The index of a layer, from its tar."""
    return index_layer(MemoryBlob("layer 0", blob), DEFAULT_LIMITS, NullProgress())


def assert_same_tree(one: LayerIndex, other: LayerIndex, *, times: bool = True) -> None:
    """Both list the same entries with the same attributes."""
    assert names(one) == names(other)
    assert one.roles.tolist() == other.roles.tolist()
    for column in ("kinds", "stored", "modes", "uids", "gids", "devices"):
        assert getattr(one.columns, column).tolist() == getattr(other.columns, column).tolist()
    assert times is False or one.columns.mtimes.tolist() == other.columns.mtimes.tolist()
    for table, column in (("links", "links"), ("xattrs", "xattrs")):
        strings = [
            [getattr(index, table)[at] for at in getattr(index.columns, column).tolist()]
            for index in (one, other)
        ]
        assert strings[0] == strings[1]


@every_writer
def test_a_table_promises_the_tree_that_the_tar_holds(make: Make) -> None:
    """All that both know is the same, content digests too; nothing but the end of the layer was read for it."""
    layer = make(MEMBERS)
    told, found = promised(layer.blob), read(layer.blob)
    assert found.broken is None
    assert_same_tree(told, found)
    files = found.columns.kinds == Kind.FILE
    assert told.digests is not None
    assert found.digests is not None
    assert np.array_equal(told.digests[files], found.digests[files])


@every_writer
def test_the_digests_are_those_that_manifests_give(make: Make) -> None:
    """eStargz means the JSON, zstd:chunked its compressed form."""
    layer = make(MEMBERS)
    toc = toc_of(layer.blob)
    assert toc is not None
    (claimed,) = (value for key, value in layer.annotations.items() if "position" not in key)
    assert claimed in (toc.check.digest, toc.check.packed_digest)
    assert toc.check.digest == digest(toc_json(entries_of(MEMBERS)))


def _listed(member: Member) -> bool:
    """Whether writers of tables take such a member, and JSON its names."""
    texts = (member.name, member.link)
    return member.type in TYPES and all(text.isascii() for text in texts)


@both_formats
@given(layers=wild_layers())
@settings(max_examples=60, deadline=None)
def test_any_layer_is_told_as_it_is(make: Make, layers: Sequence[Sequence[Member]]) -> None:
    """Whatever a tar holds, odd names, markers and repeated paths too: its table promises the same tree."""
    for members in layers:
        listed = [member for member in members if _listed(member)]
        layer = make(listed)
        assert_same_tree(promised(layer.blob), read(layer.blob))


def test_a_layer_without_a_table_has_none() -> None:
    """Nothing is said about it; nor about one that is too short for any, or whose table is kept elsewhere."""
    plain = plain_layer(MEMBERS).blob
    for blob in (plain, b"", plain[:20], b"x" * 5000, zstd_chunked(MEMBERS).tar):
        assert toc_of(blob) is None
        assert not has_toc(MemoryBlob("layer 0", blob))
    toc = toc_of(plain + external_footer())
    assert toc is not None
    assert toc.check.elsewhere
    assert toc.promised is None
    assert not has_toc(MemoryBlob("layer 0", plain + external_footer()))


@every_writer
def test_a_look_at_the_end_tells_that_there_is_a_table(make: Make) -> None:
    """Without unpacking it."""
    assert has_toc(MemoryBlob("layer 0", make(MEMBERS, toc=b"no JSON").blob))


@pytest.mark.parametrize("offset", [0, 3, 10_000_000, (1 << 64) - 1])
def test_a_wrong_offset_is_said(offset: int) -> None:
    """Inside the layer or outside: something else is found there."""
    assert problem(estargz(MEMBERS, offset=offset).blob)
    size = len(zstd_chunked(MEMBERS).blob)
    for place in ((offset, 100, 100, 1), (100, offset, 100, 1), (100, 100, offset, 1)):
        assert problem(zstd_chunked(MEMBERS, place=place).blob), (size, place)


def test_another_type_of_table_is_none_that_is_known() -> None:
    """zstd:chunked numbers its types."""
    assert "unknown type 7" in problem(zstd_chunked(MEMBERS, place=(0, 10, 10, 7)).blob)


def test_another_entry_in_its_place_is_no_table() -> None:
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
    """It is refused as a whole, in one line, and the layer is read as ever."""
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
def test_what_is_no_table_is_said(make: Make, toc: bytes) -> None:
    """Whatever stands in its place, nothing is raised."""
    assert problem(make(MEMBERS, toc=toc).blob)


@both_formats
def test_odd_entries_are_filed_as_those_of_a_tar(make: Make) -> None:
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
    told = promised(make([], toc=toc_json(entries)).blob)
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
    assert "metadata bytes" in problem(layer.blob, replace(DEFAULT_LIMITS, metadata_bytes=500))


@both_formats
def test_any_cut_is_told_or_leaves_no_table(make: Make) -> None:
    """A blob that ends anywhere else never raises."""
    blob = make(MEMBERS).blob
    for end in range(0, len(blob), 7):
        toc = toc_of(blob[:end])
        assert toc is None or toc.promised is None


@both_formats
def test_any_byte_may_be_wrong(make: Make) -> None:
    """Nothing is raised, wherever the damage is."""
    blob = bytearray(make(MEMBERS).blob)
    for at in range(len(blob) - 600, len(blob)):
        blob[at] ^= 0x55
        toc_of(bytes(blob))
        blob[at] ^= 0x55


def test_a_gzip_member_that_unpacks_without_end_is_left() -> None:
    """The table of an eStargz layer is small as stored, whatever it unpacks to."""
    bomb = gzip.compress(bytes(50_000_000))
    blob = bomb + estargz([]).blob[-51:]
    limits = replace(DEFAULT_LIMITS, toc_bytes=100_000)
    assert "more than" in problem(blob[:-51] + estargz([], offset=0).blob[-51:], limits)
