"""What a file, a folder or a stream holds is told by its content, never by its name."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
import sys
import tarfile
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from layerscope.errors import (
    CancelledError,
    CorruptImageError,
    ImageNotFoundError,
    LayerscopeError,
    LimitExceededError,
    NotAnImageError,
    UsageError,
)
from layerscope.limits import Limits
from layerscope.opening import open_image
from layerscope.progress import NullProgress
from layerscope.sources import Request
from layerscope.sources.spool import spool
from tests.images import (
    archive,
    docker_archive,
    docker_files,
    oci_archive,
    oci_files,
)
from tests.sources.places import (
    BASE,
    LAYERS,
    NAMES,
    codes,
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
HOW = pytest.mark.parametrize("how", list(PACKERS))
WHAT = pytest.mark.parametrize("what", list(IMAGES))


@WHAT
@HOW
def test_a_whole_archive_may_be_packed(tmp_path: Path, what: str, how: str) -> None:
    """Whatever its name says."""
    packed = bytes(PACKERS[how](IMAGES[what]))
    for name in ("image.tar", "image.zip", "image"):
        opened = open_path(save(tmp_path, packed, name))
        assert (layers_of(opened), opened.warnings, opened.damages()) == (NAMES, [], [])
        assert all(opened.verified(number) for number in range(2))


@HOW
def test_a_packed_archive_that_is_cut_or_flipped_is_damaged(tmp_path: Path, how: str) -> None:
    """Though every member could be read: an error that names file and compression."""
    packed = bytes(PACKERS[how](IMAGES["docker"]))
    for cut in (20, len(packed) // 2, len(packed) - 4, len(packed) - 1):
        error = refuse(save(tmp_path, packed[:cut]))
        assert isinstance(error, CorruptImageError)
        assert f"{how} stream is cut short" in str(error)
    if how != "zstd":  # whose checksum is optional
        flipped = bytearray(packed)
        flipped[len(packed) // 2] ^= 4
        assert f"{how} stream is damaged" in str(refuse(save(tmp_path, bytes(flipped))))


@HOW
def test_bytes_behind_a_packed_archive_are_a_warning(tmp_path: Path, how: str) -> None:
    """Zeros are padding."""
    packed = bytes(PACKERS[how](IMAGES["docker"]))
    assert codes(open_path(save(tmp_path, packed + bytes(700)))) == []
    assert codes(open_path(save(tmp_path, packed + b"junk"))) == ["trailing-data"]


def test_one_packing_is_undone_not_two(tmp_path: Path) -> None:
    """Nothing writes such files; the error says what is inside."""
    twice = gzip.compress(gzip.compress(IMAGES["docker"]))
    assert "the gzip stream holds no tar" in str(refuse(save(tmp_path, twice)))


def test_a_packed_archive_that_unpacks_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    """The limit is named; raising it helps."""
    path = save(tmp_path, gzip.compress(IMAGES["docker"]))
    size = len(IMAGES["docker"])
    error = refuse(path, limits=Limits(layer_bytes=size - 1))
    assert isinstance(error, LimitExceededError)
    assert "--limit layer_bytes=" in str(error.hint)
    assert layers_of(open_path(path, limits=Limits(layer_bytes=size))) == NAMES


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (bytes(512), "an empty tar"),
        (bytes(7), "an empty tar"),
        (b"hello, world\n" * 100, "no tar archive"),
        (b"PK\x03\x04" + bytes(600), "zip archive"),
        (b'{"schemaVersion": 2}', "a JSON document"),
        (b"  [1]", "a JSON document"),
        (gzip.compress(b""), "the gzip stream holds nothing"),
        (gzip.compress(b"hello" * 1000), "the gzip stream holds no tar"),
        (gzip.compress(bytes(1024)), "the gzip stream holds an empty tar"),
        (b"\x1f\x8b\x08", "cut short"),
        (os.urandom(2000), "no tar archive"),
    ],
)
def test_what_is_no_image_is_called_by_its_name(tmp_path: Path, data: bytes, words: str) -> None:
    """Empty files, zip files, JSON, text, noise."""
    assert words in str(refuse(save(tmp_path, data)))


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    """And so is what nobody may name a file."""
    assert isinstance(refuse(tmp_path / "nothing.tar"), ImageNotFoundError)
    (tmp_path / "gone").symlink_to("nowhere")
    assert isinstance(refuse(tmp_path / "gone"), ImageNotFoundError)
    (tmp_path / "circle").symlink_to("circle")
    save(tmp_path, b"x", "file")
    for name in ("circle", "file/below", "n" * 5000, "a\0b"):
        with pytest.raises(LayerscopeError):
            open_path(tmp_path / name)
    for name in ("~nobody-of-this-name/image.tar", "./strange://name", "Odd://name"):
        assert isinstance(refuse(name), ImageNotFoundError)


def test_a_file_may_have_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that looks like a reference, has bytes that are no text, or is one letter; errors name it."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "demo:latest", "e", "\udcff.tar", "layer", "x y\n"):
        Path(name).write_bytes(IMAGES["docker"])
        assert layers_of(open_path(name)) == NAMES
    Path("e").write_bytes(archive(docker_files(LAYERS) | {"manifest.json": b"["}))
    assert str(refuse("e")).startswith("e: ")
    (tmp_path / "strange:").mkdir()
    Path("strange:/image").write_bytes(IMAGES["docker"])
    assert layers_of(open_path("./strange://image")) == NAMES


def test_an_unknown_scheme_is_told() -> None:
    """With those that are known."""
    with pytest.raises(UsageError, match="ftp://") as caught:
        open_path("ftp://image")
    assert "docker-archive://" in str(caught.value.hint)


def test_a_scheme_must_fit(tmp_path: Path) -> None:
    """What it is instead is said."""
    path = save(tmp_path, IMAGES["docker"])
    assert layers_of(open_path(f"docker-archive://{path}")) == NAMES
    assert "it is docker-archive, not oci" in str(refuse(f"oci://{path}"))


def test_a_file_that_may_not_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the words of the system."""
    path, opened = save(tmp_path, IMAGES["docker"]), os.open

    def fail(name: Any, *rest: Any) -> int:
        if name in (path, str(path)):
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(name, *rest)

    monkeypatch.setattr(os, "open", fail)
    assert "Permission denied" in str(refuse(path))


def test_a_disk_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the archive is looked into, and while a document is read."""
    path, read = save(tmp_path, IMAGES["docker"]), os.pread
    size = path.stat().st_size
    for start in (0, 512, size // 2, size - 1400):

        def fail(fd: int, length: int, offset: int, start: int = start) -> bytes:
            if offset >= start:
                raise OSError(errno.EIO, "Input/output error")
            return read(fd, length, offset)

        monkeypatch.setattr(os, "pread", fail)
        assert "Input/output error" in str(refuse(path))


# --- Folders --------------------------------------------------------------------------------------


def test_a_folder_that_holds_no_image_is_never_a_root_filesystem(tmp_path: Path) -> None:
    """A home, a checkout, an empty folder."""
    assert isinstance(refuse(tmp_path), NotAnImageError)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text("x")
    assert "holds no image" in str(refuse(tmp_path))
    (tmp_path / "manifest.json").write_text("no JSON")
    assert "holds no image" in str(refuse(tmp_path))
    (tmp_path / "0.tar").write_bytes(BASE)
    assert "manifest.json is no JSON" in str(refuse(tmp_path))


def test_an_image_in_one_folder_of_an_archive_is_found(tmp_path: Path) -> None:
    """`tar czf image.tgz image/`: its name is no part of the image's names. Links in it lead where they did."""
    for files in (docker_files(LAYERS), oci_files(LAYERS)):
        for prefix in ("image", "./image"):
            packed = {f"{prefix}/{name}": data for name, data in files.items()}
            assert layers_of(open_path(save(tmp_path, archive(packed)))) == NAMES
    links = {f"image/{name}": data for name, data in docker_files([BASE, BASE]).items()}
    first, second = sorted(name for name in links if name.endswith("layer.tar"))
    target = f"../../{first}"
    tar = archive(links, links={second: target})
    assert layers_of(open_path(save(tmp_path, tar))) == [NAMES[0], NAMES[0]]
    outside = archive(links, links={second: "../../" + "x" * len("image") + first[5:]})
    assert "not in the archive" in str(refuse(save(tmp_path, outside)))


def test_the_folder_may_have_an_entry_for_its_parent(tmp_path: Path) -> None:
    """And be of a tar so old that folders are told by their slash."""
    for form in (tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=form) as tar:
            for name in ("./", "./image/"):
                info = tarfile.TarInfo(name)
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            for name, data in docker_files(LAYERS).items():
                info = tarfile.TarInfo(f"./image/{name}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        assert layers_of(open_path(save(tmp_path, stream.getvalue()))) == NAMES
    from tests.layers.reading import END, entry, header

    old = header(b"image/", b"\0")
    old += b"".join(
        entry(f"image/{name}".encode(), data, b"\0") for name, data in docker_files(LAYERS).items()
    )
    assert layers_of(open_path(save(tmp_path, old + END))) == NAMES


# --- Streams --------------------------------------------------------------------------------------


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
