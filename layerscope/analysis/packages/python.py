"""Python distributions: NAME-VERSION.dist-info with a RECORD of files (packaging.python.org, "Recording installed projects")."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from layerscope.analysis.packages.database_files import DatabaseFiles, join_paths
from layerscope.analysis.packages.model import Listed


class Python(DatabaseFiles):
    """The records of all installed distributions."""

    kind = "python"
    patterns = ("**/*.dist-info/RECORD",)

    def packages(self) -> Iterator[Listed]:
        """All distributions with a RECORD, including those that another package manager installed."""
        table = self.evidence.filesystem.table
        for database, _, text in self.files():
            folder = int(table.parents[database])
            name, _, version = (
                table.name(folder)
                .removesuffix(b".dist-info")
                .decode(errors="surrogateescape")
                .rpartition("-")
            )
            site = table.full(int(table.parents[folder]))
            lines = text.splitlines()
            pairs = ((site + b"/", path) for path in map(_path, lines) if path)
            try:
                files = join_paths(pairs, len(lines), len(site) + len(text))
            except ValueError:
                continue
            files = [posixpath.normpath(file).lstrip(b"/") for file in files]
            yield Listed(name, version, files, database=database)


def _path(line: bytes) -> bytes:
    """The first field of a CSV line (PEP 376), in which only names with commas or quotes are quoted."""
    if line[:1] == b'"':
        return line[1:].partition(b'",')[0].replace(b'""', b'"')
    return line.partition(b",")[0]
