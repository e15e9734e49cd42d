"""rpm's three database formats: packages, precedence, and damaged or hostile files."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerscope.analysis.packages.rpm import FOLDERS, read_headers
from layerscope.analysis.packages.rpm_database import UnreadableDatabaseError
from layerscope.errors import CancelledError
from layerscope.progress import NullProgress
from tests.analysis.findings.rule_images import opened_of
from tests.analysis.packages.rpm_databases import DATABASES, PAGE_HEADER, bdb, dumped, ndb
from tests.analysis.packages.test_packages import figures, header, packages_of
from tests.images import Member, file

BASH = header(b"bash", {b"/usr/bin/bash": b"", b"/etc/skel/.bashrc": b""})
LARGE = header(b"large", {b"/usr/share/large/file-%d" % number: b"" for number in range(900)})
FILES = [file("usr/bin/bash", b"b" * 500), file("etc/skel/.bashrc", b"r" * 20)]
LOAD = shutil.which("db5.3_load") or shutil.which("db_load")


def read(name: str, data: bytes) -> tuple[list[bytes | None], str]:
    """The headers, and the error that ends them."""
    found: list[bytes | None] = []
    try:
        found.extend(each for each in read_headers(name.encode(), data, NullProgress()))
    except UnreadableDatabaseError as error:
        return found, str(error)
    return found, ""


def warnings_of(*members: Member) -> list[str]:
    """The warnings of an image with these files."""
    warnings = opened_of([("x", list(members))]).warnings
    assert {warning.code for warning in warnings} <= {"packages-unreadable"}
    return [warning.message for warning in warnings]


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("name", DATABASES)
def test_each_database_lists_its_packages(name: str, folder: str) -> None:
    """This holds in each directory; damaged headers are left out."""
    one = file(f"{folder[1:]}/{name}", DATABASES[name](BASH, LARGE, b"broken", BASH[:40]))
    found = packages_of([one, *FILES])
    assert {name: figures(one) for name, one in found.items()} == {
        "bash": ("rpm", "bash", "3.2-1.fc40", 520, 2, 0),
        "large": ("rpm", "large", "3.2-1.fc40", 0, 0, 0),
    }
    (warning,) = warnings_of(one)
    assert f"{folder}/{name}: damage in 2 of 4 packages" in warning


@pytest.mark.parametrize("name", DATABASES)
def test_intact_databases_give_no_warning(name: str) -> None:
    """This includes databases without packages."""
    for data in (DATABASES[name](BASH), DATABASES[name](), b""):
        assert warnings_of(file(f"var/lib/rpm/{name}", data)) == []


def test_the_newest_database_that_lists_anything_counts() -> None:
    """A converted database is not counted twice; a new, empty or damaged one does not hide another."""
    old = header(b"old", {})
    names = list(DATABASES)
    for number, name in enumerate(names):
        databases = [
            file(f"var/lib/rpm/{each}", DATABASES[each](*([BASH] if each == name else [])))
            for each in names[: number + 1]
        ]
        older = [file(f"var/lib/rpm/{each}", DATABASES[each](old)) for each in names[number + 1 :]]
        assert list(packages_of([*databases, *older])) == ["bash"]
        assert warnings_of(*databases, *older) == []
    damaged = [file("var/lib/rpm/rpmdb.sqlite", b"x" * 5000), file("var/lib/rpm/Packages", bdb(BASH))]  # fmt: skip
    assert list(packages_of(damaged)) == ["bash"]
    assert len(warnings_of(*damaged)) == 1


@pytest.mark.parametrize("pages", [1, 3])
@pytest.mark.parametrize("gap", [0, 5])
def test_ndb_has_free_slots_and_several_pages(pages: int, gap: int) -> None:
    """Slots are in any order."""
    blobs = [b"x" * length for length in (1, 3, 4, 5, 20, 4096, 70_000)]
    assert read("Packages.db", ndb(*blobs, pages=pages, gap=gap)) == (blobs, "")


@pytest.mark.parametrize("size", [512, 4096, 65536])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("unsorted", [False, True])
def test_berkeley_db_has_pages_of_many_sizes(size: int, order: str, unsorted: bool) -> None:
    """Both byte orders are read; small values are on the pages of the hash, large ones on separate pages."""
    blobs = [bytes([number]) * length for number in range(40) for length in (1, 100, 486, 487, 9000)]  # fmt: skip
    data = bdb(*blobs, size=size, order=order, unsorted=unsorted)
    assert read("Packages", data) == (blobs, "")


@pytest.mark.skipif(LOAD is None, reason="db_load of Berkeley DB is not installed")
@pytest.mark.parametrize("size", [512, 4096, 65536])
@pytest.mark.parametrize("order", ["<", ">"])
def test_real_berkeley_db_files_are_read(tmp_path: Path, size: int, order: str) -> None:
    """They have headers of all sizes in many buckets."""
    assert LOAD is not None
    blobs = [header(b"p%d" % number, {b"/f/%d" % each: b"" for each in range(number)}) for number in range(150)]  # fmt: skip
    path = tmp_path / "Packages"
    subprocess.run([LOAD, str(path)], input=dumped(blobs, size, order), check=True)
    found, error = read("Packages", path.read_bytes())
    assert (sorted(each or b"" for each in found), error) == (sorted(blobs), "")


# --- Damage ---------------------------------------------------------------------------------------


def changed(data: bytes, *changes: tuple[int, bytes]) -> bytes:
    """The database with other bytes at these positions."""
    mended = bytearray(data)
    for at, new in changes:
        mended[at : at + len(new)] = new
    return bytes(mended)


def number(value: int) -> bytes:
    """A number of 32 bits, as both databases have it here."""
    return struct.pack("<I", value)


NDB, BDB = ndb(BASH, LARGE, gap=0), bdb(BASH, LARGE)
FIRST, SECOND = 32, 48
"""Where the slots of the two packages are."""
AT_BLOB = 16 * struct.unpack_from("<I", NDB, SECOND + 8)[0]
"""Where the second package itself is."""
HASH, SPILL = 4096, 8192
"""Where the page of the hash is, and the first one of what does not fit on it."""
AT_VALUE = HASH + struct.unpack_from("<H", BDB, HASH + PAGE_HEADER + 10)[0]
"""Where the second package is named on the page of the hash."""


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("Packages.db", b"RpmP", "not an ndb database"),
        ("Packages.db", changed(NDB, (0, b"rpmP")), "not an ndb database"),
        ("Packages.db", changed(NDB, (4, number(1))), "version 1 of ndb is unknown"),
        ("Packages.db", changed(NDB, (12, number(1000))), "is damaged"),
        ("Packages.db", changed(NDB, (SECOND, b"slot")), "slot 3 of 256 is damaged"),
        ("Packages.db", changed(ndb(pages=3), (12, number(4))), "it is cut short"),
        ("Packages.db", ndb(pages=3)[:8192], "it is cut short"),
        ("Packages.db", changed(NDB, (SECOND + 4, number(9))), "damage in 1 of 2 packages"),
        ("Packages.db", changed(NDB, (SECOND + 8, number(1))), "damage in 1 of 2 packages"),
        ("Packages.db", changed(NDB, (SECOND + 8, number(2**32 - 1))), "damage in 1 of 2 packages"),
        ("Packages.db", changed(NDB, (SECOND + 12, number(2**32 - 1))), "damage in 1 of 2 packages"),
        ("Packages.db", changed(NDB, (SECOND + 12, number(0))), "damage in 1 of 2 packages"),
        ("Packages.db", changed(NDB, (AT_BLOB + 12, number(2**32 - 1))), "damage in 1 of 2 packages"),
        ("Packages.db", changed(NDB, (len(NDB) - 4, b"BlbS")), "damage in 1 of 2 packages"),
        ("Packages.db", NDB[:-16], "damage in 1 of 2 packages"),
        ("Packages", b"\0" * 12 + number(0x061561), "not a hash of Berkeley DB"),
        ("Packages", changed(BDB, (12, number(0x053162))), "not a hash of Berkeley DB"),
        ("Packages", changed(BDB, (16, number(7))), "version 7 of a Berkeley DB hash is unknown"),
        ("Packages", changed(BDB, (20, number(0))), "it has pages of 0 bytes"),
        ("Packages", changed(BDB, (20, number(4097))), "it has pages of 4,097 bytes"),
        ("Packages", changed(BDB, (20, number(1 << 31))), "it has pages of 2,147,483,648 bytes"),
        ("Packages", changed(BDB, (24, b"\1")), "encrypted"),
        ("Packages", changed(BDB, (25, b"\x09")), "not a hash of Berkeley DB"),
        ("Packages", changed(BDB, (32, number(2**32 - 1))), "it is cut short"),
        ("Packages", BDB[:-1], "it is cut short"),
        ("Packages", changed(BDB, (HASH + 20, b"\5")), "damage in 1 of 1 package"),
        ("Packages", changed(BDB, (HASH + 20, b"\xff\xff")), "damage in 1 of 1 package"),
        ("Packages", changed(BDB, (HASH + PAGE_HEADER + 10, b"\0\0")), "damage in 1 of 2 packages"),
        ("Packages", changed(BDB, (HASH + PAGE_HEADER + 10, b"\xff\xff")), "damage in 1 of 2 packages"),
        ("Packages", changed(BDB, (AT_VALUE, b"\2")), "damage in 1 of 2 packages"),
        ("Packages", changed(BDB, (AT_VALUE + 4, number(0))), "damage in 1 of 2 packages"),
        ("Packages", changed(BDB, (AT_VALUE + 4, number(1))), "damage in 1 of 2 packages"),
        ("Packages", changed(BDB, (AT_VALUE + 4, number(2**32 - 1))), "damage in 1 of 2 packages"),
        ("Packages", changed(BDB, (AT_VALUE + 8, number(2**32 - 1))), "damage in 1 of 2 packages"),
        ("Packages", changed(BDB, (AT_VALUE + 8, number(0))), "damage in 1 of 2 packages"),
        ("Packages", changed(BDB, (SPILL + 22, b"\0\0")), "damage in 1 of 2 packages"),
        ("Packages", changed(BDB, (SPILL + 22, b"\xff\xff")), "damage in 1 of 2 packages"),
        ("Packages", changed(BDB, (SPILL + 25, b"\0")), "damage in 1 of 2 packages"),
        ("Packages", changed(BDB, (SPILL + 16, number(0))), "damage in 1 of 2 packages"),
        ("Packages", changed(BDB, (SPILL + 16, number(2)), (AT_VALUE + 8, number(60 << 20))), "larger than the file"),
    ],
    ids=lambda value: "data" if isinstance(value, bytes) else None,
)  # fmt: skip
def test_a_damaged_database_is_named_in_a_warning(name: str, data: bytes, said: str) -> None:
    """Readable packages are kept."""
    (warning,) = warnings_of(file(f"var/lib/rpm/{name}", data))
    assert warning.startswith(f"packages are missing from the list: /var/lib/rpm/{name}: ")
    assert said in warning
    if "of 2 packages" in said:
        assert list(packages_of([file(f"var/lib/rpm/{name}", data)])) == ["bash"]


def test_a_header_is_not_read_more_often_than_the_limit() -> None:
    """All slots, or all items of the hash, refer to it, so the database would expand beyond its size."""
    slots = NDB[FIRST:SECOND] * 254
    assert read("Packages.db", changed(NDB, (FIRST, slots)))[1] == "its packages are larger than the file"  # fmt: skip
    data = bdb(*[b"x" * 9000] * 20)
    page = 4096
    for pair in range(1, 21):
        (at,) = struct.unpack_from("<H", data, page + PAGE_HEADER + 4 * pair + 2)
        data = changed(data, (page + at + 4, number(2)))
    shared, error = read("Packages", changed(data, (page + 25, b"\x0d")))
    assert (error, len(shared)) == ("", 20)  # no more than if each had its own
    small = changed(data, (32, number(5)))
    assert read("Packages", small)[1] == "its packages are larger than the file"


@pytest.mark.parametrize("name", ["Packages.db", "Packages"])
def test_reading_can_be_cancelled(name: str) -> None:
    """It stops before the next package."""

    class Stopped(NullProgress):
        def cancelled(self) -> bool:
            return True

    with pytest.raises(CancelledError):
        list(read_headers(name.encode(), DATABASES[name](BASH, LARGE), Stopped()))


def pieces(data: bytes) -> Iterator[bytes]:
    """Prefixes of a database, at and around each boundary of a structure."""
    for at in range(0, len(data), 16):
        yield data[:at]
        yield data[: at + 5]


@pytest.mark.parametrize("name", ["Packages.db", "Packages"])
def test_a_database_may_end_anywhere(name: str) -> None:
    """It is read up to its end, or rejected."""
    whole = DATABASES[name](BASH, LARGE)
    for data in pieces(whole):
        found, error = read(name, data)
        assert error or None in found
        assert {each for each in found if each is not None} <= {BASH, LARGE}


VALUES = [b"\0", b"\1", b"\3", b"\7", b"\x0d", b"\xff\xff", *map(number, (0, 1, 2, 1 << 31))]
CHANGES = st.lists(
    st.tuples(st.integers(0, 1 << 16), st.sampled_from(VALUES)), min_size=1, max_size=30
)


SMALL = {"Packages.db": NDB, "Packages": bdb(BASH, LARGE, BASH, size=512)}


@given(CHANGES, st.sampled_from(list(SMALL)))
def test_damage_never_adds_packages(changes: list[tuple[int, bytes]], name: str) -> None:
    """It raises no error but that the database is unreadable."""
    data = SMALL[name]
    found, _ = read(name, changed(data, *((at % len(data), new) for at, new in changes)))
    assert sum(len(each or b"") for each in found) <= len(data) + 4
