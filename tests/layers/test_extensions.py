"""PAX and GNU extension headers: precedence of names, sizes and owners as in Go's archive/tar, which all engines use."""

from __future__ import annotations

import pytest

from layerscope.layers.extensions import pack_xattrs, unpack_xattrs
from layerscope.layers.index import Kind
from tests.layers.reading import (
    END,
    GNU,
    broken,
    entry,
    header,
    long_name,
    names,
    one,
    pax,
    read_both,
    record,
    rows,
)


def case_id(payload: bytes) -> str:
    """A short name for a case."""
    return repr(payload[:24])


PATH, LINK = b"path", b"linkpath"


# --- Names ----------------------------------------------------------------------------------------


def test_a_pax_path_replaces_the_name_and_its_prefix() -> None:
    """The path may have any length."""
    assert one(pax((PATH, b"new/name")) + header(b"old", prefix=b"p") + END).name == b"new/name"
    deep = b"/".join([b"d" * 200] * 10)
    assert one(pax((PATH, deep)) + header(b"old") + END).name == deep


def test_a_pax_link_replaces_the_target() -> None:
    """This applies to symlinks and hard links."""
    assert one(pax((LINK, b"t" * 300)) + header(b"l", b"2", link=b"old") + END).link == b"t" * 300
    assert one(pax((LINK, b"t" * 300)) + header(b"l", b"1", link=b"old") + END).link == b"t" * 300


def test_gnu_headers_replace_name_and_target() -> None:
    """They may have either order; their text ends at its first NUL."""
    for tar in (
        long_name(b"n" * 300) + long_name(b"t" * 300, b"K"),
        long_name(b"t" * 300, b"K") + long_name(b"n" * 300),
    ):
        row = one(tar + header(b"old", b"2", link=b"old", magic=GNU) + END)
        assert (row.name, row.link) == (b"n" * 300, b"t" * 300)
    assert one(long_name(b"new\0junk") + header(b"old") + END).name == b"new"


def test_an_empty_gnu_name_is_ignored() -> None:
    """The name in the header is used."""
    assert one(long_name(b"") + header(b"own") + END).name == b"own"


def test_the_gnu_name_takes_precedence_over_the_pax_path() -> None:
    """This holds in either order, unlike in Python's tarfile, but as in engines."""
    assert one(pax((PATH, b"pax")) + long_name(b"gnu") + header(b"own") + END).name == b"gnu"
    assert one(long_name(b"gnu") + pax((PATH, b"pax")) + header(b"own") + END).name == b"gnu"
    row = one(long_name(b"gnu", b"K") + pax((LINK, b"pax")) + header(b"l", b"2", link=b"own") + END)
    assert row.link == b"gnu"


def test_only_the_last_of_two_pax_headers_counts() -> None:
    """Python's tarfile merges them, but engines do not."""
    first, last = pax((PATH, b"first"), (b"uid", b"7")), pax((b"gid", b"8"))
    row = one(first + last + header(b"own") + END)
    assert (row.name, row.uid, row.gid) == (b"own", 0, 8)


def test_the_last_record_of_a_key_counts() -> None:
    """An empty record cancels the ones before it."""
    assert one(pax((PATH, b"first"), (PATH, b"last")) + header(b"own") + END).name == b"last"
    assert one(pax((PATH, b"first"), (PATH, b"")) + header(b"own") + END).name == b"own"
    assert one(pax((b"size", b"junk"), (b"size", b"")) + header(b"own") + END).stored == 0


def test_records_without_a_value_are_ignored() -> None:
    """The field in the header is used."""
    records = [(key, b"") for key in (PATH, LINK, b"uid", b"gid", b"size", b"mtime")]
    fields = {"uid": b"0000007\0", "gid": b"0000010\0", "mtime": b"00000000011\0"}
    row = one(pax(*records) + entry(b"own", b"data", **fields) + END)
    assert (row.name, row.uid, row.gid, row.mtime, row.stored) == (b"own", 7, 8, 9, 4)


def test_names_are_bytes() -> None:
    """No encoding is assumed, and a value may contain any byte, even line ends."""
    name = b"a\nb=c \xff\x1b[2J"
    assert one(pax((PATH, name), (b"hdrcharset", b"BINARY")) + header(b"own") + END).name == name


def test_an_extension_applies_only_to_the_next_entry() -> None:
    """The entry after it has the name in its header."""
    tar = pax((PATH, b"new"), (b"uid", b"5")) + entry(b"a") + entry(b"b") + END
    assert [(row.name, row.uid) for row in rows(read_both(tar))] == [(b"new", 5), (b"b", 0)]


# --- Global headers -------------------------------------------------------------------------------


def test_global_headers_are_ignored() -> None:
    """Engines read them as separate entries and skip them."""
    tar = pax((PATH, b"all"), (b"uid", b"5"), kind=b"g") + entry(b"a") + entry(b"b") + END
    assert [(row.name, row.uid) for row in rows(read_both(tar))] == [(b"a", 0), (b"b", 0)]


def test_a_global_header_consumes_earlier_headers() -> None:
    """Engines apply extension headers before it to the global header itself."""
    tar = pax((PATH, b"lost")) + pax((b"comment", b"x"), kind=b"g") + entry(b"own") + END
    assert one(tar).name == b"own"
    tar = long_name(b"lost") + pax((b"comment", b"x"), kind=b"g") + entry(b"own") + END
    assert one(tar).name == b"own"


def test_a_malformed_global_header_is_damage() -> None:
    assert broken(entry(b"a") + entry(b"g", b"junk", b"g") + entry(b"b") + END)[0] == 512


# --- Numbers --------------------------------------------------------------------------------------


def test_a_pax_size_is_the_size_of_the_payload() -> None:
    """It determines where the next entry begins, whatever the header says."""
    tar = pax((b"size", b"700")) + header(b"a", size=0) + b"x" * 700 + bytes(324)
    index = read_both(tar + entry(b"b", b"data") + END)
    assert index.broken is None
    assert [(row.name, row.stored) for row in rows(index)] == [(b"a", 700), (b"b", 4)]


def test_a_pax_size_without_a_payload_is_ignored() -> None:
    """A directory with a size is directly followed by the next header."""
    tar = pax((b"size", b"700")) + header(b"d/", b"5") + entry(b"b", b"data") + END
    assert [(row.name, row.stored) for row in rows(read_both(tar))] == [(b"d", 0), (b"b", 4)]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (b"0", 0),
        (b"12", 12),
        (b"12.", 12),
        (b"12.999999999", 12),
        (b"-1", -1),
        (b"-1.0", -1),
        (b"-1.5", -2),
        (b"-0.5", -1),
        (b"+7", 7),
        (b"00000000000000000000000000012", 12),
        (b"9223372036854775807", (1 << 63) - 1),
        (b"-9223372036854775808", -(1 << 63)),
    ],
)
def test_times_are_rounded_down_to_seconds(text: bytes, seconds: int) -> None:
    """This includes fractions before 1970."""
    assert one(pax((b"mtime", text)) + header() + END).mtime == seconds


@pytest.mark.parametrize("key", [b"size", b"uid", b"gid", b"mtime", b"atime", b"ctime"])
@pytest.mark.parametrize("value", [b"junk", b"0x10", b"1e3", b"9" * 20, b"-", b"1 ", b"1_0"])
def test_a_malformed_number_is_damage(key: bytes, value: bytes) -> None:
    """Engines refuse the archive; the entries before it are shown."""
    offset, _ = broken(entry(b"a") + pax((key, value)) + header(b"b") + END)
    assert offset == 512


@pytest.mark.parametrize("value", [b".5", b"1.5.5", b"1.-5", b"--1"])
def test_a_malformed_time_is_damage(value: bytes) -> None:
    """A time consists of a sign, digits, a dot and digits."""
    broken(pax((b"mtime", value)) + header() + END)


def test_a_negative_pax_size_is_damage() -> None:
    """Without a payload, it is ignored."""
    assert "negative" in broken(pax((b"size", b"-1")) + header() + END)[1]
    assert one(pax((b"size", b"-1")) + header(b"d", b"5") + END).kind == Kind.DIRECTORY


# --- Extended attributes --------------------------------------------------------------------------


def test_extended_attributes_are_read_from_schily_records() -> None:
    """All engines write and read these. Values are bytes, and may be empty."""
    capability = b"\x01\0\0\x02\0\x20\0\0\n=\0"
    index = one(
        pax(
            (b"SCHILY.xattr.security.capability", capability),
            (b"SCHILY.xattr.user.empty", b""),
            (b"LIBARCHIVE.xattr.user.x", b"eA=="),
            (b"RHT.security.selinux", b"x"),
            (b"SCHILY.acl.access", b"x"),
        )
        + header()
        + END
    )
    assert index.xattrs == {b"security.capability": capability, b"user.empty": b""}


def test_equal_attributes_are_equal_in_any_order() -> None:
    """Different attributes differ, even if names and values have the same concatenation."""
    assert pack_xattrs({b"a": b"1", b"b": b"2"}) == pack_xattrs({b"b": b"2", b"a": b"1"})
    different: list[dict[bytes, bytes]] = [
        {},
        {b"a": b"b"},
        {b"ab": b""},
        {b"": b"ab"},
        {b"a": b"", b"b": b""},
    ]
    assert len({pack_xattrs(xattrs) for xattrs in different}) == len(different)
    assert [unpack_xattrs(pack_xattrs(xattrs)) for xattrs in different] == different


# --- Malformed headers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "payload",
    [
        b"junk",
        b"12 path",
        b"4 a=",
        b"99 path=a\n",
        b"8 path=a\n",  # one byte short
        b"12 path=a\n\n",
        b"x10 path=a\n",
        b"10 path:a\n\n",
        b"7 =val\n",
        record(b"path", b"a") + b"junk",
        record(b"path", b"a\0b"),
        record(b"linkpath", b"a\0b"),
        record(b"uname", b"a\0b"),
        record(b"us\0er", b"a"),
        bytes(512),
        b"\xff" * 100,
    ],
    ids=case_id,
)
def test_a_malformed_pax_header_is_damage(payload: bytes) -> None:
    """Engines refuse the archive, so the entries after it are not shown."""
    offset, _ = broken(entry(b"a") + entry(b"PaxHeader", payload, b"x") + header(b"b") + END)
    assert offset == 512


def test_values_may_contain_nul() -> None:
    """Only names may not."""
    assert one(pax((b"SCHILY.xattr.a", b"\0"), (b"comment", b"\0")) + header() + END).xattrs


def test_an_empty_pax_header_is_ignored() -> None:
    """It has no records."""
    assert one(pax() + header(b"own") + END).name == b"own"


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"])
def test_a_bad_checksum_of_an_extension_header_is_damage(kind: bytes) -> None:
    """Its payload cannot be trusted."""
    tar = entry(b"a") + header(b"x", kind, 10, checksum=b"1") + bytes(512) + header(b"b") + END
    assert broken(tar) == (512, "the checksum of a header is wrong")


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"])
def test_a_truncated_extension_header_is_damage(kind: bytes) -> None:
    """It is truncated inside its payload."""
    tar = entry(b"a") + header(b"x", kind, 1000) + bytes(700)
    assert broken(tar)[0] == 512
    assert "truncated" in broken(tar)[1]


@pytest.mark.parametrize(
    "extension",
    [pax((PATH, b"x")), long_name(b"x"), long_name(b"x", b"K")],
    ids=["pax", "name", "link"],
)
def test_an_extension_header_needs_an_entry(extension: bytes) -> None:
    """An extension header at the end of the archive is damage."""
    assert "extension header" in broken(entry(b"a") + extension + END)[1]
    assert "extension header" in broken(entry(b"a") + extension)[1]


def test_names_outside_the_root_are_moved_inside() -> None:
    """Names in extension headers lead to a warning, as others do."""
    index = read_both(pax((PATH, b"/../../etc/passwd")) + header() + END)
    assert names(index) == [b"etc/passwd"]
    assert index.oddities == {"name-outside-root": 1}
