"""Identifies the bytes of a file without reading them, and detects whether an open file was modified."""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from pathlib import Path

CLOCK_NS = 20_000_000
"""Nanoseconds within which two writes may get the same timestamp; kernel ticks are shorter."""
COARSE_CLOCK_NS = 2_000_000_000
"""The same for file systems with timestamps in whole seconds."""

Identity = tuple[int | str, ...]
"""A value that is equal for two blobs only if their bytes are."""


CHANGED = "the file changed while it was open; open it again"


class FileChangedError(OSError):
    """A file was modified since the image was opened."""

    def __init__(self, name: str | None = None) -> None:
        """`name` is the file's name for the user."""
        super().__init__(errno.ESTALE, CHANGED, name)


def file_identity(status: os.stat_result) -> Identity | None:
    """The current identity of a file; None if it was written so recently that another write might not change its times.

    It includes ctime, because anyone can reset mtime.
    """
    changed = status.st_ctime_ns
    clock = CLOCK_NS if changed % 1_000_000_000 else COARSE_CLOCK_NS
    if changed + clock > time.time_ns():
        return None
    return (*_content_status(status), changed)


class FileWatch:
    """Detects that a file was modified since `status` was taken.

    Renaming, deleting, linking and changing permissions also change ctime, but not the content: if one of these explains
    the new ctime, the file counts as unmodified.
    """

    def __init__(self, status: os.stat_result, name: str, descriptor: int | None = None) -> None:
        """`name` is for errors; `descriptor` is the open file, if it stays open."""
        self._name = name
        self.changed = False
        """Whether a modification was found. Never reset: later reads could mix old and new bytes."""
        self._named = descriptor is not None
        self._state = (_content_status(status), status.st_ctime_ns)
        self._other_status = _other_status(status, descriptor)

    def check(self, descriptor: int) -> None:
        """Raise `FileChangedError` if the open file was modified. Call it after reading."""
        if self.changed:
            raise FileChangedError(self._name)
        status = os.fstat(descriptor)
        state = (_content_status(status), status.st_ctime_ns)
        if state == self._state:
            return
        other_status = _other_status(status, descriptor if self._named else None)
        if state[0] != self._state[0] or other_status == self._other_status:
            self.changed = True
            raise FileChangedError(self._name)
        self._state, self._other_status = state, other_status


def _content_status(status: os.stat_result) -> tuple[int, ...]:
    """The fields that change when a file is written."""
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _other_status(status: os.stat_result, descriptor: int | None) -> tuple[int | str, ...]:
    """Other fields whose changes update ctime: attributes, and the name of an open file if the system knows it."""
    name = ""
    if descriptor is not None:
        with suppress(OSError):  # not Linux: a moved file counts as modified
            name = str(Path(f"/proc/self/fd/{descriptor}").readlink())
    return (status.st_nlink, status.st_mode, status.st_uid, status.st_gid, name)
