"""Bytes of an image that can be read at any offset: a range of a file, or bytes in memory."""

from __future__ import annotations

import errno
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Protocol

CHUNK = 1 << 18
"""Bytes read at a time when a blob is read through."""
OPEN_FILES = 32
"""Files of directories that are kept open: far fewer than any system lets a process have."""


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


class MissingBlob(Blob):
    """A blob that is not there: reading it raises OSError, which says why."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(name, 0)
        self._why = why

    def pread(self, length: int, offset: int) -> bytes:  # noqa: ARG002  # nothing is there
        raise OSError(errno.ENOENT, self._why)

    def chunks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:  # noqa: ARG002
        yield self.pread(CHUNK, start)


class Descriptor:
    """A file descriptor that is closed when nothing reads from it any more."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        close(self.fd)


class File(Protocol):
    """A file that blobs lie in."""

    name: str
    size: int
    spooled: bool

    def pread(self, length: int, offset: int) -> bytes:
        """Up to `length` bytes from `offset`. Raises OSError."""


class OpenFile:
    """A file opened once, for as long as a blob that lies in it is in use. It may have no name any more."""

    def __init__(self, fd: int, name: str, *, spooled: bool = False) -> None:
        self._descriptor = Descriptor(fd)
        self.name = name
        self.spooled = spooled
        self.size = os.fstat(fd).st_size

    @classmethod
    def open(cls, path: Path, name: str | None = None) -> OpenFile:
        """Open `path`; raises OSError. A blocking special file is refused by the caller's checks."""
        return cls(os.open(path, os.O_RDONLY | os.O_CLOEXEC), name or path.name)

    def pread(self, length: int, offset: int) -> bytes:
        return os.pread(self._descriptor.fd, length, offset)

    def blob(self, name: str) -> FileBlob:
        """All of it as a blob called `name`."""
        return FileBlob(self, name)


class PathFile:
    """A regular file that is opened when it is read: a directory may hold more blobs than a process may open files."""

    spooled = False

    def __init__(self, path: Path, name: str) -> None:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "no regular file")
        self.name = name
        self.size = status.st_size
        self._path = str(path)
        self._identity = (status.st_dev, status.st_ino)

    def pread(self, length: int, offset: int) -> bytes:
        # The name keeps the descriptor open while another thread has it dropped from the cache.
        descriptor = _descriptor(self._path, self._identity)
        return os.pread(descriptor.fd, length, offset)

    def blob(self, name: str) -> FileBlob:
        """All of it as a blob called `name`."""
        return FileBlob(self, name)


@lru_cache(maxsize=OPEN_FILES)
def _descriptor(path: str, identity: tuple[int, int]) -> Descriptor:
    """The file at `path`, if it is still the one that was found there."""
    descriptor = Descriptor(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW))
    status = os.fstat(descriptor.fd)
    if (status.st_dev, status.st_ino) != identity:
        raise OSError(errno.ESTALE, "the file was replaced while it was read")
    return descriptor


class FileBlob(Blob):
    """All of a file."""

    def __init__(self, file: File, name: str) -> None:
        super().__init__(name, file.size)
        self._pread = file.pread
        self._spooled = file.spooled

    @property
    def spooled(self) -> bool:
        return self._spooled

    def pread(self, length: int, offset: int) -> bytes:
        return self._pread(min(length, self.size - offset), offset) if offset < self.size else b""


class PartOfBlob(Blob):
    """A range of another blob, which may be cut short."""

    def __init__(self, whole: Blob, name: str, offset: int, size: int) -> None:
        super().__init__(name, size)
        self._whole = whole
        self._offset = offset

    @property
    def spooled(self) -> bool:
        return self._whole.spooled

    def pread(self, length: int, offset: int) -> bytes:
        length = min(length, self.size - offset)
        return self._whole.pread(length, self._offset + offset) if length > 0 else b""
