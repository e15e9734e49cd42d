"""A layer that the worker reads."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Protocol

from layerscope.layers.blob import Blob, MissingBlob, UnsavedBlob
from layerscope.layers.file_identity import FileChangedError
from layerscope.opening import messages

_PART = 1 << 20
"""Maximum bytes of a ranged layer that are requested at once."""


class LayerReader(Protocol):
    """Reads layers by number."""

    def read(self, layer: int, length: int, offset: int) -> bytes:
        """Bytes of a layer. Raises OSError."""

    def read_part(self, layer: int, length: int, offset: int) -> bytes:
        """Bytes of a ranged layer, without fetching any others. Raises OSError."""

    def read_ztoc(self, layer: int, most: int) -> bytes | None:
        """The table of contents beside a layer; None without one of at most `most` bytes. Raises OSError."""


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
        ranged: bool,
    ) -> None:
        super().__init__(name, size)
        self._reader = reader
        self._number = number
        self._is_tar = is_tar
        self._digest = digest
        self._ranged = ranged
        self._overwritten = False

    @property
    def is_tar(self) -> bool:
        return self._is_tar

    @property
    def digest(self) -> str | None:
        return self._digest

    @property
    def ranged(self) -> bool:
        return self._ranged

    @property
    def overwritten(self) -> bool:
        return self._overwritten

    def ztoc(self, max_bytes: int) -> bytes | None:
        return self._reader.read_ztoc(self._number, max_bytes)

    def chunks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        stop = self.size if end is None else min(end, self.size)
        if not self._ranged or (start == 0 and stop == self.size):
            yield from super().chunks(start, stop)
            return
        while start < stop:
            length = min(_PART, stop - start)
            piece = self._checked(self._reader.read_part(self._number, length, start), length)
            if not piece:
                return
            start += len(piece)
            yield piece

    def mark_overwritten(self) -> None:
        """Record that the worker found the layer overwritten."""
        self._overwritten = True

    def pread(self, length: int, offset: int) -> bytes:
        try:
            data = self._reader.read(self._number, length, offset)
        except FileChangedError:
            self._overwritten = True
            raise
        return self._checked(data, length)

    @staticmethod
    def _checked(data: bytes, length: int) -> bytes:
        """The same bytes. Raises OSError for more than `length`."""
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
        reader,
        number,
        facts.name,
        facts.size,
        is_tar=facts.is_tar,
        digest=facts.digest,
        ranged=facts.ranged,
    )
