"""Files that change while they are open: modified bytes are never returned, and other names or attributes are harmless."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from layerscope.layers.blob import Blob, BlobRange, MemoryBlob, OpenFile, PathFile
from layerscope.layers.contents import LayerContents
from layerscope.layers.file_identity import FileChangedError
from layerscope.limits import DEFAULT_LIMITS
from tests.images import compressed, file, layer_tar
from tests.layers.caching import settled
from tests.layers.reading import read

DATA = bytes(range(256)) * 4
OTHER = DATA[::-1]


def _write_and_restore_time(path: Path) -> None:
    status = path.stat()
    with path.open("r+b") as stream:
        stream.write(OTHER)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _one_byte(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.write(b"!")


def _longer(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b"more")


WRITES: dict[str, Callable[[Path], object]] = {
    "other bytes": lambda path: path.write_bytes(OTHER),
    "one byte": _one_byte,
    "shorter": lambda path: os.truncate(path, 10),
    "longer": _longer,
    "emptied": lambda path: path.write_bytes(b""),
    "other bytes and the old time": _write_and_restore_time,
}


def _replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(OTHER)
    other.replace(path)


def _moved(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.write_bytes(OTHER)


HARMLESS: dict[str, Callable[[Path], object]] = {
    "replaced": _replaced,
    "moved": _moved,
    "deleted": Path.unlink,
    "one more name": lambda path: path.with_name("link").hardlink_to(path),
    "other permissions": lambda path: path.chmod(0o400),
    "read": Path.read_bytes,
}

OPENERS: dict[str, Callable[[Path], Blob]] = {
    "open": lambda path: OpenFile.open(path).blob("file"),
    "by its path": lambda path: PathFile(path, "file").blob("file"),
    "a part": lambda path: BlobRange(OpenFile.open(path).blob("file"), "part", 0, len(DATA)),
}


@pytest.mark.parametrize("before", [True, False], ids=["read before", "not read before"])
@pytest.mark.parametrize("opener", OPENERS)
@pytest.mark.parametrize("write", WRITES)
def test_a_modified_file_is_not_read(write: str, opener: str, before: bool, tmp_path: Path) -> None:
    """Reading fails for all offsets, even after the old bytes are restored, and the error has the remedy."""
    path = settled(tmp_path / "file", DATA)
    blob = OPENERS[opener](path)
    if before:
        assert blob.read() == DATA
    WRITES[write](path)
    for _ in range(2):
        with pytest.raises(FileChangedError, match="changed while it was open; open it again"):
            blob.pread(1, 0)
        path.write_bytes(DATA)
    assert blob.overwritten


@pytest.mark.parametrize("what", HARMLESS)
def test_a_renamed_file_is_still_read(what: str, tmp_path: Path) -> None:
    """It is read through the open descriptor: tools that write a new file and rename it leave the old one intact."""
    path = settled(tmp_path / "file", DATA)
    blob = OpenFile.open(path).blob("file")
    HARMLESS[what](path)
    assert blob.read() == DATA
    assert blob.pread(1, 5) == DATA[5:6]
    assert not blob.overwritten


def test_a_write_after_a_harmless_change_is_detected(tmp_path: Path) -> None:
    path = settled(tmp_path / "file", DATA)
    blob = OpenFile.open(path).blob("file")
    elsewhere = path.rename(path.with_name("elsewhere"))
    assert blob.read() == DATA
    _write_and_restore_time(settled(elsewhere))
    with pytest.raises(FileChangedError):
        blob.read()


class _SwappableBlob(MemoryBlob):
    """Bytes that change without changing a file's times, as with mapped files."""

    def swap(self, data: bytes) -> None:
        self._data = data


@pytest.mark.parametrize("how", [None, "gzip"])
def test_contents_are_checked_against_their_digests(how: str | None) -> None:
    """Bytes of a small content are only returned after all of it was checked."""
    big = bytes(1 << 20)
    layers = [
        layer_tar([file("a", content), file("b", big), file("c", content)])
        for content in (b"old", b"new")
    ]
    old, new = (compressed(layer, how) for layer in layers)  # type: ignore[arg-type]  # one of its values
    blob = _SwappableBlob("layer", old)
    contents = LayerContents(blob, read(old, hash_all=True), DEFAULT_LIMITS)
    blob.swap(new)
    for entry in (0, 2):
        with pytest.raises(FileChangedError):
            next(contents.chunks(entry))
    assert b"".join(contents.chunks(1)) == big
    if how is None:
        assert list(contents.heads(np.array([1]), 4)) == [bytes(4)]
