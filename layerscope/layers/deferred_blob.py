"""Bytes with a known digest that are fetched at the first read."""

from __future__ import annotations

import errno
import hashlib
import threading
from typing import Protocol

from layerscope.errors import LayerscopeError
from layerscope.layers.blob import Blob


class LayersOnDemand(Protocol):
    """Layers that are fetched when the first of them is needed."""

    def layer(self, number: int) -> Blob:
        """One layer. Raises `LayerscopeError`."""


class DeferredBlob(Blob):
    """`size` bytes with the digest `digest`: layer `number` of `layers`, which are fetched at the first read.

    Reading raises OSError if the fetched bytes differ.
    """

    def __init__(
        self, name: str, size: int, digest: str, layers: LayersOnDemand, number: int
    ) -> None:
        super().__init__(name, size)
        self._digest = digest
        self._layers = layers
        self._number = number
        self._lock = threading.Lock()
        self._fetched: Blob | None = None
        self._problem: OSError | None = None

    @property
    def spooled(self) -> bool:
        return True

    @property
    def digest(self) -> str | None:
        return self._digest

    def pread(self, length: int, offset: int) -> bytes:
        with self._lock:
            if self._fetched is None:
                self._fetched = self._verified()
            fetched = self._fetched
        return fetched.pread(length, offset)

    def _verified(self) -> Blob:
        """The fetched blob, after its size and digest were checked."""
        if self._problem is not None:
            raise self._problem
        try:
            blob = self._layers.layer(self._number)
        except LayerscopeError as error:
            raise OSError(errno.EIO, error.message) from error
        hasher = hashlib.sha256()
        for piece in blob.chunks():
            hasher.update(piece)
        if f"sha256:{hasher.hexdigest()}" != self._digest:
            why = "the source no longer has the content that was opened before"
            self._problem = OSError(errno.ESTALE, why)
            raise self._problem
        return blob
