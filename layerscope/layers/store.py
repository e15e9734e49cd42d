"""A folder of cache entries: private, limited in size, and safe to share or delete at any time.

Entries are written to a temporary file and renamed, so that readers always see complete ones. A damaged entry counts as
missing. An unusable folder is detected on writing and reported in `problem`; everything works without a cache.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass  # Tab needs the folder alone, without msgspec
from pathlib import Path
from typing import TYPE_CHECKING

from layerscope import __version__
from layerscope.files import open_regular, replacing

if TYPE_CHECKING:
    from layerscope.layers.packing import Packed

FORMAT = 28
"""Increase it when the meaning of entries changes within one version of layerscope."""
DEFAULT_SIZE = 1_000_000_000
"""Default maximum size of all entries in bytes."""

_FOLDER = re.compile(r"entries-[0-9A-Za-z.+-]+")
_ENTRY = re.compile(r"[0-9a-f]{64}\.[a-z]+")
_KEY_NAME = "entry"
"""Name of the value with an entry's own key: an entry copied over another one is invalid."""
_TEMPORARY = "writing-"
_ABANDONED_SECONDS = 3600
"""Seconds after which a temporary file is abandoned."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the cache."""

    path: Path
    size: int
    used: int
    """When it was last read or written, in ns since 1970."""


class Store:
    """Entries in `folder`, at most `size` bytes."""

    def __init__(self, folder: Path, size: int = DEFAULT_SIZE) -> None:
        self.folder = folder
        self.size = size
        self.problem: str | None = None
        """Why the folder is unusable; None if it is usable."""
        self.grown = False
        """Whether anything was written since the last `trim`."""
        self._entries = folder / f"entries-{__version__}-{FORMAT}"
        self._writable = size > 0
        self._private: bool | None = None

    @staticmethod
    def key(*parts: object) -> str:
        """A key that is equal for equal `parts`, which consist of plain numbers and strings."""
        import hashlib  # shell completion and the first frame need only the folder

        import msgspec

        return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()

    def is_usable(self) -> bool:
        """Whether entries can be written; creates the folder."""
        try:
            return self._writable and (self._is_private() or self._prepare())
        except OSError as error:
            self._writable = False
            self.problem = f"cannot write to {self.folder}: {error.strerror or error}"
            return False

    def has(self, kind: str, key: str) -> bool:
        """Whether the entry exists, damaged or not."""
        try:
            return self._is_private() and self._path(kind, key).is_file()
        except OSError:
            return False

    def read(self, kind: str, key: str) -> Packed | None:
        """An entry, marked as most recently used; None if missing or unusable."""
        from layerscope.layers.packing import DamagedEntryError, read_packed

        path = self._path(kind, key)
        try:
            if not self._is_private():
                return None
            with open(path, "rb", buffering=0, opener=open_regular) as stream:
                packed = read_packed(stream)
            if packed.values.get(_KEY_NAME) != path.name:
                raise DamagedEntryError
        except DamagedEntryError:
            self.forget(kind, key)
            return None
        except OSError:  # missing, not a file, or unreadable: only this entry is lost
            return None
        with suppress(OSError):
            os.utime(path)
        return packed

    def write(self, kind: str, key: str, packed: Packed) -> None:
        """Write or replace an entry; errors only set `problem`."""
        from layerscope.layers.packing import pack

        # Every item takes at least one byte: do not pack an entry that cannot fit.
        if not self._writable or sum(part.size for part in packed.arrays.values()) > self.size:
            return
        path = self._path(kind, key)
        pieces = pack(_with_key(packed, path))
        if sum(map(len, pieces)) > self.size:
            return
        try:
            if not (self._private or self._prepare()):
                return
            try:
                _write(path, pieces)
            except FileNotFoundError:  # the folder was removed meanwhile
                if not self._prepare():
                    return
                _write(path, pieces)
            except IsADirectoryError:
                if _is_blocked(path):
                    return
                _write(path, pieces)
            self.grown = True
        except OSError as error:
            self._writable = False
            why = error.strerror or error
            self.problem = self.problem or f"cannot write to {self.folder}: {why}"

    def forget(self, kind: str, key: str) -> None:
        """Remove an unusable entry."""
        with suppress(OSError):
            self._path(kind, key).unlink()

    def entries(self) -> list[Entry]:
        """All entries, of all versions, least recently used first."""
        return _entries_of(self._files())

    def trim(self) -> None:
        """Remove the least recently used entries until the others fit."""
        self.grown = False
        files = list(self._files())
        abandoned = time.time_ns() - _ABANDONED_SECONDS * 10**9
        for file in files:
            if file.path.name.startswith(_TEMPORARY) and file.used < abandoned:
                _remove(file)
        entries = _entries_of(files)
        excess = sum(entry.size for entry in entries) - self.size
        for entry in entries:
            if excess <= 0:
                return
            _remove(entry)
            excess -= entry.size

    def clear(self) -> list[Entry]:
        """Remove all entries and no other files; returns the removed entries. Raises OSError."""
        removed = []
        for file in self._files():
            file.path.unlink(missing_ok=True)
            if _ENTRY.fullmatch(file.path.name):
                removed.append(file)
        for folder in (*self._folders(), self.folder):
            with suppress(OSError):  # in use by a writer, or not empty
                folder.rmdir()
        return removed

    def _path(self, kind: str, key: str) -> Path:
        return self._entries / f"{key}.{kind}"

    def _folders(self) -> Sequence[Path]:
        """Folders of entries of all versions."""
        try:
            with os.scandir(self.folder) as listed:
                return [
                    Path(each.path)
                    for each in listed
                    if _FOLDER.fullmatch(each.name) and each.is_dir(follow_symlinks=False)
                ]
        except OSError:
            return []

    def _files(self) -> Iterator[Entry]:
        """Entries and temporary files."""
        for folder in self._folders():
            try:
                with os.scandir(folder) as listed:
                    for each in listed:
                        ours = _ENTRY.fullmatch(each.name) or each.name.startswith(_TEMPORARY)
                        if ours and not each.is_dir(follow_symlinks=False):
                            with suppress(FileNotFoundError):  # removed by another process
                                status = each.stat(follow_symlinks=False)
                                yield Entry(Path(each.path), status.st_size, status.st_mtime_ns)
            except OSError:
                continue

    def _prepare(self) -> bool:
        """Create the private folder; returns whether it is private. Raises OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._entries.mkdir(mode=0o700, exist_ok=True)
        self._private = self._check()
        return self._private

    def _is_private(self) -> bool:
        """Whether only this user can write to the folder: others could control what is shown."""
        private = self._private
        if private is None:
            try:
                private = self._private = self._check()
            except OSError:
                return False  # writing reports the reason
        return private

    def _check(self) -> bool:
        """Like `_is_private`, without caching. Raises OSError if the folder is missing."""
        status = self._entries.lstat()
        private = (
            stat.S_ISDIR(status.st_mode)
            and status.st_uid == os.geteuid()
            and not status.st_mode & 0o022
        )
        if not private:
            self._writable = False
            self.problem = f"{self._entries}: others can write to it"
        return private


class PrivateStore(Store):
    """Entries of this run only, without a size limit, and with any values."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, sys.maxsize)

    def write(self, kind: str, key: str, packed: Packed) -> None:
        """Write or replace an entry. Raises OSError."""
        from layerscope.layers.packing import pack

        path = self._path(kind, key)
        if not self._prepare():
            raise OSError(errno.EPERM, "others can write to it", str(self.folder))
        _write(path, pack(_with_key(packed, path), any_values=True))


def _with_key(packed: Packed, path: Path) -> Packed:
    from layerscope.layers.packing import Packed

    return Packed({**packed.values, _KEY_NAME: path.name}, packed.arrays)


def _write(path: Path, pieces: Sequence[bytes | memoryview]) -> None:
    """Write an entry. Raises OSError."""
    with replacing(path, prefix=_TEMPORARY, mode=0o600) as stream:
        stream.writelines(pieces)


def _entries_of(files: Iterable[Entry]) -> list[Entry]:
    """The entries among files of the cache, least recently used first."""
    return sorted(
        (file for file in files if _ENTRY.fullmatch(file.path.name)), key=lambda file: file.used
    )


def _remove(entry: Entry) -> None:
    with suppress(OSError):
        entry.path.unlink()


def _is_blocked(path: Path) -> bool:
    """Whether a non-empty folder has the path of an entry; an empty folder is removed."""
    if path.is_symlink() or not path.is_dir():
        return False
    with suppress(OSError):
        path.rmdir()
    return path.is_dir()
