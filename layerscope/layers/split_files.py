"""Reads the folder where a store keeps the contents of one layer's files. Symlinks are never followed, not even in parents."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from functools import lru_cache
from pathlib import Path

from layerscope.layers.blob import Descriptor
from layerscope.layers.file_identity import FileChangedError, Identity, file_identity

OPEN_FOLDERS = 64
"""Maximum number of folders kept open for all layers: files of one folder are usually read one after another."""

OF_ANOTHER_USER = "its file in the store belongs to another user: run podman unshare layerscope … or sudo layerscope …"
"""In a rootless store, files of other users in the image belong to subordinate user IDs."""


class SplitFiles:
    """The files in `folder`. Raises OSError if it cannot be opened."""

    def __init__(self, folder: Path) -> None:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        self._folder = Descriptor(os.open(folder, flags))
        self._since = time.time_ns()
        self.overwritten = False
        """Whether a file was found to be modified since the folder was opened."""
        self.identity = file_identity(os.fstat(self._folder.fd))
        """Identity of the folder itself, which changes when anything directly in it is created, renamed or removed."""

    def changed(self) -> bool:
        """Whether the folder changed since `identity` was taken."""
        return file_identity(os.fstat(self._folder.fd)) != self.identity

    def identity_of_all(self) -> Identity | None:
        """A value that changes if any file does, from the status of all files; None if a file was modified just now."""
        hasher = hashlib.sha256()
        pending = [b""]
        try:
            while pending:
                place = pending.pop()
                folder = self._folder_at(place)
                with os.scandir(folder.fd) as entries:
                    sorted_entries = sorted((os.fsencode(entry.name), entry) for entry in entries)
                for name, entry in sorted_entries:
                    status = entry.stat(follow_symlinks=False)
                    identity = file_identity(status)
                    if identity is None:
                        return None
                    path = place + b"/" + name if place else name
                    hasher.update(b"%b\0%o" % (path, status.st_mode))
                    hasher.update(repr(identity).encode())
                    if stat.S_ISDIR(status.st_mode):
                        pending.append(path)
        except OSError:
            return None
        return (hasher.hexdigest(),)

    def pread(self, name: bytes, length: int, offset: int) -> bytes:
        """Up to `length` bytes of a regular file. Raises OSError, also if it was modified since the folder was opened."""
        parts = [part for part in name.split(b"/") if part not in (b"", b".", b"..")]
        if not parts:
            raise FileNotFoundError(errno.ENOENT, "a content has no name in the store")
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            folder = self._folder_at(b"/".join(parts[:-1]))
            file = os.open(parts[-1], flags, dir_fd=folder.fd)
        except PermissionError as error:
            raise PermissionError(error.errno, OF_ANOTHER_USER) from error
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                shown = os.fsdecode(parts[-1])
                raise FileNotFoundError(errno.ENOENT, f"{shown} is not a regular file in the store")
            data = os.pread(file, length, offset)
            if os.fstat(file).st_ctime_ns > self._since:
                self.overwritten = True
                raise FileChangedError(os.fsdecode(name))
            return data
        finally:
            os.close(file)

    def _folder_at(self, place: bytes) -> Descriptor:
        """Open a folder by its path relative to this one."""
        return _opened(self._folder, place) if place else self._folder


@lru_cache(maxsize=OPEN_FOLDERS)
def _opened(folder: Descriptor, place: bytes) -> Descriptor:
    """Open the folder at a path below another."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    for part in place.split(b"/"):
        folder = Descriptor(os.open(part, flags, dir_fd=folder.fd))
    return folder
