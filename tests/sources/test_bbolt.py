"""bbolt databases, read without their lock."""

from __future__ import annotations

import random
import struct

import pytest

from layerscope.sources.bbolt import Bolt, BoltError, Bucket
from tests.sources.bolt_file import PAGE, BoltFile, Values

VALUES: Values = {
    b"v1": {
        b"a": {b"key": b"value", b"empty": b""},
        b"b": {b"%03d" % number: b"x" * number for number in range(100)},
        b"none": {},
    },
    b"plain": b"1",
}


def read(bucket: Bucket) -> dict[bytes, object]:
    """The contents of a bucket, nested."""
    return {
        key: read(value) if isinstance(value, Bucket) else value for key, value in bucket.items()
    }


@pytest.mark.parametrize("page", [1024, 4096, 16384])
@pytest.mark.parametrize("paged", [False, True])
def test_every_key_is_read(paged: bool, page: int) -> None:
    """Buckets may be inline or on pages, with branches and overflow pages."""
    data = BoltFile(VALUES, paged=paged, page=page).data
    bolt = Bolt(data)
    assert bolt.page_size == page
    assert bolt.transaction == 2
    assert read(bolt.root()) == VALUES
    bucket = bolt.root().bucket(b"v1")
    assert bucket is not None
    assert bucket.get(b"a") is None
    assert bucket.bucket(b"z") is None
    assert bolt.root().get(b"plain") == b"1"


def test_the_latest_valid_meta_page_counts() -> None:
    """If the latest meta page is torn, the one before it leads to the previous transaction."""
    data = bytearray(BoltFile(VALUES).data)
    data[PAGE + 60] ^= 1
    bolt = Bolt(bytes(data))
    assert bolt.transaction == 1
    assert read(bolt.root()) == VALUES
    data[60] ^= 1
    with pytest.raises(BoltError, match="no valid meta page"):
        Bolt(bytes(data))


@pytest.mark.parametrize("data", [b"", b"\0" * 100, b"x" * 10_000, BoltFile(VALUES).data[:4096]])
def test_truncated_and_foreign_files_are_reported(data: bytes) -> None:
    with pytest.raises(BoltError):
        read(Bolt(data).root())


def test_pages_in_a_loop_are_reported() -> None:
    """A branch page may lead to itself."""
    data = bytearray(BoltFile(VALUES, paged=True).data)
    bolt = Bolt(bytes(data))
    for start in range(2 * PAGE, len(data), PAGE):
        number, flags, _, _ = struct.unpack_from("<QHHI", data, start)
        if flags == 1:
            struct.pack_into("<Q", data, start + 16 + 8, number)
    with pytest.raises(BoltError, match="form a loop"):
        read(Bolt(bytes(data)).root())
    assert bolt.transaction == 2


@pytest.mark.parametrize("paged", [False, True])
def test_damage_anywhere_is_one_error(paged: bool) -> None:
    """Random damage never raises anything but `BoltError`, and never loops."""
    whole = BoltFile(VALUES, paged=paged, page=512).data
    rng = random.Random(1)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(1024, len(data))
            data[at] = rng.choice([0, 1, 0xFF, rng.randrange(256)])
        try:
            read(Bolt(bytes(data)).root())
        except (BoltError, RecursionError):
            continue
