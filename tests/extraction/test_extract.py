"""Extraction: paths that are written or left out, and nothing else is touched."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from layerscope.browse.named_paths import Lookup
from layerscope.errors import CancelledError, UsageError
from layerscope.extraction.extract import extract, target_of
from layerscope.extraction.placing import ExistsError
from layerscope.extraction.plan import plan_one, plan_whole
from layerscope.extraction.result import Extracted
from layerscope.extraction.staging import open_directory, remove_tree
from layerscope.layers.compression import DecompressedStream
from layerscope.opening.open import Opened, Options, open_image
from layerscope.progress import NullProgress
from layerscope.sources import Request
from tests.images import (
    Compression,
    Member,
    device,
    directory,
    docker_archive,
    fifo,
    file,
    hardlink,
    layer_tar,
    symlink,
    unknown,
    whiteout,
    write,
)

BASE = layer_tar(
    [
        directory("etc", mode=0o750, mtime=1_000),
        file("etc/motd", b"hello\n", mode=0o640, mtime=86_400),
        file("etc/old", b"old"),
        file("usr/bin/su", b"#!su", mode=0o4755),
        hardlink("usr/bin/sudo", "usr/bin/su"),
        symlink("usr/bin/link", "su"),
        symlink("etc/out", "/outside"),
        device("dev/null", 1, 3),
        fifo("dev/pipe"),
        hardlink("broken", "nowhere"),
        unknown("odd", b"?"),
    ]
)
NEXT = layer_tar(
    [whiteout("etc/old"), file("etc/motd", b"changed\n", mode=0o600), file("new", b"")]
)
LAYERS = (BASE, NEXT)


def image(
    folder: Path, layers: Sequence[bytes] = LAYERS, compress: Compression | None = None
) -> Opened:
    """An opened image."""
    path = write(folder / "image.tar", docker_archive(layers, compress=compress))
    return open_image(Request(str(path)), Options(duplicates=False))


def extract_one(
    opened: Opened, path: str, target: Path, layer: int = -1, *, overwrite: bool = False
) -> Extracted:
    """Extract one path to `target`."""
    filesystem = opened.filesystem
    path_number = filesystem.table.find(os.fsencode(path))
    assert path_number is not None
    after = layer % filesystem.layer_count
    version = int(Lookup(filesystem, after).rows[path_number])
    plan = plan_one(filesystem, version, after, os.fsencode(target.name))
    return extract(plan, opened.contents, target.parent, overwrite=overwrite)


def extract_all(opened: Opened, target: Path, *, overwrite: bool = False) -> Extracted:
    """Extract the complete final image into `target`."""
    plan = plan_whole(opened.filesystem, [0], opened.filesystem.layer_count - 1)
    return extract(plan, opened.contents, target, overwrite=overwrite)


def listed(folder: Path) -> list[str]:
    """The names in a directory."""
    return [found.name for found in folder.iterdir()]


@pytest.fixture(params=[None, "gzip", "zstd"], ids=["plain", "gzip", "zstd"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    """The image, with compressed or plain layers."""
    return image(tmp_path, compress=request.param)


def test_a_file_keeps_permissions_and_time(opened: Opened, tmp_path: Path) -> None:
    result = extract_one(opened, "etc/motd", tmp_path / "motd", 0)
    status = (tmp_path / "motd").stat()
    assert (tmp_path / "motd").read_bytes() == b"hello\n"
    assert (stat.S_IMODE(status.st_mode), status.st_mtime) == (0o640, 86_400)
    assert (result.files, result.bytes, result.notes()) == (1, 6, [])


def test_the_version_after_a_layer_is_extracted(opened: Opened, tmp_path: Path) -> None:
    """A path has other contents after another layer; a removed file can be extracted from before its removal."""
    extract_one(opened, "etc/motd", tmp_path / "motd", 1)
    assert (tmp_path / "motd").read_bytes() == b"changed\n"
    extract_one(opened, "etc/old", tmp_path / "old", 0)
    assert (tmp_path / "old").read_bytes() == b"old"


def test_a_version_that_was_never_visible_can_be_extracted(tmp_path: Path) -> None:
    """A layer may store a path twice; the first version is never visible."""
    opened = image(tmp_path, [layer_tar([file("a", b"first"), file("a", b"second")])])
    plan = plan_one(opened.filesystem, 0, 0, b"saved")
    assert opened.filesystem.died[0] == 0
    extract(plan, opened.contents, tmp_path)
    assert (tmp_path / "saved").read_bytes() == b"first"


def test_a_directory_is_extracted_under_another_name(opened: Opened, tmp_path: Path) -> None:
    extract_one(opened, "etc", tmp_path / "copied")
    assert sorted(listed(tmp_path / "copied")) == ["motd", "out"]
    status = (tmp_path / "copied").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime) == (0o750, 1_000)


def test_links_are_kept_and_special_files_are_left_out(opened: Opened, tmp_path: Path) -> None:
    """Hard links share an inode, symlinks keep their targets, and devices and pipes are not created."""
    target = tmp_path / "root"
    target.mkdir()
    result = extract_all(opened, target)
    su, sudo = target / "usr/bin/su", target / "usr/bin/sudo"
    assert su.stat().st_ino == sudo.stat().st_ino
    assert stat.S_IMODE(su.stat().st_mode) == 0o755
    assert (target / "usr/bin/link").readlink() == Path("su")
    assert (target / "etc/out").readlink() == Path("/outside")
    assert listed(target / "dev") == []
    assert (result.files, result.links, result.left_out, result.without_bits) == (4, 2, 2, 1)
    assert result.skipped == 2
    assert {why for _, why in result.reasons} == {
        "a hard link without a target",
        "an entry of unknown type",
    }
    assert not [name for name in listed(target) if name.startswith(".layerscope")]


def test_nothing_is_replaced_without_overwrite(opened: Opened, tmp_path: Path) -> None:
    """Existing files stay and the target is unchanged; with overwrite, files are replaced and directories merged."""
    target = tmp_path / "root"
    write(target / "etc/motd", b"mine")
    write(target / "etc/kept", b"kept")
    with pytest.raises(ExistsError, match="motd already exists"):
        extract_all(opened, target)
    assert sorted(listed(target)) == ["etc"]
    assert (target / "etc/motd").read_bytes() == b"mine"
    extract_all(opened, target, overwrite=True)
    assert (target / "etc/motd").read_bytes() == b"changed\n"
    assert (target / "etc/kept").read_bytes() == b"kept"


def test_a_directory_is_never_replaced_by_a_file(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "root/etc/motd").mkdir(parents=True)
    with pytest.raises(UsageError, match="in the way"):
        extract_all(opened, tmp_path / "root", overwrite=True)
    assert listed(tmp_path / "root/etc/motd") == []


@pytest.mark.parametrize("overwrite", [False, True])
def test_links_at_the_target_are_never_followed(
    opened: Opened, tmp_path: Path, overwrite: bool
) -> None:
    """A symlink in place of a directory is an error, whatever its target."""
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "root"
    target.mkdir()
    (target / "etc").symlink_to("../elsewhere")
    with pytest.raises(UsageError, match="in the way"):
        extract_all(opened, target, overwrite=overwrite)
    assert listed(tmp_path / "elsewhere") == []


def test_a_file_replaces_a_symlink_but_not_its_target(opened: Opened, tmp_path: Path) -> None:
    write(tmp_path / "precious", b"precious")
    (tmp_path / "motd").symlink_to("precious")
    extract_one(opened, "etc/motd", tmp_path / "motd", overwrite=True)
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert not (tmp_path / "motd").is_symlink()


def test_nothing_is_written_through_symlinks_of_the_image(tmp_path: Path) -> None:
    """If an image stores a file below its own symlink, a directory replaces the symlink, as in engines."""
    outside = tmp_path / "outside"
    outside.mkdir()
    layers = [
        layer_tar([symlink("a", str(outside)), symlink("b", str(outside / "made"))]),
        layer_tar([file("a/evil", b"evil"), file("b", b"file")]),
    ]
    target = tmp_path / "root"
    target.mkdir()
    extract_all(image(tmp_path, layers), target)
    assert listed(outside) == []
    assert (target / "a/evil").read_bytes() == b"evil"
    assert (target / "b").read_bytes() == b"file"


def test_sparse_files_keep_their_holes(tmp_path: Path) -> None:
    """A sparse file takes only the disk space of its data, and reads as zeros elsewhere."""
    size = 1 << 30
    sparse = Member(
        b"sparse",
        data=b"AB",
        pax={
            b"GNU.sparse.major": b"0",
            b"GNU.sparse.minor": b"1",
            b"GNU.sparse.size": b"%d" % size,
            b"GNU.sparse.map": b"0,1,%d,1" % (size - 1),
            b"GNU.sparse.numblocks": b"2",
        },
    )
    opened = image(tmp_path, [layer_tar([sparse])], "gzip")
    result = extract_one(opened, "sparse", tmp_path / "out")
    status = (tmp_path / "out").stat()
    assert (status.st_size, result.bytes) == (size, 2)
    assert status.st_blocks * 512 < 1 << 20
    with (tmp_path / "out").open("rb") as stream:
        assert stream.read(2) == b"A\0"
        stream.seek(-1, os.SEEK_END)
        assert stream.read() == b"B"


def test_a_refused_name_is_skipped_and_reported(tmp_path: Path) -> None:
    long = "n" * 300
    layers = [layer_tar([file(f"{long}/below", b"x"), file("fine", b"y"), file(long + "2", b"z")])]
    target = tmp_path / "root"
    target.mkdir()
    result = extract_all(image(tmp_path, layers), target)
    assert listed(target) == ["fine"]
    assert result.skipped == 3
    assert result.notes() == ["paths skipped: 3"]


@pytest.mark.parametrize("compress", [None, "gzip"])
def test_a_deep_tree_is_written_and_removed(tmp_path: Path, compress: Compression | None) -> None:
    """It needs neither recursion nor many open files, and paths may be longer than the system's limit."""
    deep = "/".join(["d" * 20] * 300)
    opened = image(tmp_path, [layer_tar([file(f"{deep}/end", b"deep")])], compress)
    target = tmp_path / "root"
    target.mkdir()
    result = extract_all(opened, target)
    assert (result.files, result.directories) == (1, 300)
    with pytest.raises(CancelledError):
        cancel_after(opened, tmp_path / "second", 290)
    assert listed(tmp_path / "second") == []
    folder = open_directory(str(tmp_path))
    remove_tree(b"root", folder)  # ordinary tools cannot remove it
    os.close(folder)


class CancelLater(NullProgress):
    """Cancels after a number of checks."""

    def __init__(self, checks: int) -> None:
        self.checks = checks

    def cancelled(self) -> bool:
        self.checks -= 1
        return self.checks < 0


def cancel_after(opened: Opened, target: Path, checks: int) -> None:
    """Cancel an extraction of the complete image after a number of checks."""
    target.mkdir()
    plan = plan_whole(opened.filesystem, [0], opened.filesystem.layer_count - 1)
    extract(plan, opened.contents, target, progress=CancelLater(checks))


@pytest.mark.parametrize("checks", [0, 3, 6, 8])
def test_a_cancelled_extraction_leaves_nothing(opened: Opened, tmp_path: Path, checks: int) -> None:
    with pytest.raises(CancelledError):
        cancel_after(opened, tmp_path / "root", checks)
    assert listed(tmp_path / "root") == []


def test_a_full_disk_names_the_file_and_leaves_nothing(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    why = re.escape(f"{tmp_path}/other/motd cannot be written: No space left on device")
    with pytest.raises(UsageError, match=f"^{why}$"):
        extract_one(opened, "etc", tmp_path / "other")
    assert listed(tmp_path) == ["image.tar"]


def test_a_compressed_layer_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each layer is decompressed once for any number of files."""
    names = [f"dir/{number}" for number in (5, 3, 9, 1)]
    opened = image(tmp_path, [layer_tar([file(name, name.encode()) for name in names])], "gzip")
    passes = []
    start = DecompressedStream.__iter__

    def counted(self: DecompressedStream) -> object:
        passes.append(self)
        return start(self)

    monkeypatch.setattr(DecompressedStream, "__iter__", counted)
    extract_one(opened, "dir", tmp_path / "dir")
    assert len(passes) == 1
    for name in names:
        assert (tmp_path / name).read_text() == name


def test_intact_files_of_a_damaged_layer_are_extracted(tmp_path: Path) -> None:
    """Files before the damage are written; the truncated one is reported, and no part of it is left."""
    data = layer_tar([file("whole", b"w" * 600), file("cut", b"c" * 4000)])
    opened = image(tmp_path, [data[: 512 * 5]])
    target = tmp_path / "root"
    target.mkdir()
    result = extract_all(opened, target)
    assert (target / "whole").read_bytes() == b"w" * 600
    assert set(listed(target)) <= {"whole"}
    assert result.unreadable <= 1


def test_a_target_is_a_name_in_an_existing_directory(tmp_path: Path) -> None:
    assert target_of(f"{tmp_path}/x", b"n") == (tmp_path, b"x")
    assert target_of(f"{tmp_path}/", b"n") == (tmp_path, b"n")
    for wrong in ("", " ", "/", "..", f"{tmp_path}/missing/x"):
        with pytest.raises(UsageError):
            target_of(wrong, b"")


@pytest.mark.parametrize("compress", [None, "gzip"])
def test_aufs_files_are_written_at_their_links(
    tmp_path: Path, compress: Compression | None
) -> None:
    """The file is written once with its metadata, and the AUFS directory is left out."""
    aufs_file = ".wh..wh.plnk/12.34"
    layer = layer_tar(
        [
            file("a", b"before"),
            file(aufs_file, b"kept", mode=0o640),
            hardlink("b", aufs_file),
            hardlink("d/c", aufs_file, mode=0o777),
            file(".wh..wh.plnk/56.78", b"of no use"),
        ]
    )
    opened = image(tmp_path, [layer], compress)
    target = tmp_path / "out"
    target.mkdir()
    extract_all(opened, target)
    assert (target / "b").read_bytes() == b"kept"
    assert stat.S_IMODE((target / "b").stat().st_mode) == 0o640
    assert (target / "d" / "c").stat().st_ino == (target / "b").stat().st_ino
    assert sorted(listed(target)) == ["a", "b", "d"]
    assert opened.accounting.stored == 10
