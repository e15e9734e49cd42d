"""Images that come in on a pipe or on stdin, and packed archives: kept in a temporary file while they are shown."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
import random
import sys
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from layerscope.errors import (
    CancelledError,
    LayerscopeError,
    LimitExceededError,
    NotAnImageError,
    UsageError,
)
from layerscope.limits import Limits
from layerscope.opening.open import open_image
from layerscope.progress import NullProgress
from layerscope.sources import Request
from layerscope.sources.spool import spool
from tests.images import (
    docker_archive,
    oci_archive,
)
from tests.sources.image_files import (
    LAYERS,
    NAMES,
    layers_of,
    open_path,
    refuse,
    save,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd.compress,
}
IMAGES = {
    "docker": docker_archive(LAYERS),
    "oci": oci_archive(LAYERS),
    "packed layers": docker_archive(LAYERS, compress="gzip"),
}
WHAT = pytest.mark.parametrize("what", list(IMAGES))


def _feed(path: Path, data: bytes) -> threading.Thread:
    def write() -> None:
        with path.open("wb", buffering=0) as pipe:
            view = memoryview(data)
            while view:
                view = view[pipe.write(view) :]

    thread = threading.Thread(target=write)
    thread.start()
    return thread


@WHAT
@pytest.mark.parametrize("how", [None, "gzip"])
def test_a_pipe_is_read_to_its_end(tmp_path: Path, what: str, how: str | None) -> None:
    """As `<(docker save …)` passes it: it is copied to a temporary file before it is read."""
    data = bytes(PACKERS[how](IMAGES[what])) if how else IMAGES[what]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    thread = _feed(pipe, data)
    opened = open_path(pipe)
    thread.join()
    assert layers_of(opened) == NAMES
    assert all(opened.verified(number) for number in range(2))


def _on_stdin(descriptor: int) -> Any:
    """Open an image on stdin."""
    kept = os.dup(0)
    try:
        os.dup2(descriptor, 0)
        return open_image(Request("-"))
    finally:
        os.dup2(kept, 0)
        os.close(kept)


@pytest.mark.parametrize("blocking", [True, False])
def test_stdin_may_be_a_pipe(tmp_path: Path, blocking: bool) -> None:
    """Even a slow one that another process made non-blocking."""
    reading, writing = os.pipe()
    os.set_blocking(reading, blocking)
    data = IMAGES["docker"]

    def write() -> None:
        for at in range(0, len(data), 3000):
            os.write(writing, data[at : at + 3000])
            threading.Event().wait(0.002)
        os.close(writing)

    thread = threading.Thread(target=write)
    thread.start()
    opened = _on_stdin(reading)
    thread.join()
    os.close(reading)
    assert (layers_of(opened), opened.image.source_kind) == (NAMES, "stdin")


def test_stdin_may_be_a_file(tmp_path: Path) -> None:
    """Nothing is copied then."""
    path = save(tmp_path, IMAGES["oci"])
    descriptor = os.open(path, os.O_RDONLY)
    opened = _on_stdin(descriptor)
    os.close(descriptor)
    assert (layers_of(opened), opened.image.source_kind) == (NAMES, "stdin")


def test_stdin_without_an_image_is_reported(tmp_path: Path) -> None:
    """An empty file, a folder, or a closed stdin."""
    empty = os.open(os.devnull, os.O_RDONLY)
    folder = os.open(tmp_path, os.O_RDONLY)
    for descriptor, words in ((empty, "stdin: the file is empty"), (folder, "stdin: ")):
        with pytest.raises(LayerscopeError, match=words):
            _on_stdin(descriptor)
        os.close(descriptor)
    kept = os.dup(0)
    os.close(0)
    try:
        with pytest.raises(UsageError, match="stdin is closed"):
            open_image(Request("-"))
    finally:
        os.dup2(kept, 0)
        os.close(kept)


def test_a_stream_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    """It is never written to the disk completely; the error names the limit."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    thread = _feed(pipe, IMAGES["docker"])
    error = refuse(pipe, limits=Limits(layer_bytes=4096))
    thread.join()
    assert isinstance(error, LimitExceededError)
    assert "--limit layer_bytes=" in str(error.hint)


ENDLESS: dict[str, Callable[[], Iterator[bytes]]] = {
    "zeros": lambda: repeat(bytes(1 << 16)),
    "noise": lambda: repeat(random.Random(1).randbytes(1 << 16)),
    "text": lambda: repeat(b"no image\n" * 1000),
    "JSON": lambda: chain([b"[0"], repeat(b", 0" * 1000)),
    "packed zeros": lambda: _packed(repeat(bytes(1 << 16))),
    "packed noise": lambda: _packed(repeat(random.Random(1).randbytes(1 << 16))),
}


def _packed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=31)
    return map(packer.compress, pieces)


@pytest.mark.parametrize("what", ENDLESS)
@pytest.mark.parametrize("where", ["stdin", "path"])
def test_an_endless_stream_that_is_no_image_is_refused_by_its_first_bytes(
    what: str, where: str
) -> None:
    """Nothing is written to the disk, and the writer gets a broken pipe."""
    reading, writing = os.pipe()
    written = 0

    def write() -> None:
        nonlocal written
        try:
            for piece in ENDLESS[what]():
                view = memoryview(piece)
                while view:
                    done = os.write(writing, view)
                    view = view[done:]
                    written += done
        except BrokenPipeError:
            os.close(writing)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        with pytest.raises(NotAnImageError, match=r"zeros|unknown format|text|JSON"):
            _on_stdin(reading) if where == "stdin" else open_path(f"/dev/fd/{reading}")
    finally:
        os.close(reading)
        thread.join()
    assert written < 8 << 20


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom"])
def test_a_device_that_is_no_image_is_refused(device: str) -> None:
    assert isinstance(refuse(device), NotAnImageError)


def test_a_stream_that_stays_open_is_described_by_its_first_bytes() -> None:
    """Its writer may keep it open forever."""
    reading, writing = os.pipe()
    os.write(writing, b"<!doctype html>" + b" " * 600)
    try:
        with pytest.raises(NotAnImageError, match="an HTML page"):
            _on_stdin(reading)
    finally:
        os.close(reading)
        os.close(writing)


def test_compressed_files_without_an_image_are_refused_before_decompression(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The content may be larger than the disk."""

    def fail(**_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(tempfile, "TemporaryFile", fail)
    assert isinstance(refuse(save(tmp_path, gzip.compress(b"a" * (3 << 20)))), NotAnImageError)


def test_a_large_copy_leaves_room_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stops before the disk is full; the error says where, and after how many bytes."""
    free = os.statvfs_result((4096, 4096, 1000, 10, 10, 100, 100, 100, 0, 255))
    monkeypatch.setattr("layerscope.sources.spool._CHECK_BYTES", 1 << 16)
    monkeypatch.setattr(os, "fstatvfs", lambda _: free)
    with pytest.raises(LayerscopeError, match="no space left") as caught:
        spool(repeat(bytes(1 << 15)), "stream")
    assert f"in {tempfile.gettempdir()} for a temporary copy, after 65.5 kB" in str(caught.value)
    assert "TMPDIR" in str(caught.value.hint)


def test_reading_a_stream_can_be_stopped() -> None:
    class Stopped(NullProgress):
        def cancelled(self) -> bool:
            return True

    with pytest.raises(CancelledError):
        open_image(Request("/dev/zero", progress=Stopped()))


class _FullDisk(io.RawIOBase):
    """A temporary file on a disk without room."""

    def __init__(self, problem: OSError) -> None:
        self._problem = problem

    def write(self, _: Any) -> int:
        raise self._problem


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space left in"),
        (errno.EDQUOT, "no space left in"),
        (errno.EROFS, "cannot write a temporary copy in"),
    ],
)
def test_a_full_disk_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    """The error names the folder, the hint how to use another."""
    problem = OSError(number, os.strerror(number))
    path = save(tmp_path, gzip.compress(IMAGES["docker"]))
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: _FullDisk(problem))
    error = refuse(path)
    assert words in str(error)
    assert tempfile.gettempdir() in str(error)
    assert "TMPDIR" in str(error.hint)


def test_a_missing_temporary_folder_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container with a read-only root."""
    path = save(tmp_path, gzip.compress(IMAGES["docker"]))

    def fail(**_: object) -> None:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryFile", fail)
    monkeypatch.setattr(tempfile, "gettempdir", fail)
    assert "cannot write a temporary copy" in str(refuse(path))


def test_a_temporary_file_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never has a name."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept = spool(iter([b"abc", b"", b"def"]), "stream")
    assert kept.blob("stream").read() == b"abcdef"
    assert kept.spooled
    assert list(tmp_path.iterdir()) == []
