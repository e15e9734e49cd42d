"""Contents of single entries, read when they are asked for; and layers that the system will not read."""

from __future__ import annotations

import errno
import random
from hashlib import sha256

import numpy as np
import pytest

from layerscope.errors import CancelledError
from layerscope.layers.blob import Blob, MemoryBlob, MissingBlob
from layerscope.layers.compression import DamagedStreamError
from layerscope.layers.contents import ContentCutError, LayerContents
from layerscope.layers.indexing import index_layer
from layerscope.limits import DEFAULT_LIMITS
from layerscope.progress import NullProgress
from tests.images import compressed, file, layer_tar
from tests.layers.reading import names, read

BIG = random.Random(3).randbytes(3 << 20)
TAR = layer_tar([file("a", b"first"), file("big", BIG), file("empty"), file("z", b"last")])


@pytest.mark.parametrize("how", [None, "gzip", "zstd"])
def test_contents_are_read_from_any_place(how: str | None) -> None:
    """By offset, or through the stream up to them."""
    blob = compressed(TAR, how)  # type: ignore[arg-type]  # one of its values
    layer = LayerContents(MemoryBlob("layer", blob), read(blob), DEFAULT_LIMITS)
    assert layer.seekable == (how is None)
    for entry, content in enumerate((b"first", BIG, b"", b"last")):
        assert b"".join(layer.chunks(entry)) == content
        if layer.seekable:
            (head,) = layer.heads(np.array([entry]), 3)
            assert head == content[:3]
    every = np.arange(4)
    assert list(layer.digests(every)) == [layer.digest(entry) for entry in every.tolist()]


def test_contents_of_a_truncated_layer_are_an_error() -> None:
    """They are never shorter without a word."""
    index = read(TAR)
    layer = LayerContents(MemoryBlob("layer", TAR[: 1 << 20]), index, DEFAULT_LIMITS)
    with pytest.raises(ContentCutError):
        list(layer.chunks(1))
    packed = compressed(TAR, "gzip")
    layer = LayerContents(MemoryBlob("layer", packed[: 1 << 20]), read(packed), DEFAULT_LIMITS)
    assert b"".join(layer.chunks(0)) == b"first"
    with pytest.raises(DamagedStreamError):
        list(layer.chunks(1))


def test_contents_before_a_truncation_are_hashed() -> None:
    """Of a layer that was cut since, those that are whole are known, and the others are not."""
    layer = LayerContents(MemoryBlob("layer", TAR[: 1 << 20]), read(TAR), DEFAULT_LIMITS)
    found = list(layer.digests(np.arange(4)))
    assert found == [sha256(b"first").digest(), None, sha256(b"").digest(), None]


class _FailingDisk(MemoryBlob):
    """Gives an error of the system after a megabyte."""

    def pread(self, length: int, offset: int) -> bytes:
        if offset + length > 1 << 20:
            raise OSError(errno.EIO, "Input/output error")
        return super().pread(length, offset)


@pytest.mark.parametrize("how", [None, "gzip"])
@pytest.mark.parametrize("hash_all", [True, False])
def test_the_readable_part_of_a_layer_is_shown(how: str | None, hash_all: bool) -> None:
    """An error of the system is reported like damage."""
    blob = _FailingDisk("layer", compressed(TAR, how))  # type: ignore[arg-type]  # one of its values
    index = index_layer(blob, DEFAULT_LIMITS, NullProgress(), hash_all=hash_all)
    assert index.broken is not None
    assert "Input/output error" in index.broken.message
    assert index.diff_id is None
    assert names(index)[:1] == [b"a"]


@pytest.mark.parametrize("hash_all", [True, False])
def test_a_layer_that_is_missing_is_broken_from_its_start(hash_all: bool) -> None:
    """With the reason."""
    blob: Blob = MissingBlob("layer", "it is elsewhere")
    index = index_layer(blob, DEFAULT_LIMITS, NullProgress(), hash_all=hash_all)
    assert (len(index), index.tar_bytes, index.diff_id, index.blob_digest) == (0, 0, None, None)
    assert index.broken is not None
    assert (index.broken.offset, "it is elsewhere" in index.broken.message) == (0, True)


class _Impatient(NullProgress):
    """Asks to stop when it was asked for so many times."""

    def __init__(self, patience: int) -> None:
        self._left = patience

    def cancelled(self) -> bool:
        self._left -= 1
        return self._left < 0


@pytest.mark.parametrize("how", [None, "gzip"])
@pytest.mark.parametrize("hash_all", [True, False])
def test_work_stops_when_cancelled(how: str | None, hash_all: bool) -> None:
    """Between entries, inside a large file, and in what lies behind the end."""
    behind = layer_tar([file("a")]) + random.Random(4).randbytes(1 << 20)
    for tar, patience in ((TAR, 0), (behind, 2)):
        blob = MemoryBlob("layer", compressed(tar, how))  # type: ignore[arg-type]  # one of its values
        with pytest.raises(CancelledError):
            index_layer(blob, DEFAULT_LIMITS, _Impatient(patience), hash_all=hash_all)


@pytest.mark.parametrize("how", [None, "gzip"])
@pytest.mark.parametrize("hash_all", [True, False])
def test_progress_ends_where_the_blob_does(how: str | None, hash_all: bool) -> None:
    """Whole or damaged, in bytes as stored."""
    reached: list[int] = []

    class Reached(NullProgress):
        def advance(self, done: int) -> None:
            reached.append(done)

    for tar in (TAR, TAR[:5000], layer_tar([])):
        blob = MemoryBlob("layer", compressed(tar, how))  # type: ignore[arg-type]  # one of its values
        reached.clear()
        index_layer(blob, DEFAULT_LIMITS, Reached(), hash_all=hash_all)
        assert sum(reached) == blob.size
