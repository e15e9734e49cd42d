"""Packages of rpm, from its SQLite database (rpm 4.16 and later); older Berkeley and ndb databases are not read.

A row of `Packages` is a header without its magic: two counts, an index of 16 bytes a tag, and the data (rpm's file format,
"Header Format").
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator

from layerscope.analysis.findings.evidence import Evidence
from layerscope.analysis.packages.model import Listed
from layerscope.analysis.packages.shelf import Shelf

_NAME, _VERSION, _RELEASE = 1000, 1001, 1002
_DIRINDEXES, _BASENAMES, _DIRNAMES = 1116, 1117, 1118
_INT32, _STRING, _STRINGS, _I18N = 4, 6, 8, 9
_MOST = 1_000_000
"""Items of one tag."""


class Rpm(Shelf):
    """The database of rpm."""

    kind = "rpm"

    def __init__(self, evidence: Evidence) -> None:
        super().__init__(
            evidence,
            "/var/lib/rpm/rpmdb.sqlite",
            "/usr/lib/sysimage/rpm/rpmdb.sqlite",
            "/usr/share/rpm/rpmdb.sqlite",
            largest=256 << 20,
        )

    def packages(self) -> Iterator[Listed]:
        """All that are installed; none of a database that SQLite does not take for one."""
        for book, _, data in self.books():
            for blob in _rows(data):
                try:
                    tags = _tags(blob)
                    listed = _listed(tags, book)
                except (struct.error, IndexError, ValueError):
                    continue
                if listed is not None:
                    yield listed


def _rows(data: bytes) -> list[bytes]:
    """The headers of a database, which is read in memory and never written."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(_as_rollback(data))
        rows = connection.execute("SELECT blob FROM Packages").fetchall()
    except sqlite3.Error:
        return []
    finally:
        connection.close()
    return [row[0] for row in rows if isinstance(row[0], bytes)]


def _as_rollback(data: bytes) -> bytes:
    """A database in WAL mode cannot be opened from memory: bytes 18 and 19 say which mode it is in (SQLite file format)."""
    return data[:18] + b"\x01\x01" + data[20:] if data[18:20] == b"\x02\x02" else data


def _listed(tags: dict[int, list[bytes] | list[int]], book: int) -> Listed | None:
    names = _texts(tags.get(_NAME))
    if not names:
        return None
    version = b"-".join([*_texts(tags.get(_VERSION)), *_texts(tags.get(_RELEASE))])
    folders, bases = _texts(tags.get(_DIRNAMES)), _texts(tags.get(_BASENAMES))
    indexes = [index for index in tags.get(_DIRINDEXES, []) if isinstance(index, int)]
    files = [
        folders[index].lstrip(b"/") + base
        for index, base in zip(indexes, bases, strict=False)
        if 0 <= index < len(folders)
    ]
    return Listed(
        names[0].decode(errors="surrogateescape"),
        version.decode(errors="surrogateescape"),
        files,
        book=book,
    )


def _texts(values: list[bytes] | list[int] | None) -> list[bytes]:
    return [value for value in values or [] if isinstance(value, bytes)]


def _tags(blob: bytes) -> dict[int, list[bytes] | list[int]]:
    """The tags that are wanted here. Raises struct.error, IndexError or ValueError for what is no header."""
    count, size = struct.unpack_from(">II", blob)
    start = 8 + 16 * count
    if start + size > len(blob):
        raise ValueError("the header is cut")
    store = blob[start : start + size]
    found: dict[int, list[bytes] | list[int]] = {}
    for number in range(count):
        tag, kind, offset, items = struct.unpack_from(">IIII", blob, 8 + 16 * number)
        if tag not in (_NAME, _VERSION, _RELEASE, _DIRINDEXES, _BASENAMES, _DIRNAMES):
            continue
        if items > _MOST:
            raise ValueError("too many items")
        if kind == _INT32:
            found[tag] = list(struct.unpack_from(f">{items}I", store, offset))
        elif kind in (_STRING, _STRINGS, _I18N):
            found[tag] = store[offset:].split(b"\0", items)[:items]
    return found
