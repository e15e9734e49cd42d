"""Packages of apk (Alpine's package keeper: lib/apk/db/installed, a letter and a colon a line)."""

from __future__ import annotations

from collections.abc import Iterator

from layerscope.analysis.findings.evidence import Evidence
from layerscope.analysis.packages.model import Listed
from layerscope.analysis.packages.shelf import Shelf


class Apk(Shelf):
    """The book of apk."""

    kind = "apk"

    def __init__(self, evidence: Evidence) -> None:
        super().__init__(
            evidence, "/lib/apk/db/installed", "/usr/lib/apk/db/installed", largest=64 << 20
        )

    def packages(self) -> Iterator[Listed]:
        """All that are installed: P is the name, V the version, F a directory, R a file in it."""
        for book, _, text in self.books():
            for part in text.split(b"\n\n"):
                name = version = folder = b""
                files = []
                for line in part.splitlines():
                    key, value = line[:2], line[2:]
                    if key == b"P:":
                        name = value
                    elif key == b"V:":
                        version = value
                    elif key == b"F:":
                        folder = value
                    elif key == b"R:":
                        files.append(folder + b"/" + value if folder else value)
                if name:
                    decoded = name.decode(errors="surrogateescape")
                    yield Listed(
                        decoded, version.decode(errors="surrogateescape"), files, book=book
                    )
