"""The format of a file, folder or stream is detected by content, never by name."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from layerscope.errors import (
    CorruptImageError,
    ImageNotFoundError,
    LayerscopeError,
    LimitExceededError,
    NotAnImageError,
    UsageError,
)
from layerscope.limits import Limits
from tests.images import (
    archive,
    docker_archive,
    docker_files,
    oci_archive,
    oci_files,
)
from tests.sources.image_files import (
    BASE,
    LAYERS,
    NAMES,
    codes,
    layers_of,
    open_path,
    refuse,
    save,
    unreadable,
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
def test_an_archive_may_be_compressed(tmp_path: Path, what: str, how: str) -> None:
    """The file name does not matter."""
    packed = bytes(PACKERS[how](IMAGES[what]))
    for name in ("image.tar", "image.zip", "image"):
        opened = open_path(save(tmp_path, packed, name))
        assert (layers_of(opened), opened.warnings, opened.damages()) == (NAMES, [], [])
        assert all(opened.verified(number) for number in range(2))


@HOW
def test_a_packed_archive_that_is_cut_or_flipped_is_damaged(tmp_path: Path, how: str) -> None:
    """Even if every member could be read; the error names file and compression."""
    packed = bytes(PACKERS[how](IMAGES["docker"]))
    for cut in (20, len(packed) // 2, len(packed) - 4, len(packed) - 1):
        error = refuse(save(tmp_path, packed[:cut]))
        assert isinstance(error, CorruptImageError)
        assert f"{how} stream is truncated" in str(error)
    if how != "zstd":  # whose checksum is optional
        flipped = bytearray(packed)
        flipped[len(packed) // 2] ^= 4
        assert f"{how} stream is damaged" in str(refuse(save(tmp_path, bytes(flipped))))


@HOW
def test_bytes_after_a_compressed_archive_are_a_warning(tmp_path: Path, how: str) -> None:
    """Zeros are padding."""
    packed = bytes(PACKERS[how](IMAGES["docker"]))
    assert codes(open_path(save(tmp_path, packed + bytes(700)))) == []
    assert codes(open_path(save(tmp_path, packed + b"junk"))) == ["trailing-data"]


def test_a_packed_archive_that_unpacks_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    """The error names the limit, and raising it helps."""
    path = save(tmp_path, gzip.compress(IMAGES["docker"]))
    size = len(IMAGES["docker"])
    error = refuse(path, limits=Limits(layer_bytes=size - 1))
    assert isinstance(error, LimitExceededError)
    assert "--limit layer_bytes=" in str(error.hint)
    assert layers_of(open_path(path, limits=Limits(layer_bytes=size))) == NAMES


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    """Broken symlinks and invalid file names are reported, too."""
    assert isinstance(refuse(tmp_path / "nothing.tar"), ImageNotFoundError)
    (tmp_path / "gone").symlink_to("nowhere")
    assert isinstance(refuse(tmp_path / "gone"), ImageNotFoundError)
    assert "broken symlink to nowhere" in str(refuse(tmp_path / "gone"))
    (tmp_path / "annexed").symlink_to(".git/annex/objects/8k/Kq/SHA256E-s1--4d/SHA256E-s1--4d")
    assert "git annex get" in str(refuse(tmp_path / "annexed").hint)
    (tmp_path / "circle").symlink_to("circle")
    save(tmp_path, b"x", "file")
    for name in ("circle", "file/below", "n" * 5000, "a\0b"):
        with pytest.raises(LayerscopeError):
            open_path(tmp_path / name)
    for name in ("~nobody-of-this-name/image.tar", "./strange://name"):
        assert isinstance(refuse(name), ImageNotFoundError)


def test_a_file_may_have_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name may look like a reference, not be UTF-8, or be one letter; errors name the file."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "demo:latest", "e", "\udcff.tar", "layer", "x y\n"):
        Path(name).write_bytes(IMAGES["docker"])
        assert layers_of(open_path(name)) == NAMES
    Path("e").write_bytes(archive(docker_files(LAYERS) | {"manifest.json": b"["}))
    assert str(refuse("e")).startswith("e: ")
    (tmp_path / "strange:").mkdir()
    Path("strange:/image").write_bytes(IMAGES["docker"])
    assert layers_of(open_path("./strange://image")) == NAMES


def test_an_unknown_scheme_is_reported() -> None:
    """The hint lists the known schemes."""
    with pytest.raises(UsageError, match="ftp://") as caught:
        open_path("ftp://image")
    assert "docker-archive://" in str(caught.value.hint)


def test_a_scheme_must_fit(tmp_path: Path) -> None:
    """The error names the detected kind."""
    path = save(tmp_path, IMAGES["docker"])
    assert layers_of(open_path(f"docker-archive://{path}")) == NAMES
    assert "this is docker-archive, not oci" in str(refuse(f"oci://{path}"))


def test_a_file_without_permission_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, opened = save(tmp_path, IMAGES["docker"]), os.open

    def fail(name: Any, *rest: Any) -> int:
        if name in (path, str(path)):
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(name, *rest)

    monkeypatch.setattr(os, "open", fail)
    assert "Permission denied" in str(refuse(path))


def test_a_failing_disk_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the archive is scanned, and while a document is read."""
    path, read = save(tmp_path, IMAGES["docker"]), os.pread
    size = path.stat().st_size
    for start in (0, 512, size // 2, size - 1400):

        def fail(fd: int, length: int, offset: int, start: int = start) -> bytes:
            if offset >= start:
                raise OSError(errno.EIO, "Input/output error")
            return read(fd, min(length, start - offset), offset)

        monkeypatch.setattr(os, "pread", fail)
        assert "Input/output error" in str(refuse(path))


# --- Folders --------------------------------------------------------------------------------------


def test_a_folder_that_holds_no_image_is_never_a_root_filesystem(tmp_path: Path) -> None:
    """Such as a home directory, a checkout or an empty folder."""
    assert isinstance(refuse(tmp_path), NotAnImageError)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text("x")
    assert "holds no image" in str(refuse(tmp_path))
    (tmp_path / "manifest.json").write_text("no JSON")
    assert "holds no image" in str(refuse(tmp_path))
    (tmp_path / "0.tar").write_bytes(BASE)
    assert "manifest.json is not valid JSON" in str(refuse(tmp_path))


def test_an_image_in_one_folder_of_an_archive_is_found(tmp_path: Path) -> None:
    """`tar czf image.tgz image/`: the folder's name is stripped, also from links."""
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
    assert "missing from the archive" in unreadable(save(tmp_path, outside))


def test_the_folder_may_have_an_entry_for_its_parent(tmp_path: Path) -> None:
    """In old tars, a trailing slash marks a folder."""
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
