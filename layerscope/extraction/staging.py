"""Writes into a directory without following symlinks: every operation is relative to an open directory."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections import OrderedDict
from collections.abc import Callable

from layerscope.filesystem.paths import PathTable

OPEN_FOLDERS = 48
"""Maximum number of directories kept open."""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Folders:
    """Open directories for the paths of a tree, below the one that corresponds to the path `base`.

    Directories are opened component by component. A link among them is an error (`ENOTDIR` or `ELOOP`).
    """

    def __init__(
        self, root: int, base: int, table: PathTable, name_of: Callable[[int], bytes]
    ) -> None:
        """`root` is the descriptor of an open directory, which stays open; `name_of` gives the name of a path at the destination."""
        self._root = root
        self._base = base
        self._table = table
        self._name_of = name_of
        self._open: OrderedDict[int, int] = OrderedDict()

    def of(self, path: int) -> int:
        """Descriptor of the directory `path`. Raises OSError."""
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
                _, least_recent = self._open.popitem(last=False)
                os.close(least_recent)
        return folder

    def above(self, path: int) -> int:
        """Descriptor of the parent of `path`. Raises OSError."""
        return self.of(int(self._table.parents[path]))

    def close(self) -> None:
        """Close all but the root."""
        while self._open:
            os.close(self._open.popitem()[1])


def open_directory(path: bytes | str, folder: int | None = None) -> int:
    """Open a directory and return its descriptor; with `folder`, it must not be a link. Raises OSError."""
    follow = _DIRECTORY if folder is not None else _DIRECTORY & ~os.O_NOFOLLOW
    return os.open(path, follow, dir_fd=folder)


def new_file(name: bytes, folder: int) -> int:
    """Create a private file and return its descriptor. Raises OSError, also if the name exists."""
    return os.open(name, _NEW_FILE, 0o600, dir_fd=folder)


def new_directory(folder: int) -> tuple[bytes, int]:
    """Create a private directory in `folder` with a new name. Returns name and descriptor. Raises OSError."""
    while True:
        name = f".layerscope-{secrets.token_hex(6)}".encode()
        try:
            os.mkdir(name, 0o700, dir_fd=folder)
        except FileExistsError:
            continue
        return name, open_directory(name, folder)


def status(name: bytes, folder: int) -> os.stat_result | None:
    """The status of a name, not following links; None if it does not exist. Raises OSError."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def remove_tree(name: bytes, folder: int) -> None:
    """Remove a directory from `new_directory` with everything in it, at any depth. Raises OSError.

    Nested directories are moved to its top one by one, so that paths stay short and nothing recurses.
    """
    top = open_directory(name, folder)
    try:
        pending: list[bytes] = [b"."]
        number = 0
        while pending:
            current = pending.pop()
            inner = open_directory(current, top)
            try:
                with os.scandir(inner) as listing:
                    entries = [os.fsencode(entry.name) for entry in listing]
                for entry in entries:
                    entry_status = status(entry, inner)
                    if entry_status is None or not stat.S_ISDIR(entry_status.st_mode):
                        os.unlink(entry, dir_fd=inner)
                        continue
                    number += 1
                    moved = b".%d-%s" % (number, secrets.token_hex(4).encode())
                    os.rename(entry, moved, src_dir_fd=inner, dst_dir_fd=top)
                    pending.append(moved)
            finally:
                os.close(inner)
            if current != b".":
                os.rmdir(current, dir_fd=top)
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=folder)


def is_name_refused(error: OSError) -> bool:
    """Whether the filesystem rejects a name or uses it already, as opposed to failing to write."""
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
