"""Layers of local stores that use tar-split: the headers of the tar in one file, and contents as separate files.

Source: vbatts/tar-split, tar/storage. The format is gzipped JSON, one object per line, in tar order. Type 2 has raw bytes
(headers, padding, end blocks); type 1 refers to the payload of a member, stored as a file in the layer's folder.
"""

from __future__ import annotations

import bisect
import errno
import threading
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from layerscope.layers.blob import Blob
from layerscope.layers.compression import DamagedStreamError, DecompressedStream, sniff
from layerscope.layers.cursor import Cursor
from layerscope.layers.file_identity import Identity
from layerscope.layers.split_files import SplitFiles
from layerscope.layers.tarheader import HeaderError
from layerscope.limits import Limits
from layerscope.progress import Progress, check

_SEGMENT, _FILE = 2, 1
_Part = bytes | tuple[bytes, int]
"""Raw bytes, or name and size of a file."""


class _Parts(Struct, frozen=True):
    """The parts of a tar."""

    starts: list[int]
    """Offset of each part."""
    parts: list[_Part]
    size: int
    """Length of the tar, in bytes."""


class TarSplitBlob(Blob):
    """The tar of a layer that a store keeps in two parts: its headers, and a folder with its files.

    `files` is None if the folder is not accessible. Nothing is read before it is needed. Raises OSError like any blob.
    """

    def __init__(self, name: str, split: Blob, files: SplitFiles | None, limits: Limits) -> None:
        super().__init__(name, 0)
        self._split = split
        self._files = files
        self._limits = limits
        self._lock = threading.Lock()
        self._loaded: _Parts | OSError | None = None
        self._expected: int | None = None
        self._first_identity: Identity | None = None

    @property
    def is_tar(self) -> bool:
        return True  # a store's layer always is

    @property
    def has_files(self) -> bool:
        """Whether the folder with its files could be opened."""
        return self._files is not None

    @property
    def scattered(self) -> bool:
        return True

    @property
    def size(self) -> int:
        if self._loaded is None and self._expected is not None:
            return self._expected
        try:
            return self._load().size
        except OSError:
            return 0

    def expect(self, size: int) -> None:
        """Set the length in bytes from an earlier run, so that the headers are read only when needed."""
        self._expected = size

    @property
    def identity(self) -> Identity | None:
        """The identities of headers and folder; stores never modify the files of a complete layer."""
        headers = self._split.identity
        folder = ("unreadable",) if self._files is None else self._files.identity
        return None if headers is None or folder is None else ("tar-split", *headers, *folder)

    def changed(self) -> bool:
        return self._split.changed() or (self._files is not None and self._files.changed())

    @property
    def overwritten(self) -> bool:
        return self._split.overwritten or (self._files is not None and self._files.overwritten)

    @property
    def read_identity(self) -> Identity | None:
        if self._first_identity is None:
            self._first_identity = self._read_identity()
        return self._first_identity

    def read_changed(self) -> bool:
        return self.changed() or self._read_identity() != self._first_identity

    def _read_identity(self) -> Identity | None:
        """The identity including every file, so that a file modified in the store is noticed."""
        identity, files = self.identity, self._files
        all_files = None if identity is None or files is None else files.identity_of_all()
        return None if identity is None or all_files is None else (*identity, *all_files)

    def header_cursor(self) -> Cursor:
        """A cursor over the headers that skips contents without reading them."""
        return _TarSplitCursor(self._load().parts)

    def pread(self, length: int, offset: int) -> bytes:
        tar_parts = self._load()
        length = min(length, tar_parts.size - offset)
        if length <= 0:
            return b""
        at = bisect.bisect_right(tar_parts.starts, offset) - 1
        data, skip = b"", offset - tar_parts.starts[at]
        while len(data) < length:
            part, missing = tar_parts.parts[at], length - len(data)
            if isinstance(part, bytes):
                data += part[skip : skip + missing]
            else:
                name, size = part
                if self._files is None and data:
                    break
                if self._files is None:
                    raise PermissionError(errno.EACCES, "the files of this layer cannot be read")
                requested = min(missing, size - skip)
                piece = self._files.pread(name, requested, skip)
                data += piece
                if len(piece) < requested:
                    break
            at, skip = at + 1, 0
        return data

    def chunks(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        self._load()  # damaged headers must not look like an empty tar
        yield from super().chunks(start, end)

    def _load(self) -> _Parts:
        """The parts, read once. Raises OSError if the headers are damaged."""
        with self._lock:
            if self._loaded is None:
                try:
                    self._loaded = _scan(self._split, self._limits)
                except OSError as error:
                    self._loaded = error
                except (HeaderError, DamagedStreamError, ValueError) as error:
                    self._loaded = OSError(
                        errno.EIO, f"its headers in the store are damaged: {error}"
                    )
        if isinstance(self._loaded, OSError):
            raise self._loaded
        return self._loaded


def _scan(split: Blob, limits: Limits) -> _Parts:
    """Read the parts of a tar. Raises `HeaderError`, `DamagedStreamError`, ValueError."""
    starts: list[int] = []
    parts: list[_Part] = []
    position = 0
    for record in _records(split, limits):
        if record.type == _SEGMENT:
            if record.payload:
                starts.append(position)
                parts.append(record.payload)
                position += len(record.payload)
        elif record.type == _FILE and record.size > 0:
            starts.append(position)
            parts.append((record.name_raw or record.name.encode(), record.size))
            position += record.size
    return _Parts(starts, parts, position)


class _Record(msgspec.Struct):
    """A line of tar-split."""

    type: int
    name: str = ""
    name_raw: bytes = b""
    size: int = 0
    payload: bytes | None = None


def _records(split: Blob, limits: Limits) -> Iterator[_Record]:
    """The lines of a tar-split file, compressed or not. Raises `HeaderError`, `DamagedStreamError`."""
    kind = sniff(split.pread(16, 0))
    pieces = (
        split.chunks()
        if kind is None
        else iter(DecompressedStream(kind, split.chunks(), split.name, limits))
    )
    decoder = msgspec.json.Decoder(_Record)
    partial: list[bytes] = []
    for piece in pieces:
        end = piece.rfind(b"\n") + 1
        if end:
            yield from _decode(decoder, b"".join((*partial, piece[:end])))
            partial = []
        partial.append(piece[end:])
    yield from _decode(decoder, b"".join(partial))


def _decode(decoder: msgspec.json.Decoder[_Record], lines: bytes) -> list[_Record]:
    try:
        return decoder.decode_lines(lines)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise HeaderError("a record of tar-split is malformed") from error


class _TarSplitCursor:
    """Moves over the parts, skipping contents by their stated sizes."""

    hashes = False

    def __init__(self, parts: list[_Part]) -> None:
        self.position = 0
        self._parts = iter(parts)
        self._segment = b""
        self._at = 0

    def take(self, length: int) -> bytes:
        data = self._segment[self._at : self._at + length]
        self._at += len(data)
        while len(data) < length:
            part = next(self._parts, None)
            if part is None:
                break
            if not isinstance(part, bytes):
                raise HeaderError("tar-split has a content where a header belongs")
            missing = length - len(data)
            data += part[:missing]
            self._segment, self._at = part, min(missing, len(part))
        self.position += len(data)
        return data

    def buffered(self) -> memoryview:
        return memoryview(self._segment)[self._at :]

    def skip(self, length: int) -> None:
        if length == 0:
            return
        part = next(self._parts, None) if self._at == len(self._segment) else None
        if part is None:
            raise EOFError
        if isinstance(part, bytes) or part[1] != length:
            raise HeaderError("tar-split disagrees with a header about a size")
        self.position += length

    def skip_padded(self, length: int) -> None:
        self.skip(length)
        self.take(-length & 511)

    def pad(self, length: int) -> None:
        self.take(length)

    def drain(self, progress: Progress) -> int:
        dirty = 0
        while data := self.take(1 << 16):
            check(progress)
            dirty += len(data) - data.count(0)
        return dirty
