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


def spool(pieces: Iterable[bytes], name: str, origin: Blob | None = None) -> OpenFile:
    """Keep `pieces` in a temporary file; `origin` is what they were unpacked from. Raises `LayerscopeError` when it cannot be written, such as on a full disk."""
    iterator = iter(pieces)
    with _writing(name):
        stream = tempfile.TemporaryFile(prefix="layerscope-", buffering=0)  # noqa: SIM115  # closed below
    with stream:
        while (piece := next(iterator, None)) is not None:
            with _writing(name):
                view = memoryview(piece)
                while view:
                    view = view[stream.write(view) :]
        return OpenFile(os.dup(stream.fileno()), name, spooled=True, origin=origin)


@contextmanager
def _writing(name: str) -> Iterator[None]:
    """Says in the user's words why a temporary file cannot be written."""
    try:
        yield
    except OSError as error:
        try:
            place = tempfile.gettempdir()
        except OSError:
            place = "any temporary folder"
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            why = f"no space left for a temporary copy in {place}"
        else:
            why = f"a temporary copy cannot be written in {place}: {error.strerror or error}"
        raise LayerscopeError(
            f"{name}: {why}", hint="set TMPDIR to a folder with room for the uncompressed image"
        ) from error


def spool_stream(descriptor: int, name: str, limits: Limits, progress: Progress) -> OpenFile:
    """Keep what a pipe gives."""
    progress.stage("Reading the stream")

    def pieces() -> Iterator[bytes]:
        total = 0
        while piece := _read(descriptor):
            check(progress)
            total += len(piece)
            if total > limits.layer_bytes:
                raise limits.exceeded("layer_bytes", name)
            progress.advance(len(piece))
            yield piece

    return spool(pieces(), name)


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
            hint="the file is damaged or was not written whole: save the image again",
        ) from error
