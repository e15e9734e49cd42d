"""Packages of npm, Yarn and pnpm: directories in node_modules, each with a package.json."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from layerscope.analysis.evidence import Evidence
from layerscope.analysis.packages.database_files import DatabaseFiles
from layerscope.analysis.packages.model import Listed


class _Manifest(msgspec.Struct):
    name: str = ""
    version: str = ""


class Npm(DatabaseFiles):
    """The manifests of all packages in node_modules."""

    kind = "npm"

    patterns = ("**/node_modules/*/package.json", "**/node_modules/@*/*/package.json")
    largest = 1 << 20

    def __init__(self, evidence: Evidence) -> None:
        super().__init__(evidence)
        matches = evidence.selector.matches("node_modules")
        self._nested = np.unique(matches)

    def packages(self) -> Iterator[Listed]:
        """All directories whose package.json has a name, without their own node_modules."""
        table = self.evidence.filesystem.table
        for database, _, text in self.files():
            folder = int(table.parents[database])
            try:
                manifest = msgspec.json.decode(text, type=_Manifest)
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                continue
            if not manifest.name:
                continue
            inner = self._nested[
                np.searchsorted(self._nested, folder + 1) : np.searchsorted(
                    self._nested, table.ends[folder]
                )
            ]
            apart = tuple(inner[table.parents[inner] == folder].tolist())
            yield Listed(
                manifest.name, manifest.version, tree=folder, apart=apart, database=database
            )
