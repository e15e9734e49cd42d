"""Copies streams to a private temporary file without a name."""

from __future__ import annotations

import errno
import os
import select
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from layerscope.errors import CorruptImageError, LayerscopeError
from layerscope.files import is_full
from layerscope.layers.blob import CHUNK, Blob, OpenFile
from layerscope.layers.compression import Compression, DamagedStreamError, DecompressedStream
from layerscope.limits import Limits
from layerscope.progress import Progress, check
from layerscope.sources.first_bytes import check_start
from layerscope.text import size

_CHECK_BYTES = 256 << 20
"""Bytes between checks of free disk space."""
_RESERVE = 256 << 20
"""Bytes of disk space that a copy larger than `_CHECK_BYTES` leaves free."""
_TURN_SECONDS = 0.2
"""Seconds to wait for more of a stream before signals are handled."""
_PATIENCE_SECONDS = 0.2
"""Seconds to wait for more of a stream that is not an image, to describe it better."""


class TemporaryCopy:
    """A temporary file without a name, which is written in order. Closed with its last reference."""

    def __init__(self, name: str) -> None:
        """`name` is what is copied, for errors. Raises `LayerscopeError` when no file can be created."""
        self._name = name
        self.written = 0
        self._next_check = _CHECK_BYTES
        with _writing(name, 0):
            self._stream = tempfile.TemporaryFile(prefix="layerscope-", buffering=0)  # noqa: SIM115  # see `__del__`

    def __del__(self) -> None:
        if hasattr(self, "_stream"):
            self._stream.close()

    @property
    def fd(self) -> int:
        """Its file descriptor."""
        return self._stream.fileno()

    def write(self, piece: bytes) -> None:
        """Append bytes. Raises `LayerscopeError` when they cannot be written, and before a large copy fills the disk."""
        with _writing(self._name, self.written):
            if self.written >= self._next_check:
                self._next_check += _CHECK_BYTES
                _check_room(self.fd)
            view = memoryview(piece)
            while view:
                count = self._stream.write(view)
                view = view[count:]
                self.written += count


def spool(pieces: Iterable[bytes], name: str, origin: Blob | None = None) -> OpenFile:
    """Copy `pieces` to a temporary file; `origin` is the blob they were decompressed from.

    Raises `LayerscopeError` when it cannot be written, and before a large copy fills the disk.
    """
    copy = TemporaryCopy(name)
    for piece in pieces:
        copy.write(piece)
    return OpenFile(os.dup(copy.fd), name, spooled=True, origin=origin)


def _check_room(descriptor: int) -> None:
    """Raise the OSError of a full disk if less than `_RESERVE` would remain free."""
    room = os.fstatvfs(descriptor)
    if room.f_bavail * room.f_frsize < _RESERVE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def _writing(name: str, written: int) -> Iterator[None]:
    """Turn an OSError from writing a temporary file into a clear error; `written` bytes succeeded."""
    try:
        yield
    except OSError as error:
        try:
            place = tempfile.gettempdir()
        except OSError:
            place = "any temporary folder"
        if is_full(error):
            why = f"no space left in {place} for a temporary copy, after {size(written)}"
        else:
            why = f"cannot write a temporary copy in {place}: {error.strerror or error}"
        raise LayerscopeError(
            f"{name}: {why}",
            hint="set TMPDIR to a folder with enough space for the uncompressed image",
        ) from error


def spool_stream(descriptor: int, name: str, limits: Limits, progress: Progress) -> OpenFile:
    """Copy a pipe to a temporary file. Raises `NotAnImageError` if its first bytes are not an image's, `LimitExceededError`
    beyond `layer_bytes`.
    """
    progress.stage("Reading the stream")

    def limited() -> Iterator[bytes]:
        total = 0
        while piece := _read(descriptor):
            check(progress)
            total += len(piece)
            if total > limits.layer_bytes:
                raise limits.exceeded("layer_bytes", name)
            progress.advance(len(piece))
            yield piece

    def pieces() -> Iterator[bytes]:
        source, start_pieces = limited(), []

        def start() -> Iterator[bytes]:
            for piece in source:
                start_pieces.append(piece)
                yield piece

        check_start(start(), name, limits, lambda: _is_ready(descriptor))
        yield from start_pieces
        start_pieces.clear()
        yield from source

    return spool(pieces(), name)


def _is_ready(descriptor: int) -> bool:
    """Whether a pipe has more data, or ends, within `_PATIENCE_SECONDS` seconds."""
    return bool(select.select([descriptor], [], [], _PATIENCE_SECONDS)[0])


def _read(descriptor: int) -> bytes:
    """The next bytes of a pipe; waits even if another process made it non-blocking.

    Waits in turns: a signal that comes just before a blocking call is not noticed before that call returns.
    """
    while True:
        if select.select([descriptor], [], [], _TURN_SECONDS)[0]:
            with suppress(BlockingIOError):
                return os.read(descriptor, CHUNK)


def spool_decompressed(
    blob: Blob, kind: Compression, name: str, limits: Limits, progress: Progress
) -> tuple[OpenFile, int]:
    """Decompress an archive to a temporary file; returns the file and the number of trailing bytes.

    Raises `CorruptImageError` for a damaged or cut stream.
    """
    progress.stage(f"Decompressing {Path(name).name}", blob.size)

    def compressed() -> Iterator[bytes]:
        for piece in blob.chunks():
            check(progress)
            yield piece
            progress.advance(len(piece))

    stream = DecompressedStream(kind, compressed(), name, limits)
    try:
        return spool(stream, name, blob), stream.trailing
    except DamagedStreamError as error:
        raise CorruptImageError(
            f"{name}: {error}",
            hint="the file is damaged or incomplete; save the image again",
        ) from error
