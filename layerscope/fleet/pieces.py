"""Pieces of bytes in a temporary file, by number: there may be more than memory holds."""

from __future__ import annotations

import errno
import os
from array import array

from layerscope.sources.spool import TemporaryCopy


class Pieces:
    """Pieces that are added once, and read in any order. The file is removed with this object."""

    def __init__(self, name: str) -> None:
        """`name` describes the pieces in errors. Raises `LayerscopeError` if no file can be created."""
        self._file = TemporaryCopy(name)
        self._ends = array("q", [0])

    def add(self, data: bytes) -> int:
        """Add a piece; returns its number. Raises `LayerscopeError` if there is no room."""
        self._file.write(data)
        self._ends.append(self._file.written)
        return len(self._ends) - 2

    def read(self, number: int) -> bytes:
        """The bytes of a piece. Raises OSError."""
        position, end = self._ends[number : number + 2]
        data_read = bytearray()
        while position + len(data_read) < end:
            piece = os.pread(
                self._file.fd, end - position - len(data_read), position + len(data_read)
            )
            if not piece:
                raise OSError(errno.EIO, "a temporary file is shorter than what was written to it")
            data_read += piece
        return bytes(data_read)
