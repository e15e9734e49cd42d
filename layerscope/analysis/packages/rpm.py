"""Packages of rpm, from its database: SQLite (rpm 4.16 and later), ndb (openSUSE, SLE) or Berkeley DB (before).

Each contains one header per package, without its magic: two counts, an index of 16 bytes per tag, and the data (rpm's file
format, "Header Format").
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from importlib import import_module

from layerscope.analysis.packages.database_files import DatabaseFiles, join_paths
from layerscope.analysis.packages.model import Listed
from layerscope.analysis.packages.rpm_database import UnreadableDatabaseError
from layerscope.progress import Progress

FOLDERS = ("/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm")
"""Where distributions keep it: traditionally, with a read-only /var, with rpm-ostree."""
READERS = {b"rpmdb.sqlite": "rpm_sqlite", b"Packages.db": "rpm_ndb", b"Packages": "rpm_bdb"}
"""The modules that read them by file name, newest format first: older files may remain after rpm converted its database."""

_NAME, _VERSION, _RELEASE, _EPOCH = 1000, 1001, 1002, 1003
_ARCHITECTURE, _SOURCE = 1022, 1044
_DIRINDEXES, _BASENAMES, _DIRNAMES = 1116, 1117, 1118
_INT32, _STRING, _STRINGS, _I18N = 4, 6, 8, 9
_MAX_ITEMS = 1_000_000
"""Maximum items of one tag."""


class Rpm(DatabaseFiles):
    """The database of rpm."""

    kind = "rpm"
    patterns = tuple(f"{folder}/{name.decode()}" for folder in FOLDERS for name in READERS)
    largest = 256 << 20
    needed = True

    def packages(self) -> Iterator[Listed]:
        """All installed packages: in each folder, those of the newest database that lists any."""
        folders: dict[str, list[tuple[int, bytes, bytes]]] = {}
        for database in self.files():
            folders.setdefault(self.evidence.name(database[0]).rpartition("/")[0], []).append(
                database
            )
        order = list(READERS)
        for databases in folders.values():
            for path, name, data in sorted(
                databases, key=lambda database: order.index(database[1])
            ):
                count = 0
                for listed in self._listed(path, name, data):
                    count += 1
                    yield listed
                if count:
                    break

    def _listed(self, path: int, name: bytes, data: bytes) -> Iterator[Listed]:
        """The packages of one database that could be read."""
        broken = total = 0
        try:
            for header in read_headers(name, data, self.evidence.progress):
                total += 1
                try:
                    listed = _listed(_tags(header or b""), path)
                except (struct.error, IndexError, ValueError):
                    listed = None
                if listed is None:
                    broken += 1
                else:
                    yield listed
        except UnreadableDatabaseError as error:
            self.report_problem(path, str(error))
        self.report_damage(path, broken, total)


def read_headers(name: bytes, data: bytes, progress: Progress) -> Iterator[bytes | None]:
    """The header of each package in a database of this file name. Raises as its reader does."""
    module = import_module(f"layerscope.analysis.packages.{READERS[name]}")
    headers: Callable[[bytes, Progress], Iterator[bytes | None]] = module.headers
    return headers(data, progress)


def _listed(tags: dict[int, list[bytes] | list[int]], database: int) -> Listed | None:
    """The package of a header, None if it has no name. Raises ValueError for impossibly long paths."""
    names = _texts(tags.get(_NAME))
    if not names:
        return None
    version = b"-".join([*_texts(tags.get(_VERSION)), *_texts(tags.get(_RELEASE))])
    folders, bases = _texts(tags.get(_DIRNAMES)), _texts(tags.get(_BASENAMES))
    indexes = [index for index in tags.get(_DIRINDEXES, []) if isinstance(index, int)]
    pairs = (
        (folders[index].lstrip(b"/"), base)
        for index, base in zip(indexes, bases, strict=False)
        if 0 <= index < len(folders)
    )
    files = join_paths(pairs, len(bases), sum(map(len, (*folders, *bases))))
    return Listed(
        names[0].decode(errors="surrogateescape"),
        version.decode(errors="surrogateescape"),
        files,
        database=database,
        qualifiers=_qualifiers(tags),
    )


def _qualifiers(tags: dict[int, list[bytes] | list[int]]) -> dict[str, str]:
    """The architecture, the source package as the name of its file, and the epoch if it has one."""
    qualifiers = {
        key: text[0].decode(errors="surrogateescape")
        for key, tag in (("arch", _ARCHITECTURE), ("upstream", _SOURCE))
        if (text := _texts(tags.get(tag)))
    }
    epochs = tags.get(_EPOCH)
    return qualifiers | ({"epoch": str(epochs[0])} if epochs else {})


def _texts(values: list[bytes] | list[int] | None) -> list[bytes]:
    return [value for value in values or [] if isinstance(value, bytes)]


def _tags(blob: bytes) -> dict[int, list[bytes] | list[int]]:
    """The tags used here. Raises struct.error, IndexError or ValueError for an invalid header."""
    count, size = struct.unpack_from(">II", blob)
    start = 8 + 16 * count
    if start + size > len(blob):
        raise ValueError("truncated header")
    store = blob[start : start + size]
    tags: dict[int, list[bytes] | list[int]] = {}
    for number in range(count):
        tag, kind, offset, items = struct.unpack_from(">IIII", blob, 8 + 16 * number)
        if tag in tags or tag not in (
            _NAME, _VERSION, _RELEASE, _EPOCH, _ARCHITECTURE, _SOURCE, _DIRINDEXES, _BASENAMES, _DIRNAMES
        ):  # fmt: skip
            continue
        if items > _MAX_ITEMS:
            raise ValueError("too many items")
        if kind == _INT32:
            tags[tag] = list(struct.unpack_from(f">{items}I", store, offset))
        elif kind in (_STRING, _STRINGS, _I18N):
            tags[tag] = store[offset:].split(b"\0", items)[:items]
    return tags
