"""Cache of layer indexes.

An index is stored under the *verified* digest of its bytes. The identity of a file (device, inode, size, times, range) points
to that digest, or to the index itself if the bytes were not hashed. A claim by an image is never enough: a blob that claims
the digest of a cached one is hashed, and the cached index is used only if the digest matches. So no image can show another
one's contents, or its own contents in place of another's.

A layer of a local store is identified by its headers and the folder of its files, never by the digest that the store records:
anyone who can write to the store could record another one. Digests found by reading its files hold as long as no file changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from msgspec import Struct
from msgspec.structs import astuple, replace

from layerscope.layers.blob import Blob
from layerscope.layers.index import LayerIndex
from layerscope.layers.indexing import layer_compression
from layerscope.layers.packing import Packed, pack_fields, unpack_fields
from layerscope.layers.store import Store
from layerscope.layers.tarsplit import TarSplitBlob
from layerscope.limits import Limits
from layerscope.progress import Progress, check

INDEX = "layer"
"""Kind of cache entries with an index."""
_POINTER = "file"
"""Kind of cache entries with the digest of a file's bytes."""
_LENGTH = "length"
"""Kind of cache entries with the tar length of a layer in a store."""


class Indexed(Struct, frozen=True):
    """The index of a layer."""

    index: LayerIndex
    key: str | None
    """Key of the cache entry, equal only for equal indexes; None if not cached."""


class IndexCache:
    """Indexes of layers in a store.

    With `fresh`, cached entries are not used but replaced.
    """

    def __init__(self, store: Store, limits: Limits, *, fresh: bool = False) -> None:
        self.store = store
        """The store of the entries."""
        self._limits = astuple(limits)
        self._fresh = fresh

    def set_cached_length(self, blob: Blob) -> None:
        """Set the length of a blob from the cache, if it is otherwise known only after reading the headers."""
        key = None if self._fresh else self._length_key(blob)
        packed = None if key is None else self.store.read(_LENGTH, key)
        length = None if packed is None else packed.values.get("bytes")
        if isinstance(blob, TarSplitBlob) and isinstance(length, int):
            blob.expect(length)

    def read(self, key: str) -> LayerIndex | None:
        """The index under the key of an `Indexed`; None if there is none."""
        return self._read(key)

    def holds(self, key: str) -> bool:
        """Whether there is an index under the key of an `Indexed`."""
        return self.store.has(INDEX, key)

    def write(self, key: str, index: LayerIndex) -> None:
        """Store an index under any key."""
        self.store.write(INDEX, key, pack_fields(index))

    def has(self, blob: Blob) -> bool:
        """Whether the cache has the index of a blob with a certain digest."""
        digest = None if self._fresh else blob.digest
        return digest is not None and self.store.has(INDEX, self._digest_key(blob, digest))

    def get(self, blob: Blob, *, hash_all: bool) -> Indexed | None:
        """The cached index of a blob, without reading the blob; None if not cached."""
        if hash_all:
            _ = blob.read_identity  # taken before anything is read
        if self._fresh:
            return None
        if blob.digest is not None:
            return self._by_digest(blob, blob.digest)
        if self._is_hashed(blob, hash_all):
            return self._by_known_file(blob)
        return self._unhashed(blob)

    def has_compressed(self, blob: Blob) -> bool:
        """Whether the cache has the index of a compressed blob; the blob is not read."""
        if self._fresh or blob.digest is not None:
            return self.has(blob)
        digest = self._cached_digest(blob)
        return isinstance(digest, str) and self.store.has(INDEX, self._digest_key(blob, digest))

    def find(
        self, blob: Blob, claims: Collection[str], progress: Progress, *, hash_all: bool
    ) -> Indexed | None:
        """The cached index of a blob; None if not cached.

        `claims` are the digests that the image claims for the blob. To verify them, the blob may be read.
        Raises `CancelledError`.
        """
        indexed = self.get(blob, hash_all=hash_all)
        if indexed is not None:
            progress.advance(blob.size)
        elif not self._fresh and blob.digest is None and self._is_hashed(blob, hash_all):
            return self._by_claim(blob, claims, progress)
        return indexed

    def add(self, blob: Blob, index: LayerIndex) -> Indexed:
        """Store the index of a blob. A damaged one is not stored: the damage may be temporary."""
        if index.broken is not None:
            return Indexed(index, None)
        length_key = self._length_key(blob)
        if length_key is not None and not blob.changed():
            self.store.write(_LENGTH, length_key, Packed({"bytes": blob.size}, {}))
        if index.blob_digest is not None:
            key: str | None = self._digest_key(blob, index.blob_digest)
            self._store_digest(blob, index.blob_digest)
        else:
            key = None if blob.changed() else self._file_key(blob)
        if key is not None:
            try:
                self.store.write(INDEX, key, pack_fields(index))
            except OverflowError:  # such numbers occur only in hostile layers
                return Indexed(index, None)
        return Indexed(index, key)

    @staticmethod
    def _is_hashed(blob: Blob, hash_all: bool) -> bool:
        """Whether reading the blob also hashes it."""
        return hash_all or layer_compression(blob) is not None

    def _unhashed(self, blob: Blob) -> Indexed | None:
        """The index of a plain file that this run does not hash."""
        key = self._file_key(blob)
        index = None if key is None else self._read(key)
        if index is not None:
            return Indexed(index, key)
        if isinstance(blob, TarSplitBlob):
            return None  # reading its headers is faster than checking all files for changes
        indexed = self._by_known_file(blob)
        if indexed is None or indexed.index.tar_bytes != blob.size:
            return None
        # without hashing, its digests would stay unverified
        return Indexed(replace(indexed.index, diff_id=None, blob_digest=None), key)

    def _by_known_file(self, blob: Blob) -> Indexed | None:
        """The index of a file whose bytes were hashed before."""
        return self._by_digest(blob, self._cached_digest(blob))

    def _cached_digest(self, blob: Blob) -> object:
        """The cached digest of a file's bytes; None if not cached."""
        key = self._pointer_key(blob)
        packed = None if key is None else self.store.read(_POINTER, key)
        return None if packed is None else packed.values.get("digest")

    def _by_claim(self, blob: Blob, claims: Collection[str], progress: Progress) -> Indexed | None:
        """The index of a blob with the claimed digest of a cached one, if hashing confirms it."""
        cached_claims = [
            claim for claim in claims if self.store.has(INDEX, self._digest_key(blob, claim))
        ]
        if not cached_claims:
            return None
        digest, size = hashlib.sha256(), 0
        try:
            for piece in blob.chunks():
                check(progress)
                digest.update(piece)
                size += len(piece)
                progress.advance(len(piece))
        except OSError:
            size = -size  # indexing it reports the error
        computed = f"sha256:{digest.hexdigest()}"
        indexed = (
            self._by_digest(blob, computed)
            if computed in cached_claims and size == blob.size
            else None
        )
        if indexed is None:
            progress.advance(-abs(size))
        else:
            self._store_digest(blob, computed)
        return indexed

    def _by_digest(self, blob: Blob, digest: object) -> Indexed | None:
        """The cached index under this digest of the blob."""
        if not isinstance(digest, str):
            return None
        key = self._digest_key(blob, digest)
        index = self._read(key)
        return None if index is None or index.blob_digest != digest else Indexed(index, key)

    def _read(self, key: str) -> LayerIndex | None:
        packed = self.store.read(INDEX, key)
        try:
            return None if packed is None else unpack_fields(LayerIndex, packed)
        except (KeyError, TypeError, ValueError):
            self.store.forget(INDEX, key)
            return None

    def _store_digest(self, blob: Blob, digest: str) -> None:
        """Store the digest of a file's bytes."""
        key = self._pointer_key(blob)
        if key is not None and not blob.read_changed():
            self.store.write(_POINTER, key, Packed({"digest": digest}, {}))

    def _digest_key(self, blob: Blob, digest: str) -> str:
        # The size of a truncated blob is not determined by its bytes.
        return self.store.key(INDEX, self._limits, digest, blob.size)

    def _file_key(self, blob: Blob) -> str | None:
        """The key for the index of a file that was not hashed."""
        identity = blob.identity
        return None if identity is None else self.store.key(INDEX, self._limits, identity)

    def _pointer_key(self, blob: Blob) -> str | None:
        identity = blob.read_identity
        return None if identity is None else self.store.key(_POINTER, identity)

    def _length_key(self, blob: Blob) -> str | None:
        identity = blob.identity if isinstance(blob, TarSplitBlob) else None
        return None if identity is None else self.store.key(_LENGTH, identity)
