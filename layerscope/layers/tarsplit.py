"""Layers of local stores that keep tar-split: all headers of the tar without its contents, and contents as files.

Source: vbatts/tar-split, tar/storage: gzipped JSON, an object a line, in the order of the tar. Type 2 holds raw bytes
(headers, padding, end blocks), type 1 stands for the payload of one member, which lies in the store's own folder.
"""

from __future__ import annotations

import base64
import binascii
import bisect
import os
import stat
from collections.abc import Iterator
from typing import Any

import msgspec

from layerscope.layers.blob import Blob
from layerscope.layers.compression import DecompressedStream, sniff
from layerscope.layers.cursor import Cursor
from layerscope.layers.tarheader import HeaderError
from layerscope.limits import Limits
from layerscope.progress import Progress, check

_SEGMENT, _FILE = 2, 1

OF_ANOTHER_USER = "its file in the store is another user's: podman unshare layerscope … or sudo layerscope … can read it"
"""A rootless store keeps files of the image's other users as those of subordinate user IDs."""


class TarSplitBlob(Blob):
    """The tar of a layer that a store keeps in two parts: its headers, and a folder with its files.

    `folder` is an open directory; None where the files cannot be reached. Raises OSError like any blob.
    """

    def __init__(self, name: str, split: Blob, folder: int | None, limits: Limits) -> None:
        self._split = split
        self._folder = folder
        self._limits = limits
        self._starts: list[int] = []
        self._parts: list[bytes | tuple[bytes, int]] = []
        """For each start: raw bytes, or name and size of a file."""
        super().__init__(name, self._scan())

    def __del__(self, close: Any = os.close) -> None:
        if getattr(self, "_folder", None) is not None:
            close(self._folder)

    @property
    def has_files(self) -> bool:
        """Whether the folder with its files could be opened."""
        return self._folder is not None

    def header_cursor(self) -> Cursor:
        """A cursor over the headers, that skips contents unread."""
        return _TarSplitCursor(self._parts)

    def pread(self, length: int, offset: int) -> bytes:
        length = min(length, self.size - offset)
        if length <= 0:
            return b""
        at = bisect.bisect_right(self._starts, offset) - 1
        part, inside = self._parts[at], offset - self._starts[at]
        if isinstance(part, bytes):
            return part[inside : inside + length]
        name, size = part
        return self._read_file(name, inside, min(length, size - inside))

    def _scan(self) -> int:
        """Read the parts; the length of the tar, in bytes."""
        position = 0
        for record in _records(self._split, self._limits):
            if record.type == _SEGMENT:
                try:
                    data = base64.b64decode(record.payload or "", validate=True)
                except (binascii.Error, ValueError) as error:
                    raise HeaderError("a record of tar-split is malformed") from error
                if data:
                    self._starts.append(position)
                    self._parts.append(data)
                    position += len(data)
            elif record.type == _FILE and record.size > 0:
                name = (
                    base64.b64decode(record.name_raw) if record.name_raw else record.name.encode()
                )
                self._starts.append(position)
                self._parts.append((name, record.size))
                position += record.size
        return position

    def _read_file(self, name: bytes, offset: int, length: int) -> bytes:
        """Bytes of a file of the store: links are never followed, not even in its parents."""
        if self._folder is None:
            raise PermissionError(13, "the files of this layer cannot be read")
        folder, opened = self._folder, []
        try:
            *parents, last = [part for part in name.split(b"/") if part not in (b"", b".", b"..")]
            for parent in parents:
                folder = os.open(
                    parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder
                )
                opened.append(folder)
            file = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
            opened.append(file)
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise FileNotFoundError(2, f"{os.fsdecode(last)} is no regular file in the store")
            return os.pread(file, length, offset)
        except PermissionError as error:
            raise PermissionError(error.errno, OF_ANOTHER_USER) from error
        finally:
            for descriptor in opened:
                os.close(descriptor)


class _Record(msgspec.Struct):
    """A line of tar-split."""

    type: int
    name: str = ""
    name_raw: str = ""
    size: int = 0
    payload: str | None = None


def _records(split: Blob, limits: Limits) -> Iterator[_Record]:
    """The lines of a tar-split file, compressed or not. Raises `HeaderError`, `DamagedStreamError`."""
    kind = sniff(split.pread(16, 0))
    pieces = (
        split.chunks()
        if kind is None
        else iter(DecompressedStream(kind, split.chunks(), split.name, limits))
    )
    decoder = msgspec.json.Decoder(_Record)
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line:
                yield _decode(decoder, line)
    if rest.strip():
        yield _decode(decoder, rest)


def _decode(decoder: msgspec.json.Decoder[_Record], line: bytes) -> _Record:
    try:
        return decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise HeaderError("a record of tar-split is malformed") from error


class _TarSplitCursor:
    """Moves over the parts; contents are skipped by their stated sizes."""

    hashes = False

    def __init__(self, parts: list[bytes | tuple[bytes, int]]) -> None:
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
            more = length - len(data)
            data += part[:more]
            self._segment, self._at = part, min(more, len(part))
        self.position += len(data)
        return data

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
