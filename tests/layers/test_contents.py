"""Contents of single entries, read on demand, and layers that cannot be read."""

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
def test_contents_can_be_read_in_any_order(how: str | None) -> None:
    """They are read by offset, or by decompressing the stream up to them."""
    blob = compressed(TAR, how)  # type: ignore[arg-type]  # one of its values
    layer = LayerContents(MemoryBlob("layer", blob), read(blob), DEFAULT_LIMITS)
    assert layer.seekable == (how is None)
    for entry, content in enumerate((b"first", BIG, b"", b"last")):
        assert b"".join(layer.chunks(entry)) == content
        if layer.seekable:
            (head,) = layer.heads(np.array([entry]), 3)
            assert head == content[:3]
    all_entries = np.arange(4)
    assert list(layer.digests(all_entries)) == [
        layer.digest(entry) for entry in all_entries.tolist()
    ]


def test_contents_of_a_truncated_layer_are_an_error() -> None:
    """They are never silently shorter."""
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
    """If a layer was truncated after indexing, the digests of complete contents are known."""
    layer = LayerContents(MemoryBlob("layer", TAR[: 1 << 20]), read(TAR), DEFAULT_LIMITS)
    digests = list(layer.digests(np.arange(4)))
    assert digests == [sha256(b"first").digest(), None, sha256(b"").digest(), None]


class _FailingDisk(MemoryBlob):
    """Raises OSError after a megabyte."""

    def pread(self, length: int, offset: int) -> bytes:
        if offset + length > 1 << 20:
            raise OSError(errno.EIO, "Input/output error")
        return super().pread(length, offset)


@pytest.mark.parametrize("how", [None, "gzip"])
@pytest.mark.parametrize("hash_all", [True, False])
def test_the_readable_part_of_a_layer_is_shown(how: str | None, hash_all: bool) -> None:
    """An OSError is reported as damage."""
    blob = _FailingDisk("layer", compressed(TAR, how))  # type: ignore[arg-type]  # one of its values
    index = index_layer(blob, DEFAULT_LIMITS, NullProgress(), hash_all=hash_all)
    assert index.broken is not None
    assert "Input/output error" in index.broken.message
    assert index.diff_id is None
    assert names(index)[:1] == [b"a"]


@pytest.mark.parametrize("hash_all", [True, False])
def test_a_missing_layer_is_damaged_at_its_start(hash_all: bool) -> None:
    """The damage has the reason."""
    blob: Blob = MissingBlob("layer", "it is elsewhere")
    index = index_layer(blob, DEFAULT_LIMITS, NullProgress(), hash_all=hash_all)
    assert (len(index), index.tar_bytes, index.diff_id, index.blob_digest) == (0, 0, None, None)
    assert index.broken is not None
    assert (index.broken.offset, "it is elsewhere" in index.broken.message) == (0, True)


class _CancelLater(NullProgress):
    """Cancels after a number of checks."""

    def __init__(self, checks: int) -> None:
        self._checks = checks

    def cancelled(self) -> bool:
        self._checks -= 1
        return self._checks < 0


@pytest.mark.parametrize("how", [None, "gzip"])
@pytest.mark.parametrize("hash_all", [True, False])
def test_indexing_can_be_cancelled(how: str | None, hash_all: bool) -> None:
    """It may be cancelled between entries, in a large file, and in bytes after the end."""
    behind = layer_tar([file("a")]) + random.Random(4).randbytes(1 << 20)
    for tar, checks in ((TAR, 0), (behind, 2)):
        blob = MemoryBlob("layer", compressed(tar, how))  # type: ignore[arg-type]  # one of its values
        with pytest.raises(CancelledError):
            index_layer(blob, DEFAULT_LIMITS, _CancelLater(checks), hash_all=hash_all)


@pytest.mark.parametrize("how", [None, "gzip"])
@pytest.mark.parametrize("hash_all", [True, False])
def test_progress_ends_at_the_size_of_the_blob(how: str | None, hash_all: bool) -> None:
    """It counts stored bytes, even for damaged layers."""
    reached: list[int] = []

    class Reached(NullProgress):
        def advance(self, done: int) -> None:
            reached.append(done)

    for tar in (TAR, TAR[:5000], layer_tar([])):
        blob = MemoryBlob("layer", compressed(tar, how))  # type: ignore[arg-type]  # one of its values
        reached.clear()
        index_layer(blob, DEFAULT_LIMITS, Reached(), hash_all=hash_all)
        assert sum(reached) == blob.size
