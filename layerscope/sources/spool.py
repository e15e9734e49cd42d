"""Bytes that can be read only once, kept in a private temporary file that has no name."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from layerscope.errors import CorruptImageError, LayerscopeError
from layerscope.layers.blob import CHUNK, Blob, OpenFile
from layerscope.layers.compression import Compression, DamagedStreamError, DecompressedStream
from layerscope.limits import Limits
from layerscope.progress import Progress, check


def spool(pieces: Iterable[bytes], name: str) -> OpenFile:
    """Keep `pieces` in a temporary file. Raises `LayerscopeError` when the disk is full."""
    stream = tempfile.TemporaryFile(prefix="layerscope-", buffering=0)  # noqa: SIM115  # lives as long as the image
    try:
        for piece in pieces:
            view = memoryview(piece)
            while view:
                view = view[stream.write(view) :]
    except OSError as error:
        stream.close()
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise LayerscopeError(
                f"{name}: no space left for a temporary copy in {tempfile.gettempdir()}",
                hint="set TMPDIR to a folder with room for the uncompressed image",
            ) from error
        raise
    return OpenFile(stream, name, spooled=True)


def spool_stream(descriptor: int, name: str, limits: Limits, progress: Progress) -> OpenFile:
    """Keep what a pipe gives."""
    progress.stage("Reading the stream")

    def pieces() -> Iterator[bytes]:
        total = 0
        with open(
            descriptor, "rb", buffering=0, closefd=False
        ) as stream:  # a descriptor is no path
            while piece := stream.read(CHUNK):
                check(progress)
                total += len(piece)
                if total > limits.layer_bytes:
                    raise limits.exceeded("layer_bytes", name)
                progress.advance(len(piece))
                yield piece

    return spool(pieces(), name)


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
        return spool(stream, name), stream.trailing
    except DamagedStreamError as error:
        raise CorruptImageError(
            f"{name}: {error}",
            hint="the file is damaged or was not written whole: save the image again",
        ) from error
