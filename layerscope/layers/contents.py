"""Contents of single entries, read when they are asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from layerscope.layers.blob import CHUNK, Blob
from layerscope.layers.compression import DecompressedStream
from layerscope.layers.index import LayerIndex
from layerscope.layers.indexing import layer_compression
from layerscope.limits import Limits


class ContentCutError(Exception):
    """A content that its layer no longer holds whole."""


@dataclass(frozen=True, slots=True)
class LayerContents:
    """A layer's blob together with its index."""

    blob: Blob
    index: LayerIndex
    limits: Limits

    @property
    def seekable(self) -> bool:
        """Whether contents can be read by offset, without decompressing what lies before."""
        return self.index.compressed_bytes is None

    def chunks(self, entry: int) -> Iterator[bytes]:
        """The stored bytes of one entry. Raises `ContentCutError`, `DamagedStreamError`."""
        start = int(self.index.columns.offsets[entry])
        left = int(self.index.columns.stored[entry])
        for piece in self._tar_bytes(start, start + left):
            left -= len(piece)
            yield piece
        if left:
            raise ContentCutError

    def head(self, entry: int, length: int) -> bytes:
        """The first `length` stored bytes of one entry of a seekable layer."""
        stored = int(self.index.columns.stored[entry])
        return self.blob.pread(min(length, stored), int(self.index.columns.offsets[entry]))

    def digest(self, entry: int) -> bytes:
        """SHA-256 of one entry's content. Raises as `chunks` does."""
        digest = hashlib.sha256()
        for piece in self.chunks(entry):
            digest.update(piece)
        sparse = self.index.sparse.get(entry)
        return digest.digest() if sparse is None else sparse.digest(digest.digest())

    def _tar_bytes(self, start: int, end: int) -> Iterator[bytes]:
        """Bytes [start, end) of the uncompressed tar, in pieces."""
        compression = layer_compression(self.blob)
        if compression is None:
            yield from self.blob.chunks(start, end)
            return
        position = 0
        for piece in DecompressedStream(
            compression, self.blob.chunks(), self.blob.name, self.limits
        ):
            first, last = max(start - position, 0), end - position
            position += len(piece)
            if last <= 0:
                return
            if first < len(piece):
                for at in range(first, min(last, len(piece)), CHUNK):
                    yield piece[at : min(at + CHUNK, last)]
