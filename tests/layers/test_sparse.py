"""Sparse files: only stored bytes are counted and hashed, and holes are never expanded."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from layerscope.layers.blob import MemoryBlob
from layerscope.layers.contents import LayerContents
from layerscope.layers.extensions import SparseMap
from layerscope.layers.index import LayerIndex
from layerscope.limits import DEFAULT_LIMITS, Limits
from tests.layers.reading import (
    END,
    GNU,
    broken,
    entry,
    header,
    long_name,
    padded,
    pax,
    read,
    read_both,
    rows,
)

KIB = 1 << 10


def _octal(number: int) -> bytes:
    return b"%011o\0" % number


def _old_gnu(data: bytes, real_size: int, pairs: list[tuple[int, int]]) -> bytes:
    """An old GNU sparse file: four pairs in the header, 21 in each block after it."""
    table = [_octal(offset) + _octal(length) for offset, length in pairs]
    first, others = table[:4], table[4:]
    blocks = [others[at : at + 21] for at in range(0, len(others), 21)]
    at = {386: b"".join(first), 482: b"\1" if blocks else b"\0", 483: _octal(real_size)}
    block = header(b"sparse", b"S", len(data), GNU, at)
    for number, pairs_of_block in enumerate(blocks):
        continued = b"\1" if number < len(blocks) - 1 else b"\0"
        block += b"".join(pairs_of_block).ljust(504, b"\0") + continued + bytes(7)
    return block + padded(data)


def _pax_0_0(data: bytes, real_size: int, pairs: list[tuple[int, int]]) -> bytes:
    """A file whose map has repeated records with offset and length of each segment."""
    records = [
        (b"GNU.sparse.size", b"%d" % real_size),
        (b"GNU.sparse.numblocks", b"%d" % len(pairs)),
    ]
    for offset, length in pairs:
        records += (
            (b"GNU.sparse.offset", b"%d" % offset),
            (b"GNU.sparse.numbytes", b"%d" % length),
        )
    return pax(*records) + entry(b"sparse", data)


def _pax_0_1(data: bytes, real_size: int, pairs: list[tuple[int, int]]) -> bytes:
    """A file with the map in one record, and the name in another."""
    numbers = b",".join(b"%d,%d" % pair for pair in pairs)
    return pax(
        (b"GNU.sparse.name", b"sparse"),
        (b"GNU.sparse.size", b"%d" % real_size),
        (b"GNU.sparse.numblocks", b"%d" % len(pairs)),
        (b"GNU.sparse.map", numbers),
    ) + entry(b"GNUSparseFile.0/sparse", data)


def _pax_1_0(data: bytes, real_size: int, pairs: list[tuple[int, int]]) -> bytes:
    """A file with the map at the start of its data."""
    lines = [b"%d" % len(pairs), *(b"%d" % number for pair in pairs for number in pair)]
    return pax(
        (b"GNU.sparse.major", b"1"),
        (b"GNU.sparse.minor", b"0"),
        (b"GNU.sparse.name", b"sparse"),
        (b"GNU.sparse.realsize", b"%d" % real_size),
    ) + entry(b"GNUSparseFile.0/sparse", padded(b"\n".join(lines) + b"\n") + data)


Form = Callable[[bytes, int, list[tuple[int, int]]], bytes]
FORMS: list[Form] = [_old_gnu, _pax_0_0, _pax_0_1, _pax_1_0]
PAIRS = [(512 * 4 * number, 512) for number in range(30)]
DATA = bytes(number % 251 for number in range(512 * 30))


def _map_of(tar: bytes) -> tuple[LayerIndex, SparseMap]:
    index = read_both(tar + entry(b"next", b"data") + END)
    assert index.broken is None
    sparse, after = rows(index)
    assert (sparse.name, after.name, after.stored) == (b"sparse", b"next", 4)
    return index, index.sparse[0]


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_have_the_same_map(form: Form) -> None:
    """Real size, segments and stored bytes are read, and the next entry is found."""
    index, sparse = _map_of(form(DATA, 1 << 32, PAIRS))
    assert (sparse.real_size, list(sparse.segments), sparse.stored) == (1 << 32, PAIRS, len(DATA))
    assert rows(index)[0].stored == len(DATA)


@pytest.mark.parametrize("form", FORMS)
def test_the_stored_bytes_can_be_read(form: Form) -> None:
    """The map is not part of them."""
    tar = form(DATA, 1 << 32, PAIRS) + END
    contents = LayerContents(MemoryBlob("layer", tar), read(tar), DEFAULT_LIMITS)
    assert b"".join(contents.chunks(0)) == DATA


@pytest.mark.parametrize("form", FORMS)
def test_a_file_may_be_one_hole(form: Form) -> None:
    """Then nothing is stored. GNU tar ends such a map with an empty segment."""
    index, sparse = _map_of(form(b"", 1 << 32, [(1 << 32, 0)]))
    assert (sparse.real_size, sparse.stored, rows(index)[0].stored) == (1 << 32, 0, 0)


@pytest.mark.parametrize("form", FORMS)
def test_the_digest_of_a_sparse_file_covers_its_map_and_data(form: Form) -> None:
    """It is the same for all forms and ways of reading, and differs from that of a dense file."""
    tar = form(DATA, 1 << 20, PAIRS) + END
    index = read(tar, hash_all=True)
    assert index.digests is not None
    digest = index.digests[0].tobytes()
    contents = LayerContents(MemoryBlob("layer", tar), read(tar), DEFAULT_LIMITS)
    assert contents.digest(0) == digest
    assert list(contents.digests(np.array([0]))) == [digest]
    reference = read(_old_gnu(DATA, 1 << 20, PAIRS) + END, hash_all=True).digests
    dense = read(entry(b"dense", DATA) + END, hash_all=True).digests
    longer = read(form(DATA, 1 << 21, PAIRS) + END, hash_all=True).digests
    assert reference is not None
    assert dense is not None
    assert longer is not None
    assert digest == reference[0].tobytes()
    assert digest != dense[0].tobytes()
    assert digest != longer[0].tobytes()


@pytest.mark.parametrize("form", FORMS)
def test_bytes_outside_segments_are_ignored(form: Form) -> None:
    """Engines do not read them; both ways of reading a layer give the same content."""
    tar = form(DATA + b"smuggled" * 100, 1 << 20, PAIRS) + entry(b"next", b"data") + END
    index, plain = read_both(tar), read(tar)
    assert [row.stored for row in rows(index)] == [len(DATA), 4]
    assert index.digests is not None
    contents = LayerContents(MemoryBlob("layer", tar), plain, DEFAULT_LIMITS)
    assert index.digests[0].tobytes() == contents.digest(0)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "pairs",
    [
        [(0, 512), (256, 512)],  # overlap
        [(1024, 512), (0, 512)],  # out of order
        [(0, 512), ((1 << 20) - 1, 512)],  # beyond the end
        [(0, 1 << 19)],  # more than is stored
        [(0, (1 << 33) - 1)],
    ],
)
def test_a_map_that_contradicts_itself_is_damage(form: Form, pairs: list[tuple[int, int]]) -> None:
    """Segments must be in order, disjoint, inside the file, and not longer than the stored bytes."""
    offset, message = broken(entry(b"a") + form(DATA, 1 << 20, pairs) + END)
    assert offset >= 512
    assert "sparse" in message


@pytest.mark.parametrize("form", FORMS)
def test_a_truncated_sparse_file_is_damage(form: Form) -> None:
    """It is truncated in its map or data."""
    complete = form(DATA, 1 << 20, PAIRS)
    for cut in (len(complete) - 1, len(complete) - 512, len(complete) - len(DATA) - 1, 600):
        assert "truncated" in broken(complete[:cut])[1]


def test_sparse_names_take_precedence() -> None:
    """`GNU.sparse.name` takes precedence over a GNU long name, which is made up by the writer."""
    tar = long_name(b"made-up") + _pax_1_0(DATA, 1 << 20, PAIRS) + END
    assert rows(read_both(tar))[0].name == b"sparse"


def test_a_pax_size_is_the_stored_size() -> None:
    """The real size is another record."""
    tar = pax(
        (b"size", b"1024"), (b"GNU.sparse.size", b"4096"), (b"GNU.sparse.map", b"0,512,2048,512")
    )
    index = read_both(tar + header(b"sparse") + bytes(1024) + entry(b"next") + END)
    assert [row.name for row in rows(index)] == [b"sparse", b"next"]
    assert index.sparse[0].real_size == 4096


def test_the_stored_size_is_the_default_real_size() -> None:
    index = read_both(pax((b"GNU.sparse.map", b"0,512")) + entry(b"s", bytes(512)) + END)
    assert index.sparse[0].real_size == 512
    assert "contradicts" in broken(pax((b"GNU.sparse.map", b"9,512")) + entry(b"s", bytes(512)))[1]


def test_sparse_records_of_an_unknown_version_are_ignored() -> None:
    """The file is treated as a dense one."""
    records = (
        (b"GNU.sparse.major", b"2"),
        (b"GNU.sparse.minor", b"0"),
        (b"GNU.sparse.map", b"0,1"),
    )
    index = read_both(pax(*records) + entry(b"s", b"data") + END)
    assert index.sparse == {}
    assert rows(index)[0].stored == 4


@pytest.mark.parametrize(
    "records",
    [
        [(b"GNU.sparse.numbytes", b"1"), (b"GNU.sparse.offset", b"0")],
        [(b"GNU.sparse.offset", b"0"), (b"GNU.sparse.offset", b"0")],
        [(b"GNU.sparse.offset", b"0,1"), (b"GNU.sparse.numbytes", b"1")],
        [(b"GNU.sparse.map", b"0,1,2")],
        [(b"GNU.sparse.map", b"0,,1")],
        [(b"GNU.sparse.map", b"0,x")],
        [(b"GNU.sparse.map", b"-1,1")],
        [(b"GNU.sparse.map", b"0,1"), (b"GNU.sparse.numblocks", b"2")],
        [(b"GNU.sparse.map", b"0,1"), (b"GNU.sparse.numblocks", b"x")],
        [(b"GNU.sparse.map", b"0,1"), (b"GNU.sparse.size", b"-5")],
    ],
)
def test_a_malformed_map_is_damage(records: list[tuple[bytes, bytes]]) -> None:
    """Records may be out of order, incomplete or not numbers."""
    broken(pax(*records) + entry(b"s", bytes(512)) + END)


@pytest.mark.parametrize("text", [b"x\n", b"-1\n0\n", b"1\n0\nx\n", b"1\n-5\n5\n"])
def test_a_malformed_map_in_the_data_is_damage(text: bytes) -> None:
    """It should have a count, then offset and length of each segment."""
    records = ((b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"))
    broken(pax(*records) + entry(b"s", padded(text)) + END)


def test_a_sparse_file_of_star_is_damage() -> None:
    """star uses the same type with another map, which is not supported."""
    assert "GNU" in broken(header(b"s", b"S", 512) + bytes(512) + END)[1]


@pytest.mark.parametrize("form", [_old_gnu, _pax_1_0])
def test_a_long_map_exceeds_the_limit_on_headers(form: Form) -> None:
    """The error names the limit, and raising it helps."""
    pairs = [(2 * number, 1) for number in range(3000)]
    tar = form(bytes(3000), 1 << 20, pairs) + END
    limits = Limits(header_bytes=8 * KIB)
    assert "--limit header_bytes=" in broken(tar, limits)[1]
    assert "8,192" in broken(tar, limits)[1]
    assert read_both(tar, replace(limits, header_bytes=1 << 20)).broken is None


def test_an_endless_map_is_not_read_completely() -> None:
    """A huge number of segments exceeds the limit after a megabyte."""
    records = (
        (b"GNU.sparse.major", b"1"),
        (b"GNU.sparse.minor", b"0"),
        (b"GNU.sparse.realsize", b"9"),
    )
    tar = pax(*records) + header(b"s", size=1 << 32) + b"9000000000000000\n" + b"0\n" * (1 << 20)
    assert "--limit header_bytes=" in broken(tar)[1]


# --- What GNU tar writes --------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("tar") is None, reason="needs GNU tar")
@pytest.mark.parametrize(
    "options",
    [
        ["--format=gnu"],
        ["--format=oldgnu"],
        ["--format=posix", "--sparse-version=0.0"],
        ["--format=posix", "--sparse-version=0.1"],
        ["--format=posix", "--sparse-version=1.0"],
    ],
)
@pytest.mark.parametrize("runs", [1, 3, 60])
def test_sparse_files_of_gnu_tar_are_read(options: list[str], runs: int, tmp_path: Path) -> None:
    """Size, stored bytes and data of all forms equal those from Python's tarfile."""
    path = tmp_path / "sparse"
    with path.open("wb") as stream:
        for run in range(runs):
            stream.seek((2 * run + 1) * 64 * KIB)
            stream.write(b"%d" % run * 4 * KIB)
        stream.truncate((2 * runs + 4) * 64 * KIB)
    (tmp_path / "after").write_bytes(b"after")
    command = ["tar", "-C", str(tmp_path), "-cSf", "-", *options, "sparse", "after"]
    completed = subprocess.run(command, capture_output=True, check=False)
    if (
        completed.returncode
        or b"GNU"
        not in subprocess.run(["tar", "--version"], capture_output=True, check=False).stdout
    ):
        pytest.skip("this tar makes no sparse files")
    tar = completed.stdout
    index = read_both(tar)
    assert index.broken is None
    assert [row.name for row in rows(index)] == [b"sparse", b"after"]
    sparse_map = index.sparse[0]
    with tarfile.open(fileobj=io.BytesIO(tar)) as reader:
        member = reader.getmember("sparse")
        assert sparse_map.real_size == member.size == path.stat().st_size
    content = path.read_bytes()
    stored = b"".join(content[offset : offset + length] for offset, length in sparse_map.segments)
    contents = LayerContents(MemoryBlob("layer", tar), index, DEFAULT_LIMITS)
    assert b"".join(contents.chunks(0)) == stored
    assert rows(index)[0].stored == len(stored) < len(content)
    assert len(stored.strip(b"\0")) > 0


def test_maps_of_different_formats_are_equal() -> None:
    """The position of the map in the payload is ignored."""
    assert SparseMap(10, ((0, 5),), 0) == SparseMap(10, ((0, 5),), 512)
    assert SparseMap(10, ((0, 5),), 0) != SparseMap(10, ((1, 5),), 0)
