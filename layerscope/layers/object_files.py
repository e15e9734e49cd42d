"""Reads the folder where composefs stores each content of one layer once, named by its SHA-256.

The layer's table of contents maps names to digests. It is JSON with a list of `entries`, as for zstd:chunked.
Source: containers/storage, pkg/chunked (`regularFilePathForValidatedDigest`; `FileMetadata` in internal/minimal).
"""

from __future__ import annotations

import errno
import hashlib
import re
import threading
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path

import msgspec

from layerscope.layers.file_identity import Identity
from layerscope.layers.split_files import SplitFiles
from layerscope.layers.strings import StringTable

_DIGEST = re.compile("sha256:[0-9a-f]{64}")
_SIZE = 32
"""Size of a SHA-256 in bytes."""


class ObjectFiles(SplitFiles):
    """The files in `folder`, by their names in the table of contents, which `table` reads.

    Raises OSError if the folder cannot be opened.
    """

    def __init__(self, folder: Path, table: Callable[[], bytes]) -> None:
        super().__init__(folder)
        self._table = table
        self._lock = threading.Lock()
        self._loaded: tuple[StringTable, bytes] | OSError | None = None

    def identity_of_all(self) -> Identity | None:
        files = super().identity_of_all()
        return None if files is None else (*files, hashlib.sha256(self._table()).hexdigest())

    def pread(self, name: bytes, length: int, offset: int) -> bytes:
        names, digests = self._objects()
        cleaned = _cleaned(name)
        index = bisect_left(names, cleaned)
        if index == len(names) or names[index] != cleaned:
            raise FileNotFoundError(
                errno.ENOENT, "the layer's table of contents does not name the file"
            )
        digest = digests[_SIZE * index : _SIZE * (index + 1)].hex()
        return super().pread(f"{digest[:2]}/{digest[2:]}".encode(), length, offset)

    def _objects(self) -> tuple[StringTable, bytes]:
        """All names in byte order, and the concatenated digests of their contents. Raises OSError."""
        with self._lock:
            if self._loaded is None:
                try:
                    self._loaded = _read(self._table())
                except OSError as error:
                    self._loaded = error
        if isinstance(self._loaded, OSError):
            raise self._loaded
        return self._loaded


class _Entry(msgspec.Struct):
    type: str = ""
    name: str = ""
    digest: str = ""


class _Table(msgspec.Struct):
    entries: list[_Entry]


def _read(table: bytes) -> tuple[StringTable, bytes]:
    """Names and digests of the regular files in a table of contents; the last of equal names counts. Raises OSError."""
    try:
        entries = msgspec.json.decode(table, type=_Table).entries
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise OSError(errno.EIO, "the layer's table of contents is damaged") from error
    digests = {
        _cleaned(entry.name.encode(errors="surrogatepass")): entry.digest
        for entry in entries
        if entry.type == "reg" and _DIGEST.fullmatch(entry.digest)
    }
    names = sorted(digests)
    return StringTable.of(names), b"".join(bytes.fromhex(digests[name][7:]) for name in names)


def _cleaned(name: bytes) -> bytes:
    """A name in the form used on both sides, without `.` and doubled slashes."""
    return b"/".join(part for part in name.split(b"/") if part not in (b"", b".", b".."))
