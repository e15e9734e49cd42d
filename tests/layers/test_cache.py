"""Indexes are cached by verified keys: files by identity, bytes by digest, never by claims."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path

import pytest
from msgspec.structs import replace

from layerscope.layers.blob import Blob, BlobRange, MemoryBlob, OpenFile, PathFile
from layerscope.layers.cache import IndexCache, Indexed
from layerscope.layers.index import LayerIndex
from layerscope.layers.indexing import index_layer
from layerscope.layers.packing import pack, pack_fields, unpack, unpack_fields
from layerscope.layers.store import Store
from layerscope.limits import DEFAULT_LIMITS
from layerscope.progress import NullProgress
from tests.images import compressed, digest, file, layer_tar
from tests.layers.caching import assert_same_index, settled
from tests.layers.test_packing import joined
from tests.strategies import random_layers

TAR = layer_tar([file("a", b"content"), file("b/c", b"more")])
OTHER = layer_tar([file("x", b"content"), file("y/z", b"more")])
assert len(TAR) == len(OTHER)


def index(blob: Blob, *, hash_all: bool) -> LayerIndex:
    """The index of a blob, by reading it."""
    return index_layer(blob, DEFAULT_LIMITS, NullProgress(), hash_all=hash_all)


class Cache:
    """A cache that counts the layers that had to be read."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)
        self.limits = DEFAULT_LIMITS
        self.fresh = False
        self.read = 0

    def __call__(
        self, blob: Blob, *, claims: Collection[str] = (), hash_all: bool = False
    ) -> Indexed:
        """The result of a run for a layer, which must always equal a fresh one."""
        cache = IndexCache(self.store, self.limits, fresh=self.fresh)
        indexed = cache.find(blob, claims, NullProgress(), hash_all=hash_all)
        if indexed is None:
            self.read += 1
            indexed = cache.add(blob, index(blob, hash_all=hash_all))
        expected = index(blob, hash_all=hash_all)
        if expected.digests is None:  # they may be known from another run
            expected = replace(expected, digests=indexed.index.digests)
        assert_same_index(indexed.index, expected)
        return indexed


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """An empty cache."""
    return Cache(tmp_path / "cache")


def opened(path: Path) -> Blob:
    """A newly opened file."""
    return OpenFile.open(path).blob("layer")


@pytest.mark.parametrize("hash_all", [True, False])
def test_random_indexes_can_be_restored(hash_all: bool) -> None:
    """This covers every column of ordinary and unusual layers, hashed or not."""
    for seed in range(150):
        for members in random_layers(seed, wild=seed % 2 == 1):
            found = index(MemoryBlob("layer", layer_tar(members)), hash_all=hash_all)
            assert_same_index(unpack_fields(LayerIndex, unpack(joined(pack_fields(found)))), found)


def test_sparse_files_and_large_numbers_can_be_restored() -> None:
    """Few layers have these."""
    pax = {
        b"GNU.sparse.major": b"0",
        b"GNU.sparse.minor": b"1",
        b"GNU.sparse.size": b"%d" % (1 << 62),
    }
    members = [
        file("none", b"", pax={**pax, b"GNU.sparse.map": b""}),
        file("two", b"xy", pax={**pax, b"GNU.sparse.map": b"0,1,%d,1" % (1 << 61)}),
        file("late", b"x", pax={b"mtime": b"%d" % (2**63 - 1), b"uid": b"%d" % (1 << 62)}),
    ]
    found = index(MemoryBlob("layer", layer_tar(members)), hash_all=True)
    assert found.broken is None
    assert len(found.sparse) == 2
    assert_same_index(unpack_fields(LayerIndex, unpack(joined(pack_fields(found)))), found)


def test_entries_are_plain_data() -> None:
    """They contain no pickle and no code."""
    found = b"".join(pack(pack_fields(index(MemoryBlob("layer", TAR), hash_all=True))))
    assert b"numpy" not in found
    assert b"layerscope." not in found


@pytest.mark.parametrize("hash_all", [True, False])
@pytest.mark.parametrize("how", [None, "gzip", "zstd"])
def test_a_file_is_read_once(cache: Cache, tmp_path: Path, how: str | None, hash_all: bool) -> None:
    """This holds for single files and for layers in an archive or a folder."""
    data = compressed(TAR, how)  # type: ignore[arg-type]  # the parameters are what it takes
    path = settled(tmp_path / "layer", b"before" + data + b"after")
    alone = settled(tmp_path / "alone", data)
    makers: list[Callable[[], Blob]] = [
        lambda: BlobRange(opened(path), "layer", 6, len(data)),
        lambda: opened(alone),
        lambda: PathFile(alone, "layer").blob("other name"),
    ]
    for blob in makers:
        known = cache(blob(), hash_all=hash_all)
        assert known.key is not None
        before = cache.read
        assert cache(blob(), hash_all=hash_all).key == known.key
        assert cache.read == before


def test_ranges_of_a_file_are_distinguished(cache: Cache, tmp_path: Path) -> None:
    """Two layers of one archive share its identity, but not their index."""
    path = settled(tmp_path / "archive", TAR + OTHER)
    for _ in range(2):
        keys = {
            cache(BlobRange(opened(path), "layer", offset, len(TAR))).key
            for offset in (0, len(TAR))
        }
        assert len(keys) == 2
    assert cache.read == 2


def test_hashing_runs_need_hashed_layers(cache: Cache, tmp_path: Path) -> None:
    """A hashing run reads a layer that was only indexed; a later run without hashing does not report digests."""
    path = settled(tmp_path / "layer", TAR)
    assert cache(opened(path)).index.diff_id is None
    assert cache(opened(path), hash_all=True).index.diff_id == digest(TAR)
    assert cache.read == 2
    assert cache(opened(path)).index.diff_id is None
    assert cache(opened(path), hash_all=True).index.diff_id == digest(TAR)
    assert cache.read == 2


def test_hashed_layers_are_used_by_runs_that_do_not_hash(cache: Cache, tmp_path: Path) -> None:
    """The digests that such a run would not know are left out."""
    path = settled(tmp_path / "layer", TAR)
    cache(opened(path), hash_all=True)
    found = cache(opened(path))
    assert (found.index.diff_id, found.index.blob_digest) == (None, None)
    assert cache.read == 1


def test_a_fresh_run_reads_cached_layers(cache: Cache, tmp_path: Path) -> None:
    """Verification reads the layer again."""
    path = settled(tmp_path / "layer", TAR)
    cache.fresh = True
    for _ in range(2):
        cache(opened(path), hash_all=True)
    assert cache.read == 2
    cache.fresh = False
    cache(opened(path), hash_all=True)
    assert cache.read == 2


@pytest.mark.parametrize("how", [None, "gzip"])
def test_the_same_bytes_in_another_file_are_hashed_but_not_indexed(
    cache: Cache, tmp_path: Path, how: str | None
) -> None:
    """An archive that claims the same base is hashed once; afterwards, its file is also cached."""
    data = compressed(TAR, how)  # type: ignore[arg-type]  # the parameters are what it takes
    one, other = settled(tmp_path / "one", data), settled(tmp_path / "other", data)
    claims = {digest(data), digest(b"nothing")}
    key = cache(opened(one), claims=claims, hash_all=True).key
    assert cache(opened(other), claims=claims, hash_all=True).key == key
    assert cache(opened(other), hash_all=True).key == key
    assert cache(MemoryBlob("stream", data), claims=claims, hash_all=True).key == key
    assert cache.read == 1


def test_a_claim_alone_is_not_enough(cache: Cache, tmp_path: Path) -> None:
    """Other bytes that claim a cached digest are read, and cached under their real digest."""
    honest, liar = settled(tmp_path / "honest", TAR), settled(tmp_path / "liar", OTHER)
    claims = {digest(TAR)}
    for hash_all in (True, False, True):
        known = cache(opened(honest), claims=claims, hash_all=hash_all)
        lie = cache(opened(liar), claims=claims, hash_all=hash_all)
        assert lie.key != known.key
        assert lie.index.blob_digest in (None, digest(OTHER))


def test_a_false_claim_does_not_poison_the_cache(cache: Cache, tmp_path: Path) -> None:
    """The bytes that were first claimed under a digest are not shown for it later."""
    honest, liar = settled(tmp_path / "honest", TAR), settled(tmp_path / "liar", OTHER)
    claims = {digest(TAR)}
    cache(opened(liar), claims=claims, hash_all=True)
    assert cache(opened(honest), claims=claims, hash_all=True).index.blob_digest == digest(TAR)
    assert cache(MemoryBlob("stream", OTHER), claims=claims, hash_all=True).index.blob_digest == (
        digest(OTHER)
    )


def test_an_entry_for_another_digest_is_not_used(cache: Cache, tmp_path: Path) -> None:
    """The entry has the index of other bytes."""
    path = settled(tmp_path / "layer", TAR)
    cache(opened(path), hash_all=True)
    known = IndexCache(cache.store, DEFAULT_LIMITS).find(
        opened(path), (), NullProgress(), hash_all=True
    )
    assert known is not None
    wrong = replace(known.index, blob_digest=digest(OTHER))
    cache.store.write("layer", str(known.key), pack_fields(wrong))
    assert cache(opened(path), hash_all=True).index.blob_digest == digest(TAR)
    assert cache.read == 2


def test_a_changed_file_is_read_again(cache: Cache, tmp_path: Path) -> None:
    """This holds even if its modification time was set back."""
    path = settled(tmp_path / "layer", TAR)
    cache(opened(path))
    os.utime(path, ns=(0, 10**18))
    settled(path)
    cache(opened(path))
    assert cache.read == 2
    path.write_bytes(OTHER)
    os.utime(path, ns=(0, 10**18))
    settled(path)
    cache(opened(path))
    assert cache.read == 3


def test_a_file_that_changes_while_it_is_read_is_not_cached(cache: Cache, tmp_path: Path) -> None:
    """It is unknown which bytes were read."""
    path = settled(tmp_path / "layer", TAR)
    for make in (opened, lambda path: PathFile(path, "layer").blob("layer")):
        for hash_all in (True, False):
            blob = make(path)
            found = index(blob, hash_all=hash_all)
            settled(path, OTHER)
            assert blob.changed()
            IndexCache(cache.store, DEFAULT_LIMITS).add(blob, found)
            settled(path, TAR)
    cache(opened(path))
    cache(opened(path), hash_all=True)
    assert cache.read == 2


def test_a_recently_written_file_is_not_cached(cache: Cache, tmp_path: Path) -> None:
    """It may be written again within the same tick of the clock."""
    path = tmp_path / "layer"
    for _ in range(100):
        path.write_bytes(TAR)
        blob = opened(path)
        if blob.identity is None:
            break
    else:
        pytest.skip("this machine is too slow")
    assert cache(blob).key is None
    assert cache.store.entries() == []


def test_damaged_layers_are_not_cached(cache: Cache, tmp_path: Path) -> None:
    """The damage may be temporary."""
    for number, data in enumerate((TAR[:515], compressed(TAR, "gzip")[:-9])):
        path = settled(tmp_path / str(number), data)
        for hash_all in (True, False):
            assert index(opened(path), hash_all=hash_all).broken is not None
            assert cache(opened(path), hash_all=hash_all).key is None
    assert cache.store.entries() == []


def test_other_limits_use_other_entries(cache: Cache, tmp_path: Path) -> None:
    """An index built with generous limits is not used with strict ones."""
    path = settled(tmp_path / "layer", TAR)
    cache(opened(path))
    cache.limits = replace(DEFAULT_LIMITS, header_bytes=1)
    cache(opened(path))
    assert cache.read == 2


@pytest.mark.parametrize("hash_all", [True, False])
def test_damaged_entries_are_rewritten(cache: Cache, tmp_path: Path, hash_all: bool) -> None:
    """Entries are truncated, emptied or overwritten."""
    path = settled(tmp_path / "layer", TAR)
    cache(opened(path), hash_all=hash_all)
    intact = {entry.path: entry.path.read_bytes() for entry in cache.store.entries()}
    for keep, add in ((-1, b""), (0, b""), (50, bytes(50))):
        for path_of_entry, data in intact.items():
            path_of_entry.write_bytes(data[:keep] + add)
        before = cache.read
        cache(opened(path), hash_all=hash_all)
        cache(opened(path), hash_all=hash_all)
        assert cache.read == before + 1
    assert cache.store.problem is None
