"""What identifies the bytes of a file without reading them, and whether a file still holds the bytes it was opened with."""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from pathlib import Path

CLOCK_NS = 20_000_000
"""Nanoseconds in which two writes to a file may leave the same time: kernels' ticks are shorter."""
COARSE_CLOCK_NS = 2_000_000_000
"""The same on file systems that know whole seconds only."""

Identity = tuple[int | str, ...]
"""What is equal for two blobs only if their bytes are, without reading them."""


CHANGED = "the file changed while it was open; open it again"


class FileChangedError(OSError):
    """A file that no longer holds the bytes it held when the image was opened."""

    def __init__(self, name: str | None = None) -> None:
        """`name` is the file's, in the user's words."""
        super().__init__(errno.ESTALE, CHANGED, name)


def file_identity(status: os.stat_result) -> Identity | None:
    """The identity of a file as it is now; None if it was written to so lately that the next write may not show.

    The time of the last change stands beside that of the last modification, as anybody can set the latter back.
    """
    changed = status.st_ctime_ns
    clock = CLOCK_NS if changed % 1_000_000_000 else COARSE_CLOCK_NS
    if changed + clock > time.time_ns():
        return None
    return (*_content_status(status), changed)


class FileWatch:
    """Detects that a file was written to since `status` was taken.

    Renaming and deleting a file, a further hard link, and other permissions move its ctime too, but leave the content
    alone: where one of these shows, an otherwise equal file counts as unchanged.
    """

    def __init__(self, status: os.stat_result, name: str, descriptor: int | None = None) -> None:
        """`name` is for errors; `descriptor` is the open file, if it stays open."""
        self._name = name
        self.changed = False
        """Whether a change was found. It stays so: later reads could meet old and new bytes."""
        self._named = descriptor is not None
        self._seen = (_content_status(status), status.st_ctime_ns)
        self._other_status = _other_status(status, descriptor)

    def check(self, descriptor: int) -> None:
        """Raise `FileChangedError` if the open file has changed. Called after its bytes were read."""
        if self.changed:
            raise FileChangedError(self._name)
        status = os.fstat(descriptor)
        seen = (_content_status(status), status.st_ctime_ns)
        if seen == self._seen:
            return
        others = _other_status(status, descriptor if self._named else None)
        if seen[0] != self._seen[0] or others == self._other_status:
            self.changed = True
            raise FileChangedError(self._name)
        self._seen, self._other_status = seen, others


def _content_status(status: os.stat_result) -> tuple[int, ...]:
    """What writing to a file changes."""
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _other_status(status: os.stat_result, descriptor: int | None) -> tuple[int | str, ...]:
    """What moves a file's ctime without a write: its attributes, and its name where it is open and the system knows it."""
    name = ""
    if descriptor is not None:
        with suppress(OSError):  # no Linux: a file that is moved elsewhere counts as changed
            name = str(Path(f"/proc/self/fd/{descriptor}").readlink())
    return (status.st_nlink, status.st_mode, status.st_uid, status.st_gid, name)
