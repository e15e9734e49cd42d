"""The rows of a run, in temporary files: there may be more than memory holds."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from typing import TypeVar

from layerscope.fleet.claims import ClaimRow
from layerscope.fleet.pieces import Pieces
from layerscope.fleet.tables import TABLES, LayerRow, Row, unpack

_Row = TypeVar("_Row", bound=Row)

_KINDS: dict[str, type[Row]] = {**TABLES, "claims": ClaimRow}
_NAMES = {kind: name for name, kind in _KINDS.items()}


class Results:
    """The rows of all images by table. They are added in any order, and read in the order of the images."""

    def __init__(self, images: int) -> None:
        """Creates a file for each table, which is removed with this object. Raises `LayerscopeError`."""
        self.images = images
        self._tables = {name: _Table(name, images) for name in _KINDS}

    def add(self, image: int, tables: Mapping[str, bytes]) -> None:
        """Add the rows of an image, as `tables.pack` writes them. Raises `LayerscopeError` if there is no room."""
        for name, rows in tables.items():
            self._tables[name].add(image, rows)

    def add_rows(self, name: str, rows: bytes) -> None:
        """Add rows that belong to no image to a table, after those of all images. Raises as `add` does."""
        self._tables[name].append(rows)

    def of_image(self, kind: type[_Row], image: int) -> list[_Row]:
        """The rows of one image in the table of this kind."""
        data = self._tables[_NAMES[kind]].read(image)
        return unpack(kind, data) if data else []

    def rows(self, kind: type[_Row]) -> Iterator[_Row]:
        """All rows of the table of this kind, in the order of the images."""
        for data in self._tables[_NAMES[kind]].all():
            yield from unpack(kind, data)

    def keys(self, image: int) -> list[str]:
        """The keys of the layers of one image, each once."""
        return list(dict.fromkeys(row.key for row in self.of_image(LayerRow, image)))


class _Table:
    """The rows of one table, packed."""

    def __init__(self, name: str, images: int) -> None:
        self._pieces = Pieces(f"rows of the table {name}")
        self._of_image = array("q", [-1]) * images
        """The piece of each image; -1 if it has no rows."""

    def add(self, image: int, rows: bytes) -> None:
        self._of_image[image] = self._pieces.add(rows)

    def append(self, rows: bytes) -> None:
        self._of_image.append(self._pieces.add(rows))

    def all(self) -> Iterator[bytes]:
        for piece in self._of_image:
            if piece >= 0:
                yield self._pieces.read(piece)

    def read(self, image: int) -> bytes:
        piece = self._of_image[image]
        return b"" if piece < 0 else self._pieces.read(piece)
