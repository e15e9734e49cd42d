"""Reads the content of one file as a container sees it, with holes, a requested number of bytes at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layerscope.errors import CancelledError, LayerscopeError
from layerscope.filesystem.inodes import Inodes
from layerscope.layers.blob import zeros
from layerscope.layers.compression import DamagedStreamError
from layerscope.layers.contents import ContentCutError, LayerContents
from layerscope.layers.extensions import SparseMap
from layerscope.progress import Progress


class ContentReader:
    """Reads one inode's content from its start, part by part.

    A compressed layer is decompressed only once, however many parts are read.
    """

    def __init__(
        self, inodes: Inodes, layers: Sequence[LayerContents], inode: int, position: int = 0
    ) -> None:
        """Start reading at byte `position` of the content."""
        layer = inodes.layer(inode)
        self._contents = layers[layer]
        self._entry = inode - int(inodes.first[layer])
        self._sparse = inodes.sparse.get(inode)
        self.size = inodes.logical(inode)
        """Size of the content in bytes, including holes."""
        self.position = position
        """Bytes read or skipped so far."""
        self.problem: str | None = None
        """Why the rest cannot be read; None if it can."""
        self._pieces: Iterator[bytes] | None = None
        self._rest = b""

    def bytes_to_pass(self, length: int) -> int:
        """Approximate number of bytes of the layer's tar that have to be read for the next `length` bytes."""
        stored = int(self._contents.index.columns.stored[self._entry])
        if self._pieces is not None:
            return min(length, stored)
        remaining = max(stored - self.position - length, 0)
        return max(self._contents.bytes_to_pass([self._entry]) - remaining, 0)

    def read(self, length: int, progress: Progress) -> bytes:
        """The next `length` bytes; fewer at the end or if there is a `problem`.

        Raises `CancelledError`; the same bytes can then be requested again.
        """
        pieces = self._pieces
        if pieces is None:
            pieces = self._pieces = self._open(progress)
        parts = [self._rest] if self._rest else []
        length_read = len(self._rest)
        try:
            while length_read < length and (piece := next(pieces, b"")):
                parts.append(piece)
                length_read += len(piece)
        except CancelledError:
            self._pieces, self._rest = None, b""
            raise
        except (ContentCutError, DamagedStreamError, LayerscopeError, OSError) as error:
            self.problem = reading_problem(error)
        data = b"".join(parts)
        self._rest = data[length:]
        self.position += min(length_read, length)
        return data[:length]

    def _open(self, progress: Progress) -> Iterator[bytes]:
        """The content from `position`, in pieces."""
        skip = self.position
        for piece in with_holes(self._contents.chunks(self._entry, progress), self._sparse):
            if skip >= len(piece):
                skip -= len(piece)
            else:
                yield piece[skip:]
                skip = 0


def reading_problem(error: Exception) -> str:
    """The reason why a content could not be read completely, as a clause."""
    if isinstance(error, ContentCutError):
        return "its layer is cut short"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def with_holes(stored: Iterator[bytes], sparse: SparseMap | None) -> Iterator[bytes]:
    """The content in pieces, with zeros for holes between the stored bytes. Raises `ContentCutError`."""
    if sparse is None:
        yield from stored
        return
    position = 0
    for start, data in placed(stored, sparse):
        yield from zeros(start - position)
        yield data
        position = start + len(data)
    yield from zeros(sparse.real_size - position)


def placed(stored: Iterator[bytes], sparse: SparseMap) -> Iterator[tuple[int, bytes]]:
    """The stored pieces of a sparse file, each with its byte offset in the file. Raises `ContentCutError`."""
    rest = memoryview(b"")
    for offset, length in sparse.segments:
        end = offset + length
        while offset < end:
            if not rest:
                rest = memoryview(next(stored, b""))
                if not rest:
                    raise ContentCutError
            data = rest[: end - offset]
            yield offset, bytes(data)
            offset += len(data)
            rest = rest[len(data) :]
