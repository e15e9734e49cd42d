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

from layerscope.errors import ContentsNotSavedError
from layerscope.layers.file_identity import FileChangedError, FileWatch, Identity, file_identity

CHUNK = 1 << 18
"""Bytes per read when a blob is read sequentially."""
HEAD = 512
"""Number of bytes that tell a tar from compressed ones."""
OPEN_FILES = 32
"""Maximum number of descriptors kept open for files that are opened by path, far below any system's limit."""


_ZEROS = bytes(CHUNK)


def zeros(count: int) -> Iterator[bytes]:
    """`count` zero bytes, in pieces of at most `CHUNK`; nothing for a negative count."""
    while count > 0:
        yield _ZEROS[: min(count, CHUNK)]
        count -= CHUNK


class Blob(ABC):
    """`size` bytes, called `name` in errors. Reading is thread-safe."""

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self._size = size
        self._first_bytes: bytes | None = None

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self._size

    @abstractmethod
    def pread(self, length: int, offset: int) -> bytes:
        """Up to `length` bytes from `offset`; fewer only at the end of the blob or of a truncated file."""

    @property
    def spooled(self) -> bool:
        """Whether the bytes have already passed through memory, and are in a private copy."""
        return False

    @property
    def scattered(self) -> bool:
        """Whether contents are in separate files, so that reading across a gap between them is slow."""
        return False

    @property
    def ranged(self) -> bool:
        """Whether each read is a network request: `chunks` fetches only the requested part, `pread` may fetch everything."""
        return False

    def forbid_full_fetch(self) -> None:  # noqa: B027  # other blobs are not fetched
        """Make a ranged blob raise OSError instead of fetching all of it."""

    def has_ztoc(self, *, vouched_for: bool = False) -> bool:  # noqa: ARG002
        """Whether a table of contents is stored beside the blob (SOCI); with `vouched_for`, one that is as trustworthy as the blob."""
        return False

    def ztoc(self, max_bytes: int) -> bytes | None:  # noqa: ARG002
        """The table of contents that is stored beside the blob; None without a readable one of at most `max_bytes`."""
        return None

    @property
    def identity(self) -> Identity | None:
        """A value that identifies these bytes without reading them, taken before the first read; None if unknown.

        It may be the digest if the store guarantees its digests.
        """
        return None

    def changed(self) -> bool:
        """Whether the bytes may have changed since `identity` was taken."""
        return False

    @property
    def overwritten(self) -> bool:
        """Whether the file was written to since it was opened: `pread` raises `FileChangedError`."""
        return False

    @property
    def read_identity(self) -> Identity | None:
        """Like `identity`, but of the bytes as read, not only as declared."""
        return self.identity

    def read_changed(self) -> bool:
        """Whether the bytes may have changed since `read_identity` was first taken."""
        return self.changed()

    def place(self) -> tuple[int, int] | None:
        """Descriptor of the open file with these bytes, and their offset in it; None if they are not in one file."""
        return None

    @property
    def head(self) -> bytes:
        """The first `HEAD` bytes, read once. Raises as `pread` does."""
        # A cached property of Python 3.11 would read only one blob at a time.
        if self._first_bytes is None:
            self._first_bytes = self.pread(HEAD, 0)
        return self._first_bytes

    @property
    def is_tar(self) -> bool:
        """Whether the bytes are known to be a plain tar, so that the compression is not detected."""
        return False

    @property
    def digest(self) -> str | None:
        """The digest of these bytes if it is guaranteed, because `pread` fails for other bytes; otherwise None."""
        return None

    def keep(self) -> None:  # noqa: B027  # most blobs can be read again
        """Keep a copy of bytes that are read from now on, because they will be read again."""

    def abandon(self) -> None:  # noqa: B027  # most blobs are local
        """End pending network reads soon, because they are no longer needed."""

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
        """All bytes. Only for documents whose size was checked before."""
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
    """A blob that is not stored: reading it raises OSError with the reason."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(name, 0)
        self.why = why

    def pread(self, length: int, offset: int) -> bytes:  # noqa: ARG002  # always fails
        raise OSError(errno.ENOENT, self.why)

    def chunks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:  # noqa: ARG002
        yield self.pread(CHUNK, start)


class UnsavedBlob(Blob):
    """A layer of a saved image, which has no contents: reading it raises `ContentsNotSavedError`."""

    def __init__(self, name: str, file: str) -> None:
        """`file` is the saved image."""
        super().__init__(name, 0)
        self.file = file

    def pread(self, length: int, offset: int) -> bytes:  # noqa: ARG002  # always fails
        raise ContentsNotSavedError(self.file)


class Descriptor:
    """A file descriptor that is closed with its last reader."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        close(self.fd)


class File(Protocol):
    """A file that contains blobs."""

    name: str
    size: int
    spooled: bool
    identity: Identity | None
    watch: FileWatch

    def pread(self, length: int, offset: int) -> bytes:
        """Up to `length` bytes from `offset`. Raises OSError, and `FileChangedError` if it changed."""

    def changed(self) -> bool:
        """Whether it may have changed since `identity` was taken."""

    def descriptor(self) -> int | None:
        """The descriptor, open as long as this object exists; None if the file is opened for each read."""


class OpenFile:
    """A file that stays open as long as one of its blobs is in use, even if it is deleted.

    A `spooled` file is a copy with the identity of `origin`, the blob that it was made from.
    """

    def __init__(
        self, fd: int, name: str, *, spooled: bool = False, origin: Blob | None = None
    ) -> None:
        self._descriptor = Descriptor(fd)
        self._origin = origin
        self.name = name
        self.spooled = spooled
        status = os.fstat(fd)
        self.size = status.st_size
        self.watch = FileWatch(status, name, fd)
        self.identity: Identity | None = None
        if origin is not None and origin.identity is not None:
            self.identity = ("unpacked", *origin.identity)
        elif not spooled:
            self.identity = file_identity(status)

    @classmethod
    def open(cls, path: Path, name: str | None = None) -> OpenFile:
        """Open `path`. Raises OSError. The caller must have checked that it is a regular file."""
        return cls(os.open(path, os.O_RDONLY | os.O_CLOEXEC), name or path.name)

    def pread(self, length: int, offset: int) -> bytes:
        data = os.pread(self._descriptor.fd, length, offset)
        if not self.spooled:
            self.watch.check(self._descriptor.fd)
        return data

    def descriptor(self) -> int | None:
        """The descriptor, which stays open as long as this object exists."""
        return self._descriptor.fd

    def changed(self) -> bool:
        if self._origin is not None:
            return self._origin.changed()
        if self.spooled:
            return False  # the copy is private
        return file_identity(os.fstat(self._descriptor.fd)) != self.identity

    def blob(self, name: str) -> FileBlob:
        """The whole file as a blob called `name`."""
        return FileBlob(self, name)


class PathFile:
    """A regular file that is opened for each read, as a directory may have more blobs than a process may have open files."""

    spooled = False

    def __init__(self, path: Path, name: str) -> None:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        self.name = name
        self.size = status.st_size
        self.identity = file_identity(status)
        self.watch = FileWatch(status, name)
        self._path = str(path)
        self._place = (status.st_dev, status.st_ino)

    def pread(self, length: int, offset: int) -> bytes:
        # The reference keeps the descriptor open if another thread drops it from the cache.
        try:
            descriptor = _descriptor(self._path, self._place)
        except FileChangedError:
            self.watch.changed = True
            raise FileChangedError(self.name) from None
        data = os.pread(descriptor.fd, length, offset)
        self.watch.check(descriptor.fd)
        return data

    def descriptor(self) -> int | None:
        return None

    def changed(self) -> bool:
        return file_identity(os.lstat(self._path)) != self.identity

    def blob(self, name: str) -> FileBlob:
        """The whole file as a blob called `name`."""
        return FileBlob(self, name)


@lru_cache(maxsize=OPEN_FILES)
def _descriptor(path: str, place: tuple[int, int]) -> Descriptor:
    """A descriptor of `path`, if it is still the same file."""
    descriptor = Descriptor(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW))
    status = os.fstat(descriptor.fd)
    if (status.st_dev, status.st_ino) != place:
        raise FileChangedError
    return descriptor


class FileBlob(Blob):
    """A complete file."""

    def __init__(self, file: File, name: str) -> None:
        super().__init__(name, file.size)
        self._file = file

    @property
    def spooled(self) -> bool:
        return self._file.spooled

    @property
    def identity(self) -> Identity | None:
        return self._file.identity

    def changed(self) -> bool:
        try:
            return self._file.changed()
        except OSError:
            return True

    @property
    def overwritten(self) -> bool:
        return self._file.watch.changed

    def place(self) -> tuple[int, int] | None:
        descriptor = self._file.descriptor()
        return None if descriptor is None else (descriptor, 0)

    def pread(self, length: int, offset: int) -> bytes:
        return (
            self._file.pread(min(length, self.size - offset), offset) if offset < self.size else b""
        )


class BlobRange(Blob):
    """A range of another blob, which may be truncated."""

    def __init__(self, parent: Blob, name: str, offset: int, size: int) -> None:
        super().__init__(name, size)
        self._parent = parent
        self._offset = offset

    @property
    def spooled(self) -> bool:
        return self._parent.spooled

    @property
    def identity(self) -> Identity | None:
        parent = self._parent.identity
        return None if parent is None else (*parent, self._offset, self.size)

    def changed(self) -> bool:
        return self._parent.changed()

    @property
    def overwritten(self) -> bool:
        return self._parent.overwritten

    def place(self) -> tuple[int, int] | None:
        parent = self._parent.place()
        return None if parent is None else (parent[0], parent[1] + self._offset)

    def pread(self, length: int, offset: int) -> bytes:
        length = min(length, self.size - offset)
        return self._parent.pread(length, self._offset + offset) if length > 0 else b""
