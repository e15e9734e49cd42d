"""Random access to contents, one after another: in place for uncompressed layers, through a copy for compressed ones."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, groupby

import numpy as np
from numpy.typing import NDArray

from layerscope.filesystem.compare_contents import in_parallel
from layerscope.filesystem.model import Filesystem
from layerscope.layers.blob import Blob, MemoryBlob
from layerscope.layers.compression import DamagedStreamError
from layerscope.layers.contents import LayerContents
from layerscope.progress import Progress, check
from layerscope.sources.spool import spool

HEAD = 16
"""First bytes of a content that decide whether to read it."""
MAX_READ = 16 << 20
"""Maximum bytes of one read, whatever sizes a file declares for its parts."""
_MAX_IN_MEMORY = 16 << 20
"""Maximum bytes of a copy in memory; a larger one is a temporary file."""


class OversizedReadError(Exception):
    """A part of a file is declared to be larger than `MAX_READ`."""


class ContentFile(io.RawIOBase):
    """A content as a file."""

    def __init__(self, blob: Blob, start: int, size: int) -> None:
        self.size = size
        self._blob = blob
        self._start = start
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """The next bytes. Raises `OversizedReadError` and OSError."""
        remaining = max(self.size - self._position, 0)
        length = remaining if size is None or size < 0 else min(size, remaining)
        data = self.at(self._position, length)
        self._position += len(data)
        return data

    def at(self, offset: int, length: int) -> bytes:
        """The bytes at a position, fewer at the end. Raises `OversizedReadError` and OSError."""
        length = min(length, self.size - offset)
        if length <= 0 or offset < 0:
            return b""
        if length > MAX_READ:
            raise OversizedReadError
        return b"".join(self._blob.chunks(self._start + offset, self._start + offset + length))


def read_seekable(
    filesystem: Filesystem,
    contents: Sequence[LayerContents],
    inodes: NDArray[np.int32],
    wanted: Callable[[int, bytes], bool],
    read: Callable[[int, ContentFile, Progress], None],
    progress: Progress,
) -> None:
    """Call `read` with each inode for which `wanted` returns true, its content, and the progress; `wanted` gets the inode and the
    first bytes of its content.

    Both are called from several threads. Unreadable contents and sparse files are skipped. Raises `CancelledError`, and
    `LayerscopeError` if a temporary file cannot be written.
    """
    layers = filesystem.inodes.layers(inodes)
    parts = {}
    for layer in np.unique(layers).tolist():
        index = contents[layer].index
        entries = (inodes[layers == layer] - int(filesystem.inodes.first[layer])).astype(np.int64)
        entries = entries[[entry not in index.sparse for entry in entries.tolist()]]
        parts[layer] = entries[np.argsort(index.columns.offsets[entries], kind="stable")]
    progress.stage(
        "Reading programs and archives",
        sum(contents[layer].bytes_to_pass(parts[layer].tolist()) for layer in parts),
    )

    def read_layer(layer: int, progress: Progress) -> None:
        first = int(filesystem.inodes.first[layer])
        files = _plain if contents[layer].seekable else _compressed
        try:
            for entry, file in files(
                contents[layer],
                parts[layer],
                lambda entry, head: wanted(first + entry, head),
                progress,
            ):
                read(first + entry, file, progress)
        except (DamagedStreamError, OSError):
            filesystem.inodes.unread = True

    in_parallel(read_layer, parts, progress)


_Wanted = Callable[[int, bytes], bool]
_Files = Iterator[tuple[int, ContentFile]]


def _plain(
    contents: LayerContents, entries: NDArray[np.int64], wanted: _Wanted, progress: Progress
) -> _Files:
    """The wanted files of a layer that is not compressed."""
    columns = contents.index.columns
    for entry, head in zip(entries.tolist(), contents.heads(entries, HEAD), strict=True):
        check(progress)
        size = int(columns.stored[entry])
        if head is not None and wanted(entry, bytes(head)):
            yield entry, ContentFile(contents.blob, int(columns.offsets[entry]), size)
        progress.advance(size)


def _compressed(
    contents: LayerContents, entries: NDArray[np.int64], wanted: _Wanted, progress: Progress
) -> _Files:
    """The wanted files of a compressed layer, each copied when its turn comes."""
    for entry, pieces in groupby(
        contents.pieces(entries.tolist(), progress), lambda piece: piece[0]
    ):
        head = next(pieces)[1]
        if not wanted(entry, head[:HEAD]):
            continue
        size = int(contents.index.columns.stored[entry])
        copy = _copy(chain([head], (piece for _, piece in pieces)), size, contents.blob.name)  # noqa: B031  # once, and in turn
        if copy.size == size:
            yield entry, ContentFile(copy, 0, size)


def _copy(pieces: Iterable[bytes], size: int, name: str) -> Blob:
    if size <= _MAX_IN_MEMORY:
        return MemoryBlob(name, b"".join(pieces))
    return spool(pieces, name).blob(name)
