"""Bytes of an image that can be read at any offset: a range of a file, or bytes in memory."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 18
"""Bytes read at a time when a blob is read through."""


class Blob(ABC):
    """`size` bytes called `name` in errors. Reading is safe from several threads at once."""

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self.size = size

    @abstractmethod
    def pread(self, length: int, offset: int) -> bytes:
        """Up to `length` bytes from `offset`; fewer only at the end of the blob or of a cut file."""

    @property
    def spooled(self) -> bool:
        """Whether the bytes have already passed through memory on their way here."""
        return False

    def chunks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` to `end` (default: all), in pieces of at most `CHUNK`."""
        offset, stop = start, self.size if end is None else min(end, self.size)
        while offset < stop:
            piece = self.pread(min(CHUNK, stop - offset), offset)
            if not piece:
                return
            offset += len(piece)
            yield piece

    def read(self) -> bytes:
        """All of it: for documents whose size was checked before."""
        return b"".join(self.chunks())


class MemoryBlob(Blob):
    """A blob that is already in memory, such as the `data` of an OCI descriptor."""

    def __init__(self, name: str, data: bytes) -> None:
        super().__init__(name, len(data))
        self._data = data

    def pread(self, length: int, offset: int) -> bytes:
        return self._data[offset : offset + length]

    @property
    def spooled(self) -> bool:
        return True


class OpenFile:
    """A file opened once for reading, shared by all blobs that lie in it."""

    def __init__(self, stream: BinaryIO, name: str, *, spooled: bool = False) -> None:
        self._stream = stream
        self.name = name
        self.spooled = spooled
        self.fd = stream.fileno()
        self.size = os.fstat(self.fd).st_size

    @classmethod
    def open(cls, path: Path, name: str | None = None) -> OpenFile:
        """Open `path`; raises OSError. A blocking special file is refused by the caller's checks."""
        return cls(path.open("rb", buffering=0), name or path.name)

    def blob(self, name: str, offset: int = 0, size: int | None = None) -> FileBlob:
        """`size` bytes at `offset` (default: to the end) as a blob called `name`."""
        return FileBlob(self, name, offset, self.size - offset if size is None else size)


class FileBlob(Blob):
    """A range of an open file."""

    def __init__(self, file: OpenFile, name: str, offset: int, size: int) -> None:
        super().__init__(name, size)
        self.file = file
        self.offset = offset
        self._fd = file.fd

    @property
    def spooled(self) -> bool:
        return self.file.spooled

    def pread(self, length: int, offset: int) -> bytes:
        return (
            os.pread(self._fd, min(length, self.size - offset), self.offset + offset)
            if offset < self.size
            else b""
        )
