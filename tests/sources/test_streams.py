"""Images that come in on a pipe or on stdin, and packed archives: kept in a temporary file while they are shown."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from layerscope.errors import (
    CancelledError,
    LayerscopeError,
    LimitExceededError,
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
from tests.sources.places import (
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
    """As `<(docker save …)` gives it: kept in a temporary file, whole before it is looked into."""
    data = bytes(PACKERS[how](IMAGES[what])) if how else IMAGES[what]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    thread = _feed(pipe, data)
    opened = open_path(pipe)
    thread.join()
    assert layers_of(opened) == NAMES
    assert all(opened.verified(number) for number in range(2))


def _on_stdin(descriptor: int) -> Any:
    """Open what comes in on stdin."""
    kept = os.dup(0)
    try:
        os.dup2(descriptor, 0)
        return open_image(Request("-"))
    finally:
        os.dup2(kept, 0)
        os.close(kept)


@pytest.mark.parametrize("blocking", [True, False])
def test_stdin_may_be_a_pipe(tmp_path: Path, blocking: bool) -> None:
    """Even one that another process made non-blocking; its writer may be slow."""
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
    """Then nothing is copied."""
    path = save(tmp_path, IMAGES["oci"])
    descriptor = os.open(path, os.O_RDONLY)
    opened = _on_stdin(descriptor)
    os.close(descriptor)
    assert (layers_of(opened), opened.image.source_kind) == (NAMES, "stdin")


def test_stdin_that_gives_no_image_is_told(tmp_path: Path) -> None:
    """Nothing, a folder, or nothing at all."""
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
    """It is never written to the disk whole. The limit is named."""
    error = refuse("/dev/zero", limits=Limits(layer_bytes=1 << 20))
    assert isinstance(error, LimitExceededError)
    assert "--limit layer_bytes=" in str(error.hint)


def test_reading_a_stream_can_be_stopped() -> None:
    """However long it is."""

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
        (errno.ENOSPC, "no space left for a temporary copy in"),
        (errno.EDQUOT, "no space left for a temporary copy in"),
        (errno.EROFS, "a temporary copy cannot be written in"),
    ],
)
def test_a_full_disk_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    """With the folder, and how to use another."""
    problem = OSError(number, os.strerror(number))
    path = save(tmp_path, gzip.compress(IMAGES["docker"]))
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: _FullDisk(problem))
    error = refuse(path)
    assert words in str(error)
    assert tempfile.gettempdir() in str(error)
    assert "TMPDIR" in str(error.hint)


def test_no_temporary_folder_at_all_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container with a read-only root."""
    path = save(tmp_path, gzip.compress(IMAGES["docker"]))

    def fail(**_: object) -> None:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryFile", fail)
    monkeypatch.setattr(tempfile, "gettempdir", fail)
    assert "temporary copy cannot be written" in str(refuse(path))


def test_a_temporary_file_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no name from the start."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept = spool(iter([b"abc", b"", b"def"]), "stream")
    assert kept.blob("stream").read() == b"abcdef"
    assert kept.spooled
    assert list(tmp_path.iterdir()) == []
