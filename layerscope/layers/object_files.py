"""The folder where composefs stores the contents of one layer's files, each once, named by its SHA-256.

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
    """The files in `folder`, by the names that the table of contents gives them; `table` reads that table.

    Raises OSError if the folder cannot be opened.
    """

    def __init__(self, folder: Path, table: Callable[[], bytes]) -> None:
        super().__init__(folder)
        self._table = table
        self._lock = threading.Lock()
        self._known: tuple[StringTable, bytes] | OSError | None = None

    def identity_of_all(self) -> Identity | None:
        every = super().identity_of_all()
        return None if every is None else (*every, hashlib.sha256(self._table()).hexdigest())

    def pread(self, name: bytes, length: int, offset: int) -> bytes:
        names, digests = self._objects()
        cleaned = _cleaned(name)
        place = bisect_left(names, cleaned)
        if place == len(names) or names[place] != cleaned:
            raise FileNotFoundError(
                errno.ENOENT, "the layer's table of contents does not name the file"
            )
        digest = digests[_SIZE * place : _SIZE * (place + 1)].hex()
        return super().pread(f"{digest[:2]}/{digest[2:]}".encode(), length, offset)

    def _objects(self) -> tuple[StringTable, bytes]:
        """All names in byte order, and the concatenated digests of their contents. Raises OSError."""
        with self._lock:
            if self._known is None:
                try:
                    self._known = _read(self._table())
                except OSError as error:
                    self._known = error
        if isinstance(self._known, OSError):
            raise self._known
        return self._known


class _Entry(msgspec.Struct):
    type: str = ""
    name: str = ""
    digest: str = ""


class _Table(msgspec.Struct):
    entries: list[_Entry]


def _read(table: bytes) -> tuple[StringTable, bytes]:
    """The regular files of a table of contents; the last of one name counts. Raises OSError if it is damaged."""
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
