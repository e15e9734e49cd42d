"""A layer that the worker reads."""

from __future__ import annotations

import errno
from typing import Protocol

from layerscope.layers.blob import Blob, MissingBlob, UnsavedBlob
from layerscope.layers.file_identity import FileChangedError
from layerscope.opening import messages


class LayerReader(Protocol):
    """Reads layers by their numbers."""

    def read(self, layer: int, length: int, offset: int) -> bytes:
        """Bytes of a layer. Raises OSError."""


class RemoteBlob(Blob):
    """A layer that the worker reads."""

    def __init__(
        self,
        reader: LayerReader,
        number: int,
        name: str,
        size: int,
        *,
        is_tar: bool,
        digest: str | None,
    ) -> None:
        super().__init__(name, size)
        self._reader = reader
        self._number = number
        self._is_tar = is_tar
        self._digest = digest
        self._overwritten = False

    @property
    def is_tar(self) -> bool:
        return self._is_tar

    @property
    def digest(self) -> str | None:
        return self._digest

    @property
    def overwritten(self) -> bool:
        return self._overwritten

    def mark_overwritten(self) -> None:
        """Note that the worker found it overwritten."""
        self._overwritten = True

    def pread(self, length: int, offset: int) -> bytes:
        try:
            data = self._reader.read(self._number, length, offset)
        except FileChangedError:
            self._overwritten = True
            raise
        if len(data) > length:
            raise OSError(
                errno.EIO,
                "the process that reads the image failed: it sent more bytes than requested",
            )
        return data


def remote_blob(reader: LayerReader, number: int, facts: messages.BlobFacts) -> Blob:
    """The blob of a layer that the worker described."""
    if facts.missing is not None:
        return MissingBlob(facts.name, facts.missing)
    if facts.saved is not None:
        return UnsavedBlob(facts.name, facts.saved)
    return RemoteBlob(
        reader, number, facts.name, facts.size, is_tar=facts.is_tar, digest=facts.digest
    )
