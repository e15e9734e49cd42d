"""The journal of a run: layers and images read so far, from which an interrupted run continues.

A file of frames: length and CRC-32 in 8 bytes each, then MessagePack. The first identifies the run; a run of other images starts a new file.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from layerscope import __version__
from layerscope.errors import UsageError
from layerscope.fleet.messages import Described, Failure, LayerResult, Setup
from layerscope.text import safe_name

_NUMBER = 8
_LOCATIONS = ("store", "carry")
"""Fields of a setup that do not influence results."""


class RunBegun(msgspec.Struct, frozen=True, tag="run"):
    """The first frame."""

    key: str
    """Equal for runs of the same images with the same setup."""


class LayerRead(msgspec.Struct, frozen=True, tag="layer"):
    """A layer that was read."""

    claim: str
    """The key of its `LayerClaim`."""
    result: LayerResult


class ImageRead(msgspec.Struct, frozen=True, tag="image"):
    """An image that was analysed, or could not be."""

    image: int
    tables: dict[str, bytes]
    failure: Failure | None


Frame = RunBegun | LayerRead | ImageRead


class Journal:
    """The journal of a run."""

    def __init__(self, path: Path, images: Sequence[Described], setup: Setup) -> None:
        """Open the journal of the same run if it exists, else start a new one. Raises `UsageError`."""
        self._path = path
        self._key = _key(images, setup)
        self._earlier: list[int] = []
        """Positions of the frames of the earlier run."""
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
            self._file: BinaryIO = os.fdopen(os.open(path, flags, 0o666), "a+b")
            self._file.seek(0)
            frames = self._frames()
            header = next(frames, None)
            end = 0
            if header is not None and header[1] == RunBegun(self._key):
                end = header[2]
                for start, _, after in frames:
                    self._earlier.append(start)
                    end = after
            self._file.truncate(end)
            if not end:
                self._append(RunBegun(self._key))
        except OSError as error:
            raise self._error(error) from error

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def frames(self) -> Iterator[LayerRead | ImageRead]:
        """The frames of an earlier run. Raises `UsageError`."""
        try:
            for start in self._earlier:
                self._file.seek(start)
                frame = next(self._frames())[1]
                if not isinstance(frame, RunBegun):
                    yield frame
        except OSError as error:
            raise self._error(error) from error

    def add(self, frame: LayerRead | ImageRead) -> None:
        """Add a frame. Raises `UsageError` if there is no room."""
        try:
            self._append(frame)
        except OSError as error:
            raise self._error(error) from error

    def _append(self, frame: Frame) -> None:
        data = msgspec.msgpack.encode(frame)
        head = len(data).to_bytes(_NUMBER, "little") + zlib.crc32(data).to_bytes(_NUMBER, "little")
        self._file.seek(0, os.SEEK_END)
        self._file.write(head + data)
        self._file.flush()

    def _frames(self) -> Iterator[tuple[int, Frame, int]]:
        """The complete frames from the current position: start, frame, end. Raises OSError."""
        size = os.fstat(self._file.fileno()).st_size
        while True:
            start = self._file.tell()
            head = self._file.read(2 * _NUMBER)
            length = int.from_bytes(head[:_NUMBER], "little")
            if len(head) < 2 * _NUMBER or length > size - start:
                return
            data = self._file.read(length)
            if len(data) < length or zlib.crc32(data) != int.from_bytes(head[_NUMBER:], "little"):
                return
            try:
                yield start, msgspec.msgpack.decode(data, type=Frame), self._file.tell()
            except msgspec.MsgspecError:
                return

    def _error(self, error: OSError) -> UsageError:
        return UsageError(
            f"{safe_name(str(self._path))}: {error.strerror or error}",
            hint="the same command goes on from there once there is room",
        )


def _key(images: Sequence[Described], setup: Setup) -> str:
    """Equal for runs of the same images with the same setup."""
    key = hashlib.sha256(__version__.encode())
    for image in images:
        claims = [claim.key for claim in image.layers]
        key.update(msgspec.msgpack.encode((image.at, image.name, claims, image.failure)))
    settings = [getattr(setup, name) for name in setup.__struct_fields__ if name not in _LOCATIONS]
    key.update(repr(settings).encode())
    return key.hexdigest()
