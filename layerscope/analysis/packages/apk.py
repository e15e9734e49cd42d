"""Packages of apk (Alpine: lib/apk/db/installed, lines of a letter, a colon and a value)."""

from __future__ import annotations

from collections.abc import Iterator

from layerscope.analysis.packages.database_files import DatabaseFiles, join_paths
from layerscope.analysis.packages.model import Listed

_QUALIFIERS = {b"A:": "arch", b"o:": "upstream"}


class Apk(DatabaseFiles):
    """The database of apk."""

    kind = "apk"
    patterns = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")
    largest = 64 << 20
    needed = True

    def packages(self) -> Iterator[Listed]:
        """All installed packages: P is the name, V the version, A the architecture, o the source package, F a directory, R a file
        in it."""
        for database, _, text in self.files():
            parts = [part for part in text.split(b"\n\n") if part.strip()]
            broken = 0
            for part in parts:
                listed = _listed(part, database)
                if listed is None:
                    broken += 1
                else:
                    yield listed
                    broken += not listed.version
            self.report_damage(database, broken, len(parts))


def _listed(part: bytes, database: int) -> Listed | None:
    """The package of one record; None if it has no name or impossibly long paths."""
    name = version = folder = b""
    qualifiers = {}
    pairs = []
    folders = 0
    for line in part.splitlines():
        key, value = line[:2], line[2:]
        if key == b"P:":
            name = value
        elif key == b"V:":
            version = value
        elif key in _QUALIFIERS and value:
            qualifiers[_QUALIFIERS[key]] = value.decode(errors="surrogateescape")
        elif key == b"F:":
            folder = value + b"/" if value else b""
            folders += len(folder)
        elif key == b"R:":
            pairs.append((folder, value))
    if not name:
        return None
    try:
        files = join_paths(pairs, len(pairs), folders + sum(len(file) for _, file in pairs))
    except ValueError:
        return None
    return Listed(
        name.decode(errors="surrogateescape"),
        version.decode(errors="surrogateescape"),
        files,
        database=database,
        qualifiers=qualifiers,
    )
