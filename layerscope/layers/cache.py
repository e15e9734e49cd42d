"""Indexes of layers that were read before.

An index is filed under what was *verified*: the digest of the bytes that it was made from, computed from them. A file's
identity (device, inode, size, times, range) leads to that digest, or to the index itself where the bytes were not read
through. What an image only claims leads nowhere by itself: a blob that claims the digest of a known one is hashed, and only
if the claim holds the index is taken. So no image can show another's contents, or make another show its own.

A layer of a local store is known by the identities of its headers and of the folder with its files, never by the digest that
the store records for it: whoever may write to the store could record another's. Digests found by reading its files hold
as long as no file changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import astuple, dataclass, replace

from layerscope.layers.blob import Blob
from layerscope.layers.index import LayerIndex
from layerscope.layers.indexing import layer_compression
from layerscope.layers.packing import Packed, pack_fields, unpack_fields
from layerscope.layers.store import Store
from layerscope.layers.tarsplit import TarSplitBlob
from layerscope.limits import Limits
from layerscope.progress import Progress, check

_INDEX = "layer"
"""Kind of the entries that hold an index."""
_POINTER = "file"
"""Kind of the entries that lead from a file to the digest of its bytes."""
_LENGTH = "length"
"""Kind of the entries that say how long the tar of a layer in a store is."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """The index of a layer."""

    index: LayerIndex
    key: str | None
    """Equal for two layers only if their indexes are; None where that is not known."""


class IndexCache:
    """Indexes of layers in a store.

    With `fresh`, layers are read all the same, and what is learned replaces what was known.
    """

    def __init__(self, store: Store, limits: Limits, *, fresh: bool = False) -> None:
        self._store = store
        self._limits = astuple(limits)
        self._fresh = fresh

    def recall_length(self, blob: Blob) -> None:
        """Tell a blob how long it is, where it would have to read itself to know and that was done before."""
        key = None if self._fresh else self._length_key(blob)
        packed = None if key is None else self._store.read(_LENGTH, key)
        length = None if packed is None else packed.values.get("bytes")
        if isinstance(blob, TarSplitBlob) and isinstance(length, int):
            blob.expect(length)

    def has(self, blob: Blob) -> bool:
        """Whether `find` knows a blob whose digest is certain."""
        digest = None if self._fresh else blob.digest
        return digest is not None and self._store.has(_INDEX, self._digest_key(blob, digest))

    def recall(self, blob: Blob, *, hash_all: bool) -> Indexed | None:
        """The index that `index_layer` would make of a blob; None if it is not known, or only to who reads the blob."""
        if hash_all:
            _ = blob.read_identity  # from before anything is read
        if self._fresh:
            return None
        if blob.digest is not None:
            return self._of_digest(blob, blob.digest)
        if self._is_hashed(blob, hash_all):
            return self._of_known_file(blob)
        return self._unhashed(blob)

    def remembers(self, blob: Blob) -> bool:
        """Whether `find` knows a compressed blob without reading it."""
        if self._fresh or blob.digest is not None:
            return self.has(blob)
        digest = self._pointed(blob)
        return isinstance(digest, str) and self._store.has(_INDEX, self._digest_key(blob, digest))

    def find(
        self, blob: Blob, claims: Collection[str], progress: Progress, *, hash_all: bool
    ) -> Indexed | None:
        """The index that `index_layer` would make of a blob, None if it is not known.

        `claims` are the digests that the image claims the blob to have.
        """
        found = self.recall(blob, hash_all=hash_all)
        if found is not None:
            progress.advance(blob.size)
        elif not self._fresh and blob.digest is None and self._is_hashed(blob, hash_all):
            return self._of_true_claim(blob, claims, progress)
        return found

    def keep(self, blob: Blob, index: LayerIndex) -> Indexed:
        """Keep the index that was made of a blob. Damage is never kept: it may be the disk's, and pass."""
        if index.broken is not None:
            return Indexed(index, None)
        length_key = self._length_key(blob)
        if length_key is not None and not blob.changed():
            self._store.write(_LENGTH, length_key, Packed({"bytes": blob.size}, {}))
        if index.blob_digest is not None:
            key: str | None = self._digest_key(blob, index.blob_digest)
            self._point(blob, index.blob_digest)
        else:
            key = None if blob.changed() else self._file_key(blob)
        if key is not None:
            try:
                self._store.write(_INDEX, key, pack_fields(index))
            except OverflowError:  # only a hostile layer has such numbers
                return Indexed(index, None)
        return Indexed(index, key)

    @staticmethod
    def _is_hashed(blob: Blob, hash_all: bool) -> bool:
        """Whether reading the blob hashes it, too."""
        return hash_all or layer_compression(blob) is not None

    def _unhashed(self, blob: Blob) -> Indexed | None:
        """The index of a plain file that this run would not hash."""
        key = self._file_key(blob)
        index = None if key is None else self._read(key)
        if index is not None:
            return Indexed(index, key)
        if isinstance(blob, TarSplitBlob):
            return None  # its headers alone are read sooner than it is known that no file changed
        found = self._of_known_file(blob)
        if found is None or found.index.tar_bytes != blob.size:
            return None
        # Without hashing it nobody would know whether the digests are right.
        return Indexed(replace(found.index, diff_id=None, blob_digest=None), key)

    def _of_known_file(self, blob: Blob) -> Indexed | None:
        """The index of a file whose bytes were hashed before."""
        return self._of_digest(blob, self._pointed(blob))

    def _pointed(self, blob: Blob) -> object:
        """The digest that a file's bytes were found to have; None where that is not remembered."""
        key = self._pointer_key(blob)
        packed = None if key is None else self._store.read(_POINTER, key)
        return None if packed is None else packed.values.get("digest")

    def _of_true_claim(
        self, blob: Blob, claims: Collection[str], progress: Progress
    ) -> Indexed | None:
        """The index of a blob that claims to be one that is known, and is."""
        known = [
            claim for claim in claims if self._store.has(_INDEX, self._digest_key(blob, claim))
        ]
        if not known:
            return None
        digest, size = hashlib.sha256(), 0
        try:
            for piece in blob.chunks():
                check(progress)
                digest.update(piece)
                size += len(piece)
                progress.advance(len(piece))
        except OSError:
            size = -size  # whoever indexes it will find out
        found = f"sha256:{digest.hexdigest()}"
        indexed = self._of_digest(blob, found) if found in known and size == blob.size else None
        if indexed is None:
            progress.advance(-abs(size))
        else:
            self._point(blob, found)
        return indexed

    def _of_digest(self, blob: Blob, digest: object) -> Indexed | None:
        """The index of what has this digest, which is that of the blob."""
        if not isinstance(digest, str):
            return None
        key = self._digest_key(blob, digest)
        index = self._read(key)
        return None if index is None or index.blob_digest != digest else Indexed(index, key)

    def _read(self, key: str) -> LayerIndex | None:
        packed = self._store.read(_INDEX, key)
        try:
            return None if packed is None else unpack_fields(LayerIndex, packed)
        except (KeyError, TypeError, ValueError):
            self._store.forget(_INDEX, key)
            return None

    def _point(self, blob: Blob, digest: str) -> None:
        """Remember which digest a file's bytes have."""
        key = self._pointer_key(blob)
        if key is not None and not blob.read_changed():
            self._store.write(_POINTER, key, Packed({"digest": digest}, {}))

    def _digest_key(self, blob: Blob, digest: str) -> str:
        # A blob that is truncated has a size that its bytes do not tell.
        return self._store.key(_INDEX, self._limits, digest, blob.size)

    def _file_key(self, blob: Blob) -> str | None:
        """Where the index of a file lies that was not hashed."""
        identity = blob.identity
        return None if identity is None else self._store.key(_INDEX, self._limits, identity)

    def _pointer_key(self, blob: Blob) -> str | None:
        identity = blob.read_identity
        return None if identity is None else self._store.key(_POINTER, identity)

    def _length_key(self, blob: Blob) -> str | None:
        identity = blob.identity if isinstance(blob, TarSplitBlob) else None
        return None if identity is None else self._store.key(_LENGTH, identity)
