"""The rows of a run, in temporary files: there may be more than memory holds."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Mapping
from typing import TypeVar

from layerscope.fleet.claims import ClaimRow
from layerscope.fleet.tables import TABLES, LayerRow, Row, unpack
from layerscope.sources.spool import TemporaryCopy

_Row = TypeVar("_Row", bound=Row)

_KINDS: dict[str, type[Row]] = {**TABLES, "claims": ClaimRow}
_NAMES = {kind: name for name, kind in _KINDS.items()}


class Results:
    """The rows of all images by table. They are added in any order, and read in the order of the images."""

    def __init__(self, images: int) -> None:
        """A file for each table, which ends with this object. Raises `LayerscopeError`."""
        self.images = images
        self._tables = {name: _Table(name, images) for name in _KINDS}

    def add(self, image: int, tables: Mapping[str, bytes]) -> None:
        """Add the rows of an image, as `tables.pack` writes them. Raises `LayerscopeError` if there is no room."""
        for name, rows in tables.items():
            self._tables[name].add(image, rows)

    def of_image(self, kind: type[_Row], image: int) -> list[_Row]:
        """The rows of one image in the table of this kind."""
        data = self._tables[_NAMES[kind]].read(image)
        return unpack(kind, data) if data else []

    def rows(self, kind: type[_Row]) -> Iterator[_Row]:
        """All rows of the table of this kind, in the order of the images."""
        for image in range(self.images):
            yield from self.of_image(kind, image)

    def keys(self, image: int) -> list[str]:
        """The layers of one image, each once."""
        return list(dict.fromkeys(row.key for row in self.of_image(LayerRow, image)))


class _Table:
    """The rows of one table, packed."""

    def __init__(self, name: str, images: int) -> None:
        self._file = TemporaryCopy(f"rows of the table {name}")
        self._offsets = array("q", bytes(8 * images))
        self._lengths = array("q", bytes(8 * images))

    def add(self, image: int, rows: bytes) -> None:
        self._offsets[image], self._lengths[image] = self._file.written, len(rows)
        self._file.write(rows)

    def read(self, image: int) -> bytes:
        found, position, left = b"", self._offsets[image], self._lengths[image]
        while left:
            piece = os.pread(self._file.fd, left, position)
            if not piece:
                raise OSError("a temporary file was cut")
            found += piece
            position += len(piece)
            left -= len(piece)
        return found
