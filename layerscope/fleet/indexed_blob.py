"""Layers that were indexed as part of another image."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator

from layerscope.errors import LayerscopeError
from layerscope.layers.blob import Blob


class IndexedBlob(Blob):
    """A layer whose index is known.

    Its bytes are opened only when a content is needed, which is then compared with its digest in the index.
    """

    def __init__(
        self, name: str, size: int, digest: str | None, open_blob: Callable[[], Blob]
    ) -> None:
        """`digest` was computed from its bytes. `open_blob` raises `LayerscopeError`."""
        super().__init__(name, size)
        self._digest = digest
        self._open_blob = open_blob

    @property
    def digest(self) -> str | None:
        return self._digest

    @property
    def spooled(self) -> bool:
        return True

    @property
    def scattered(self) -> bool:
        return self._opened().scattered

    @property
    def is_tar(self) -> bool:
        return self._opened().is_tar

    def pread(self, length: int, offset: int) -> bytes:
        return self._opened().pread(length, offset)

    def chunks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        return self._opened().chunks(start, end)

    def _opened(self) -> Blob:
        try:
            return self._open_blob()
        except LayerscopeError as error:
            raise OSError(errno.EIO, error.message) from error
