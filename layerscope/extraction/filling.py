"""Writes contents into open files, with holes, and sets permissions and times."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from layerscope.extraction.staging import new_file
from layerscope.filesystem.content_reader import placed
from layerscope.filesystem.inodes import Inodes
from layerscope.layers.blob import CHUNK
from layerscope.layers.contents import ContentCutError
from layerscope.progress import Progress, check

SPECIAL_BITS = 0o6000
"""setuid and setgid bits, which are never kept."""
_KEPT_BITS = 0o777


class WriteError(Exception):
    """Writing a file failed, as opposed to reading its content."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


class TooLargeError(Exception):
    """A sparse file exceeds the maximum file size of the filesystem."""


def fill(descriptor: int, stored: Iterator[bytes], inodes: Inodes, inode: int) -> int:
    """Write an inode's stored bytes at their offsets and return their number. Holes stay holes.

    Raises `ContentCutError`, `TooLargeError`, `WriteError`, and exceptions of reading.
    """
    sparse = inodes.sparse.get(inode)
    if sparse is not None:
        try:
            os.ftruncate(descriptor, sparse.real_size)
        except (OSError, OverflowError) as error:
            raise TooLargeError from error
        for offset, data in placed(stored, sparse):
            _put(descriptor, data, offset)
        return sparse.stored
    position = 0
    for data in stored:
        _put(descriptor, data, position)
        position += len(data)
    if position < int(inodes.columns.stored[inode]):
        raise ContentCutError
    return position


def keep_attributes(descriptor: int, inodes: Inodes, inode: int) -> bool:
    """Set time and permissions of a file where allowed. Returns whether it lost a setuid or setgid bit."""
    mode = int(inodes.columns.modes[inode])
    mtime = int(inodes.columns.mtimes[inode]) * 10**9
    with suppress(OSError, OverflowError, ValueError):
        os.utime(descriptor, ns=(mtime, mtime))
    with suppress(OSError):
        os.fchmod(descriptor, mode & _KEPT_BITS)
    return mode & SPECIAL_BITS > 0


def copy(source: int, old: bytes, folder: int, name: bytes, progress: Progress) -> int:
    """Copy a file, for filesystems without hard links, and return its size in bytes. Raises OSError and `WriteError`."""
    source_file = os.open(old, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=source)
    try:
        new = new_file(name, folder)
        try:
            offset = 0
            while data := os.pread(source_file, CHUNK, offset):
                check(progress)
                _put(new, data, offset)
                offset += len(data)
            os.fchmod(new, os.fstat(source_file).st_mode & _KEPT_BITS)
        finally:
            os.close(new)
    finally:
        os.close(source_file)
    return offset


def _put(descriptor: int, data: bytes, offset: int) -> None:
    """Write all of `data` at `offset`."""
    written = 0
    while written < len(data):
        try:
            written += os.pwrite(descriptor, data[written:] if written else data, offset + written)
        except OSError as error:
            raise WriteError(error) from error
