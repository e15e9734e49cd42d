"""Blobs: ranges of files, opened on demand with few descriptors."""

from __future__ import annotations

import gc
import os
import resource
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from layerscope.layers.blob import (
    CHUNK,
    OPEN_FILES,
    Blob,
    BlobRange,
    MemoryBlob,
    MissingBlob,
    OpenFile,
    PathFile,
)
from tests.layers.caching import settled

DATA = bytes(range(256)) * 4


def _blobs(folder: Path) -> list[Blob]:
    path = folder / "file"
    path.write_bytes(DATA)
    return [
        MemoryBlob("memory", DATA),
        OpenFile.open(path).blob("open"),
        PathFile(path, "path").blob("path"),
        BlobRange(MemoryBlob("whole", b"before" + DATA + b"after"), "part", 6, len(DATA)),
    ]


def test_all_blobs_read_the_same_bytes(tmp_path: Path) -> None:
    """Reads at any offset agree, and end at the end of the blob."""
    for blob in _blobs(tmp_path):
        assert blob.size == len(DATA)
        assert blob.read() == DATA
        assert blob.pread(10, 5) == DATA[5:15]
        assert blob.pread(10, len(DATA) - 3) == DATA[-3:]
        assert blob.pread(10, len(DATA)) == b""
        assert blob.pread(10, len(DATA) + 7) == b""
        assert blob.pread(10, 1 << 62) == b""
        assert b"".join(blob.chunks(100, 300)) == DATA[100:300]
        assert b"".join(blob.chunks(1000, 5000)) == DATA[1000:]
        assert list(blob.chunks(500, 500)) == []


def test_a_blob_is_read_in_pieces() -> None:
    blob = MemoryBlob("memory", bytes(3 * CHUNK + 1))
    assert [len(piece) for piece in blob.chunks()] == [CHUNK, CHUNK, CHUNK, 1]


def test_a_truncated_range_ends_early() -> None:
    """Reading returns fewer bytes, without an endless loop."""
    part = BlobRange(MemoryBlob("whole", b"abc"), "part", 1, 100)
    assert part.read() == b"bc"


def test_a_missing_blob_gives_the_reason() -> None:
    """Every way of reading raises it."""
    blob = MissingBlob("layer", "it is elsewhere")
    for read in (lambda: blob.pread(1, 0), lambda: list(blob.chunks()), blob.read):
        with pytest.raises(OSError, match="it is elsewhere"):
            read()


def _descriptors() -> int:
    return len(os.listdir("/dev/fd"))  # noqa: PTH208  # names, not paths


def _is_open(inode: int) -> bool:
    """Whether this process has a descriptor of a file. Threads of other tests may close theirs meanwhile."""
    for descriptor in os.listdir("/dev/fd"):  # noqa: PTH208
        with suppress(OSError):
            if os.fstat(int(descriptor)).st_ino == inode:
                return True
    return False


def test_a_file_is_closed_with_its_last_blob(tmp_path: Path) -> None:
    """It stays open until then, even if the path is deleted."""
    path = tmp_path / "file"
    path.write_bytes(DATA)
    inode = path.stat().st_ino
    assert not _is_open(inode)
    blob: Blob | None = OpenFile.open(path).blob("open")
    gc.collect()
    path.unlink()
    assert blob is not None
    assert blob.read() == DATA
    assert _is_open(inode)
    del blob
    gc.collect()
    assert not _is_open(inode)


def test_many_files_need_few_descriptors(tmp_path: Path) -> None:
    """A layout with hundreds of layers can be read by several threads with a low limit on open files."""
    for number in range(300):
        (tmp_path / str(number)).write_bytes(b"%d" % number * 100)
    blobs = [PathFile(tmp_path / str(number), "layer").blob("layer") for number in range(300)]
    before = _descriptors()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before + OPEN_FILES + 10, hard))
    try:
        with ThreadPoolExecutor(4) as pool:
            for _ in range(3):
                assert list(pool.map(Blob.read, blobs)) == [b"%d" % n * 100 for n in range(300)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert _descriptors() <= before + OPEN_FILES


def test_a_replaced_file_is_not_read(tmp_path: Path) -> None:
    """Nor is a file that became a symlink: only the file that was checked is read."""
    path, other = tmp_path / "file", tmp_path / "other"
    path.write_bytes(DATA)
    other.write_bytes(b"other" * 400)
    blob = PathFile(path, "path").blob("path")
    other.rename(path)
    with pytest.raises(OSError, match="changed while it was open"):
        blob.read()
    blob = PathFile(path, "path").blob("path")
    path.rename(other)
    path.symlink_to(other)
    with pytest.raises(OSError, match="symbolic links"):
        blob.read()


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    """Symlinks, folders and pipes, which would block, are refused."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "link", "folder"):
        with pytest.raises(OSError, match="not a regular file"):
            PathFile(tmp_path / name, name)


def test_a_copy_never_changes(tmp_path: Path) -> None:
    """No other process can write to a private copy."""
    path = settled(tmp_path / "copy", DATA)
    blob = OpenFile(os.open(path, os.O_RDONLY), "copy", spooled=True).blob("stdin")
    assert blob.identity is None
    assert not blob.changed()
    assert not BlobRange(blob, "part", 0, 1).changed()
