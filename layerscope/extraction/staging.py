"""Writing into a directory without ever following a link: all is done relative to open directories."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections import OrderedDict
from collections.abc import Callable

from layerscope.filesystem.paths import PathTable

OPEN_FOLDERS = 48
"""Directories that are kept open."""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Folders:
    """Open directories for the paths of a tree, below one that stands for the path `base`.

    Directories are opened component by component, and a link among them is an error (`ENOTDIR` or `ELOOP`), never followed.
    """

    def __init__(
        self, root: int, base: int, table: PathTable, name_of: Callable[[int], bytes]
    ) -> None:
        """`root` is an open directory, which stays open; `name_of` is how a path is called where it is written."""
        self._root = root
        self._base = base
        self._table = table
        self._name_of = name_of
        self._open: OrderedDict[int, int] = OrderedDict()

    def of(self, path: int) -> int:
        """The directory `path`. Raises OSError."""
        missing = []
        while path != self._base and path not in self._open:
            missing.append(path)
            path = int(self._table.parents[path])
        folder = self._root
        if path != self._base:
            self._open.move_to_end(path)
            folder = self._open[path]
        for child in reversed(missing):
            opened = os.open(self._name_of(child), _DIRECTORY, dir_fd=folder)
            self._open[child] = folder = opened
            if len(self._open) > OPEN_FOLDERS:
                _, eldest = self._open.popitem(last=False)
                os.close(eldest)
        return folder

    def above(self, path: int) -> int:
        """The directory that `path` lies in. Raises OSError."""
        return self.of(int(self._table.parents[path]))

    def close(self) -> None:
        """Close all but the root."""
        while self._open:
            os.close(self._open.popitem()[1])


def open_directory(path: bytes | str, folder: int | None = None) -> int:
    """A directory; in `folder` it may be no link. Raises OSError."""
    follow = _DIRECTORY if folder is not None else _DIRECTORY & ~os.O_NOFOLLOW
    return os.open(path, follow, dir_fd=folder)


def new_file(name: bytes, folder: int) -> int:
    """A new file that nobody else may read yet; whatever has that name already is an error. Raises OSError."""
    return os.open(name, _NEW_FILE, 0o600, dir_fd=folder)


def new_directory(folder: int) -> tuple[bytes, int]:
    """A new directory in `folder` with a name that nothing has, open to us alone: name and descriptor. Raises OSError."""
    while True:
        name = f".layerscope-{secrets.token_hex(6)}".encode()
        try:
            os.mkdir(name, 0o700, dir_fd=folder)
        except FileExistsError:
            continue
        return name, open_directory(name, folder)


def status(name: bytes, folder: int) -> os.stat_result | None:
    """What has this name, links not followed; None for nothing. Raises OSError."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def remove_tree(name: bytes, folder: int) -> None:
    """Remove a directory of ours and all in it, however deep. Raises OSError.

    Directories in it are moved up to its top, one after the other: no path gets long, and nothing recurses.
    """
    top = open_directory(name, folder)
    try:
        waiting: list[bytes] = [b"."]
        number = 0
        while waiting:
            emptied = waiting.pop()
            inner = open_directory(emptied, top)
            try:
                with os.scandir(inner) as found:
                    entries = [os.fsencode(entry.name) for entry in found]
                for entry in entries:
                    below = status(entry, inner)
                    if below is None or not stat.S_ISDIR(below.st_mode):
                        os.unlink(entry, dir_fd=inner)
                        continue
                    number += 1
                    moved = b".%d-%s" % (number, secrets.token_hex(4).encode())
                    os.rename(entry, moved, src_dir_fd=inner, dst_dir_fd=top)
                    waiting.append(moved)
            finally:
                os.close(inner)
            if emptied != b".":
                os.rmdir(emptied, dir_fd=top)
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=folder)


def is_name_refused(error: OSError) -> bool:
    """Whether a filesystem refuses a name, or has it for something else already, rather than being unable to write."""
    return error.errno in (
        errno.ENAMETOOLONG,
        errno.EINVAL,
        errno.EILSEQ,
        errno.ENOENT,
        errno.EEXIST,
        errno.ENOTDIR,
        errno.ELOOP,
        errno.EISDIR,
    )
