"""The end of an archive, bytes after it, and truncation."""

from __future__ import annotations

import pytest

from tests.layers.reading import END, broken, entry, header, names, read, read_both, rows

A = entry(b"a", b"x" * 600)


@pytest.mark.parametrize("zeros", [1024, 512, 0, 10240, 1 << 20])
def test_an_archive_ends_with_zeros_or_with_the_file(zeros: int) -> None:
    """The end marker has two zero blocks, but one, none and many are accepted."""
    index = read_both(A + bytes(zeros))
    assert (names(index), index.broken, index.trailing) == ([b"a"], None, 0)


def test_the_padding_of_the_last_entry_may_be_missing() -> None:
    """No content is lost."""
    assert read_both(A[: 512 + 600]).broken is None
    assert read_both(A[: 512 + 700]).broken is None


def test_bytes_after_the_end_are_counted() -> None:
    """Zeros are padding; other bytes may be hidden data, and are counted."""
    index = read_both(A + END + b"\0junk\0" + bytes(506) + entry(b"hidden", b"y"))
    assert names(index) == [b"a"]
    assert index.broken is None
    assert index.trailing == len(b"junk") + sum(map(bool, entry(b"hidden", b"y")))


def test_trailing_bytes_are_part_of_the_diff_id() -> None:
    """The whole stream is hashed, not just the part up to the end marker."""
    with_junk, without = (read(A + END + junk, hash_all=True) for junk in (b"junk", b""))
    assert with_junk.diff_id != without.diff_id


def test_a_single_zero_block_between_entries_is_damage() -> None:
    """Engines refuse it; other readers stop silently and hide the entries after it."""
    offset, message = broken(A + bytes(512) + entry(b"b") + END)
    assert offset == len(A)
    assert "zero block" in message


@pytest.mark.parametrize("cut", [1, 100, 511])
def test_a_truncated_header_is_damage(cut: int) -> None:
    """The entries before it are shown."""
    index = read_both(A + header(b"b")[:cut])
    assert names(index) == [b"a"]
    assert index.broken is not None
    assert (index.broken.offset, index.broken.message) == (
        len(A),
        "the archive is truncated inside a header",
    )


@pytest.mark.parametrize("cut", [512, 513, 512 + 599])
def test_a_truncated_payload_is_damage_at_the_start_of_its_entry(cut: int) -> None:
    """The entry is not shown, because its content is missing."""
    index = read_both(entry(b"first") + A[:cut])
    assert names(index) == [b"first"]
    assert index.broken is not None
    assert index.broken.offset == 512
    assert "truncated" in index.broken.message


def test_a_truncated_end_marker_is_damage() -> None:
    """Archives consist of complete blocks."""
    assert "end marker" in broken(A + bytes(512) + bytes(100))[1]


def test_an_empty_tar_is_an_empty_layer() -> None:
    """So is a tar of zeros."""
    for tar in (b"", END, bytes(10240)):
        index = read_both(tar)
        assert (len(index), index.broken, index.trailing) == (0, None, 0)


def test_a_layer_that_is_not_a_tar_is_damaged_at_its_start() -> None:
    offset, message = broken(b"hello, world\n" * 100)
    assert (offset, message) == (0, "it is not a tar archive (bad checksum in the first header)")


def test_a_size_of_exabytes_is_a_truncation() -> None:
    """No memory is allocated for the size."""
    tar = A + header(b"huge", size=b"\x80\0\0\0\x7f" + b"\xff" * 7) + bytes(5000)
    assert "truncated" in broken(tar)[1]
    assert [row.name for row in rows(read_both(tar))] == [b"a"]
