"""Bytes that can be read only once, kept in a private temporary file that has no name."""

from __future__ import annotations

import errno
import os
import select
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from layerscope.errors import CorruptImageError, LayerscopeError
from layerscope.layers.blob import CHUNK, Blob, OpenFile
from layerscope.layers.compression import Compression, DamagedStreamError, DecompressedStream
from layerscope.limits import Limits
from layerscope.progress import Progress, check
from layerscope.sources.first_look import check_start
from layerscope.text import size

_LOOK = 256 << 20
"""Bytes after which it is looked how much room is left."""
_LEFT = 256 << 20
"""Bytes that a copy larger than `_LOOK` leaves free."""
_PATIENCE = 0.2
"""Seconds that are waited for more of a stream that is no image, to say better what it is."""


def spool(pieces: Iterable[bytes], name: str, origin: Blob | None = None) -> OpenFile:
    """Keep `pieces` in a temporary file; `origin` is what they were unpacked from.

    Raises `LayerscopeError` when it cannot be written, and before a large copy fills the disk.
    """
    iterator = iter(pieces)
    written, next_look = 0, _LOOK
    with _writing(name, written):
        stream = tempfile.TemporaryFile(prefix="layerscope-", buffering=0)  # noqa: SIM115  # closed below
    with stream:
        while (piece := next(iterator, None)) is not None:
            with _writing(name, written):
                if written >= next_look:
                    next_look += _LOOK
                    _leave_room(stream.fileno())
                view = memoryview(piece)
                while view:
                    done = stream.write(view)
                    view = view[done:]
                    written += done
        return OpenFile(os.dup(stream.fileno()), name, spooled=True, origin=origin)


def _leave_room(descriptor: int) -> None:
    """Raise OSError, as a full disk does, where less than `_LEFT` would be free for others."""
    room = os.fstatvfs(descriptor)
    if room.f_bavail * room.f_frsize < _LEFT:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def _writing(name: str, written: int) -> Iterator[None]:
    """Says in the user's words why a temporary file, of which so many bytes are `written`, cannot be written."""
    try:
        yield
    except OSError as error:
        try:
            place = tempfile.gettempdir()
        except OSError:
            place = "any temporary folder"
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            why = f"no space left in {place} for a temporary copy, after {size(written)}"
        else:
            why = f"cannot write a temporary copy in {place}: {error.strerror or error}"
        raise LayerscopeError(
            f"{name}: {why}",
            hint="set TMPDIR to a folder with enough space for the uncompressed image",
        ) from error


def spool_stream(descriptor: int, name: str, limits: Limits, progress: Progress) -> OpenFile:
    """Keep what a pipe gives.

    Raises `NotAnImageError` once its first bytes show that it is no image, `LimitExceededError` beyond `layer_bytes`.
    """
    progress.stage("Reading the stream")

    def given() -> Iterator[bytes]:
        total = 0
        while piece := _read(descriptor):
            check(progress)
            total += len(piece)
            if total > limits.layer_bytes:
                raise limits.exceeded("layer_bytes", name)
            progress.advance(len(piece))
            yield piece

    def pieces() -> Iterator[bytes]:
        source, held = given(), []

        def start() -> Iterator[bytes]:
            for piece in source:
                held.append(piece)
                yield piece

        check_start(start(), name, limits, lambda: _is_ready(descriptor))
        yield from held
        held.clear()
        yield from source

    return spool(pieces(), name)


def _is_ready(descriptor: int) -> bool:
    """Whether a pipe gives more, or ends, within `_PATIENCE` seconds."""
    return bool(select.select([descriptor], [], [], _PATIENCE)[0])


def _read(descriptor: int) -> bytes:
    """The next bytes of a pipe, waited for even where another process made it non-blocking."""
    while True:
        try:
            return os.read(descriptor, CHUNK)
        except BlockingIOError:
            select.select([descriptor], [], [])


def spool_decompressed(
    blob: Blob, kind: Compression, name: str, limits: Limits, progress: Progress
) -> tuple[OpenFile, int]:
    """Keep a compressed archive decompressed; the file, and how many bytes trailed the stream.

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
