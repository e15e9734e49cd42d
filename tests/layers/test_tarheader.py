"""Tar headers are read as by Go's archive/tar, so that engines and layerscope see the same."""

from __future__ import annotations

from random import Random

import pytest

from layerscope.layers import tarheader, walk
from layerscope.layers.index import Kind
from layerscope.layers.tarheader import HeaderColumns, HeaderError, parse_headers, parse_number
from tests.layers.reading import (
    END,
    GNU,
    USTAR,
    V7,
    broken,
    entry,
    header,
    long_name,
    names,
    one,
    pax,
    read_both,
)
from tests.layers.reading import rows as rows_of


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"0000644\0", 0o644),
        (b"    644 ", 0o644),
        (b"644\0\0\0\0\0", 0o644),
        (b" \x00644 \0 ", 0o644),
        (b"00000000", 0),
        (b"77777777", 0o77777777),  # no room for a terminator
        (bytes(8), 0),
        (b"        ", 0),
        (b"12\x00junk!", 0o12),  # a NUL ends the number
        (b"\x80\0\0\0\0\0\0\x05", 5),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff", -1),
        (b"\xff\xff\xff\xff\xff\xff\xff\xfe", -2),
        (b"\xc0\0\0\0\0\0\0\0", -(1 << 62)),
        (b"\x80\0\0\0\0\0\0\0\0\0\0\x07", 7),
        (b"\xff" * 12, -1),
    ],
)
def test_a_number_is_octal_text_or_base_256(field: bytes, value: int) -> None:
    """It is octal text with optional blanks, or a two's complement number if the first bit is set."""
    assert parse_number(field) == value


@pytest.mark.parametrize(
    "field",
    [b"8", b"0000648\0", b"-000001\0", b"+1", b"1 2", b"0x1", b"1_1", b"\x80" + b"\xff" * 11],
)
def test_an_invalid_number_is_refused(field: bytes) -> None:
    """Digits above 7, signs, gaps and more than 64 bits are invalid."""
    with pytest.raises(HeaderError):
        parse_number(field)


@pytest.mark.parametrize("place", [100, 108, 116, 124, 136])
def test_an_invalid_number_is_damage_at_its_header(place: int) -> None:
    """Entries before it are shown, and the damage has the offset of the header."""
    tar = entry(b"a", b"x") + header(b"b", at={place: b"0o7junk"}) + entry(b"c") + END
    index = read_both(tar)
    assert names(index) == [b"a"]
    assert index.broken is not None
    assert index.broken.offset == 1024
    assert "not octal" in index.broken.message


def test_all_numbers_of_a_header_are_read() -> None:
    """Fields may have leading blanks."""
    row = one(header(b"a", mode=b" 4755", uid=b"1750 ", gid=b"17\0", mtime=b"14000000000\0") + END)
    assert (row.mode, row.uid, row.gid, row.mtime) == (0o4755, 0o1750, 0o17, 0o14000000000)


def test_base_256_reaches_further_than_octal() -> None:
    """It is used for large owners and times before 1970."""
    big = (3_000_000_000).to_bytes(8, "big")
    tar = header(uid=b"\x80" + big[1:], gid=b"\x80" + big[1:], mtime=b"\xff" * 11 + b"\x9c") + END
    row = one(tar)
    assert (row.uid, row.gid, row.mtime) == (3_000_000_000, 3_000_000_000, -100)


def test_a_size_may_be_base_256() -> None:
    """GNU tar and Go write sizes from 8 GiB this way."""
    tar = header(size=b"\x80" + bytes(10) + b"\x03") + b"abc".ljust(512, b"\0") + END
    assert one(tar).stored == 3


def test_a_negative_size_is_damage() -> None:
    """The position of the next entry would be unknown."""
    damage = broken(entry(b"a") + header(size=b"\xff" * 12) + END)
    assert damage == (512, "the size of an entry is negative")


def test_type_bits_of_the_mode_are_dropped() -> None:
    """Builders write them; only permissions are kept."""
    assert one(header(mode=b"0100644\0") + END).mode == 0o644
    assert one(header(mode=b"0041777\0") + END).mode == 0o1777


# --- Checksums ------------------------------------------------------------------------------------


def _checksum(block: bytes, value: int, form: bytes = b"%06o\0 ") -> bytes:
    return block[:148] + form % value + block[156:]


def test_a_checksum_may_be_summed_with_signed_bytes() -> None:
    """Some old writers did; this matters for names beyond ASCII."""
    block = header("smörgås".encode())
    plain = bytearray(block)
    plain[148:156] = b" " * 8
    signed = sum(byte - 256 if byte > 127 else byte for byte in plain)
    assert signed != sum(plain)
    assert one(_checksum(block, signed) + END).name == "smörgås".encode()


@pytest.mark.parametrize("form", [b"%06o\0 ", b"%07o\0", b"%6o  ", b"%08o"])
def test_a_checksum_may_have_several_forms(form: bytes) -> None:
    """It may have zeros or blanks, with or without a terminator."""
    block = header(b"a")
    plain = bytearray(block)
    plain[148:156] = b" " * 8
    assert one(_checksum(block, sum(plain), form) + END).name == b"a"


@pytest.mark.parametrize("checksum", [b"0000001\0", b"junk", bytes(8), b"\xff" * 8])
def test_a_wrong_checksum_is_damage_at_its_header(checksum: bytes) -> None:
    """Entries after it are not shown."""
    tar = entry(b"a", b"x") + header(b"b", checksum=checksum) + entry(b"c") + END
    index = read_both(tar)
    assert names(index) == [b"a"]
    assert index.broken is not None
    assert index.broken.offset == 1024
    assert "checksum" in index.broken.message


def test_a_wrong_checksum_is_reported_before_a_bad_size() -> None:
    """A damaged size may lead beyond the archive, but the header is the cause."""
    for size in (b"77777777777", b"99999999999\0", b"\xff" * 12):
        tar = entry(b"a") + header(b"b", size=size, checksum=b"1") + END
        assert broken(tar) == (512, "the checksum of a header is wrong")


def test_the_first_damage_is_reported() -> None:
    """A bad header is followed by a truncated entry."""
    tar = entry(b"a") + header(b"b", checksum=b"1") + entry(b"c", b"x" * 600)[:700]
    assert broken(tar)[0] == 512


def test_damage_in_any_batch_has_its_offset() -> None:
    """Headers are parsed in batches; the first bad one ends the layer."""
    good = [entry(b"f%d" % number) for number in range(9000)]
    for place in (0, 4095, 4096, 5000, 8999):
        tar = b"".join([*good[:place], header(b"bad", checksum=b"1"), *good[place:], END])
        index = read_both(tar)
        assert len(index) == place
        assert index.broken is not None
        assert index.broken.offset == 512 * place


@pytest.mark.parametrize("seed", range(60))
def test_many_entries_without_data_are_read_as_if_one_by_one(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Among them are files, extension headers, damage, and sizes in unusual forms."""
    random = Random(seed)
    usual = [
        lambda name: header(name),
        lambda name: header(name, b"5", size=random.choice([0, 5000])),
        lambda name: header(name, b"2", link=b"target"),
        lambda name: header(name, b"1", link=b"0"),
        lambda name: header(name, b"3", major=b"0000007\0"),
    ]
    rare = [
        lambda name: entry(name, b"x" * random.choice([1, 512, 5000])),
        lambda name: header(name, size=b"           0"),
        lambda name: header(name, size=b"0" * 12),
        lambda name: header(name, b"\0"),
        lambda name: header(name + b"/", b"\0", size=512),
        lambda name: header(name, b"9"),
        lambda name: pax((b"path", b"long/" + name)) + header(b"short"),
        lambda name: long_name(b"gnu/" + name) + header(b"short"),
        lambda name: header(name, checksum=b"1") if random.random() < 0.3 else header(name),
        lambda _: bytes(512) if random.random() < 0.3 else b"",
    ]
    tar = b"".join(
        random.choice(usual if random.random() < 0.97 else rare)(b"%d" % number)
        for number in range(random.choice([20, 300, 9000 if seed % 10 == 0 else 600]))
    )
    tar = tar[: len(tar) - random.choice([0, 0, 100, 512])] + END[: random.choice([0, 512, 1024])]
    index = read_both(tar)
    monkeypatch.setattr(walk, "_RUN", len(tar))
    expected = read_both(tar)
    assert rows_of(index) == rows_of(expected)
    assert (index.broken, index.trailing) == (expected.broken, expected.trailing)
    assert index.digests is not None
    assert expected.digests is not None
    assert index.digests.tolist() == expected.digests.tolist()


# --- Names ----------------------------------------------------------------------------------------


def test_a_prefix_comes_before_the_name() -> None:
    assert one(header(b"file", prefix=b"some/where") + END).name == b"some/where/file"
    assert one(header(b"f" * 100, prefix=b"p" * 155) + END).name == b"p" * 155 + b"/" + b"f" * 100


def test_old_headers_have_no_prefix() -> None:
    """V7 headers have none, and GNU headers have other fields in its place."""
    assert one(header(b"file", magic=V7, prefix=b"some") + END).name == b"file"
    times = b"00000000001\x0000000000002\0"
    assert one(header(b"file", magic=GNU, prefix=times) + END).name == b"file"
    assert one(header(b"file", magic=b"ustar 00", prefix=b"some") + END).name == b"file"


def test_the_prefix_of_star_is_shorter() -> None:
    """Its access and change times follow after 131 bytes."""
    at = {345 + 131: b"00000000001 00000000002 ", 508: b"tar\0"}
    row = one(header(b"file", prefix=b"p" * 131, at=at) + END)
    assert row.name == b"p" * 131 + b"/file"


def test_a_gnu_header_may_have_a_prefix_in_place_of_times() -> None:
    """Go before 1.8 wrote such headers, and still reads them."""
    assert one(header(b"file", magic=GNU, prefix=b"some/where") + END).name == b"some/where/file"
    # No prefix if it is not ASCII: then it was never Go's.
    assert one(header(b"file", magic=GNU, prefix=b"s\xf6me/where") + END).name == b"file"


def test_a_name_ends_at_its_first_nul() -> None:
    """A field without NUL is used completely."""
    assert one(header(b"ab\0cd") + END).name == b"ab"
    assert one(header(b"n" * 100) + END).name == b"n" * 100
    row = one(header(b"l", b"2", link=b"to\0junk") + END)
    assert row.link == b"to"
    assert one(header(b"l", b"2", link=b"t" * 100) + END).link == b"t" * 100


# --- Types ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "kind"),
    [
        (b"0", Kind.FILE),
        (b"\0", Kind.FILE),
        (b"7", Kind.FILE),
        (b"1", Kind.HARDLINK),
        (b"2", Kind.SYMLINK),
        (b"3", Kind.CHARACTER),
        (b"4", Kind.BLOCK),
        (b"5", Kind.DIRECTORY),
        (b"6", Kind.FIFO),
        (b"Z", Kind.UNKNOWN),
        (b"D", Kind.UNKNOWN),
        (b"V", Kind.UNKNOWN),
        (b"\xff", Kind.UNKNOWN),
    ],
)
def test_the_typeflag_gives_the_type(flag: bytes, kind: Kind) -> None:
    """Entries of unknown type are paths without content."""
    row = one(header(b"a", flag, link=b"b") + END)
    assert row.kind == kind


@pytest.mark.parametrize("flag", [b"1", b"2", b"3", b"4", b"5", b"6"])
def test_links_directories_and_devices_have_no_data(flag: bytes) -> None:
    """Their size field is ignored: the next header follows directly."""
    tar = header(b"a", flag, 1000, link=b"b") + entry(b"next", b"data") + END
    index = read_both(tar)
    assert index.broken is None
    assert [(row.name, row.stored) for row in rows_of(index)] == [(b"a", 0), (b"next", 4)]


def test_the_data_of_unknown_types_are_skipped() -> None:
    """Such an entry has size 0, and there is a warning."""
    index = read_both(entry(b"a", b"x" * 700, b"Z") + entry(b"next", b"data") + END)
    assert [(row.name, row.stored) for row in rows_of(index)] == [(b"a", 0), (b"next", 4)]
    assert index.oddities == {"entry-type-unknown": 1}


@pytest.mark.parametrize("magic", [V7, USTAR, GNU])
def test_an_old_directory_ends_in_a_slash(magic: bytes) -> None:
    """The oldest tars have no type for directories, and directories have no data."""
    tar = header(b"d/", b"\0", 700, magic) + entry(b"d/f", b"x") + END
    index = read_both(tar)
    assert index.broken is None
    assert [(row.name, row.kind) for row in rows_of(index)] == [
        (b"d", Kind.DIRECTORY),
        (b"d/f", Kind.FILE),
    ]


def test_an_old_directory_may_have_only_a_prefix() -> None:
    """With an empty name, the slash after the prefix is the last character."""
    tar = header(b"", b"\0", 700, prefix=b"d") + entry(b"d/f", b"x") + END
    index = read_both(tar)
    assert [(row.name, row.kind) for row in rows_of(index)] == [
        (b"d", Kind.DIRECTORY),
        (b"d/f", Kind.FILE),
    ]


def test_a_posix_file_may_end_in_a_slash() -> None:
    """It is a file with data."""
    row = one(entry(b"weird/", b"data") + END)
    assert (row.name, row.kind, row.stored) == (b"weird", Kind.FILE, 4)


def test_device_numbers_are_combined() -> None:
    """Invalid numbers count as 0, because they are only displayed."""
    index = read_both(
        header(b"a", b"3", major=b"0000005\0", minor=b"0000001\0")
        + header(b"b", b"4", major=b"junk", minor=b"0000001\0")
        + END
    )
    assert index.columns.devices.tolist() == [5 << 32 | 1, 0]


def test_few_and_many_headers_have_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers parsed one by one or together have the same columns and the same first damage."""
    random = Random(4)
    fields = (
        b"0000644\0",
        b"    644 ",
        b"\x80\0\0\0\0\0\0\x05",
        bytes(8),
        b"12\0junk!",
        b"0o7junk",
    )
    for _ in range(300):
        blocks = [
            header(
                bytes([97 + random.randrange(26)]) * random.randrange(1, 90),
                at={
                    place: random.choice(fields[: 6 if random.random() < 0.1 else 5])
                    for place in (100, 108, 116)
                },
            )
            for _ in range(random.randrange(1, 7))
        ]
        if random.random() < 0.2:
            spoilt = random.randrange(len(blocks))
            blocks[spoilt] = b"\xff" + blocks[spoilt][1:]
        few = parse_headers(b"".join(blocks))
        with monkeypatch.context() as patched:
            patched.setattr(tarheader, "FEW", 0)
            many = parse_headers(b"".join(blocks))
        assert few[1:] == many[1:]
        for name in HeaderColumns.__struct_fields__:
            assert list(getattr(few[0], name)) == list(getattr(many[0], name)), name
