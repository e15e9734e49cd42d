"""ls, cat and extract: their output, for users and scripts."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from layerscope import cli
from tests.images import (
    BLOCK,
    directory,
    docker_archive,
    file,
    layer_tar,
    symlink,
    whiteout,
    write,
)

ODD = b"line\r\n\x1b[31mred\x00\xff\xc3\xa9\ttab\n"
BASE = layer_tar(
    [
        directory("etc", mtime=86_400),
        file("etc/motd", b"hello\n", mode=0o640, uid=7, mtime=86_400),
        file("etc/passwd", b"root\n"),
        file("etc/a.conf", b"a"),
        file("etc/sub/b.conf", b"b"),
        file("etc/[id].tsx", b"route"),
        symlink("bin", "usr/bin"),
        file("usr/bin/sh", b"sh"),
        file("odd\x1b[2J", ODD),
        file("gone", b"gone"),
    ]
)
NEXT = layer_tar([file("etc/motd", b"changed\n"), whiteout("gone")])


class Here:
    """Runs command lines in a folder with an image."""

    def __init__(self, folder: Path, streams: pytest.CaptureFixture[bytes]) -> None:
        self.folder = folder
        self._streams = streams

    def __call__(
        self, command: str, *args: str, image: str = "image.tar"
    ) -> tuple[int, bytes, str]:
        code = cli.run([command, image, *args])
        out, err = self._streams.readouterr()
        return code, out, err.decode()


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Here:
    """A folder with an image."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "image.tar", docker_archive([BASE, NEXT], compress="gzip"))
    return Here(tmp_path, capsysbinary)


def listed(out: bytes) -> list[str]:
    """The paths that `ls` printed."""
    return [line.split(maxsplit=5)[5] for line in out.decode().splitlines()]


def test_ls_lists_the_root(here: Here) -> None:
    """Without a path, the top of the tree is listed; symlinks have their targets."""
    code, out, err = here("ls")
    assert (code, err) == (0, "")
    assert listed(out) == ["/bin -> usr/bin", "/etc", "/odd\\e[2J", "/usr"]


def test_ls_lists_a_directory_a_file_and_a_glob(here: Here) -> None:
    """For a directory, its contents are listed; globs are matched from the root; each path is listed once."""
    assert listed(here("ls", "/etc/")[1]) == [
        "/etc/[id].tsx", "/etc/a.conf", "/etc/motd", "/etc/passwd", "/etc/sub",
    ]  # fmt: skip
    assert listed(here("ls", "**/*.conf")[1]) == ["/etc/a.conf", "/etc/sub/b.conf"]
    assert listed(here("ls", "etc/*.conf", "etc/a.conf")[1]) == ["/etc/a.conf"]
    assert listed(here("ls", "-d", "etc")[1]) == ["/etc"]
    assert listed(here("ls", "-R", "usr")[1]) == ["/usr/bin", "/usr/bin/sh"]
    assert listed(here("ls", "etc/[id].tsx")[1]) == ["/etc/[id].tsx"]


def test_ls_shows_mode_owner_size_and_time(here: Here) -> None:
    assert here("ls", "etc/motd", "--layer", "0")[1] == (
        b"-rw-r----- 7:0                  6 1970-01-02 00:00 /etc/motd\n"
    )


def test_layers_are_counted_from_zero(here: Here) -> None:
    """Paths are looked up after the layer; an unknown layer is an error."""
    assert here("cat", "etc/motd", "--layer", "0") == (0, b"hello\n", "")
    assert here("cat", "etc/motd") == (0, b"changed\n", "")
    assert here("cat", "gone", "--layer", "0")[0] == 0
    assert here("cat", "gone")[0] == 1
    code, _, err = here("ls", "--layer", "2")
    assert code == 2
    assert "the image has layers 0 to 1" in err


def test_a_missing_path_exits_1_with_near_names(here: Here) -> None:
    code, out, err = here("cat", "etc/mtod", "etc/passwd")
    assert (code, out) == (1, b"root\n")
    assert "etc/mtod: no such path" in err
    assert "did you mean /etc/motd?" in err
    assert "/usr/bin/sh?" in here("ls", "sh")[2]


@pytest.mark.parametrize("command", ["cat", "ls", "extract"])
def test_a_hint_names_the_layer_that_has_a_missing_path(here: Here, command: str) -> None:
    """It may be a lower or a higher layer, and the path a name or a glob."""
    top = layer_tar([file("late/a", b"late"), whiteout("etc/sub")])
    write(here.folder / "three.tar", docker_archive([BASE, NEXT, top]))
    for word, layer, deleted in (
        ("gone", 0, 1), ("/g*e", 0, 1), ("etc/sub", 1, 2), ("/etc/sub/b.conf", 1, 2),
    ):  # fmt: skip
        code, out, err = here(command, word, image="three.tar")
        assert (code, out) == (1, b"")
        assert f"hint: deleted in layer {deleted}: --layer {layer} has it\n" in err
        assert here("ls", word, "--layer", str(layer), image="three.tar")[0] == 0
    _, _, err = here(command, "late/a", "--layer", "1", image="three.tar")
    assert "hint: added in layer 2: --layer 2 has it\n" in err
    assert "hint" not in here(command, "never", image="three.tar")[2]


def test_symlinks_are_not_followed_but_named(here: Here) -> None:
    code, out, err = here("cat", "bin/sh")
    assert (code, out) == (1, b"")
    assert "bin/sh: /bin is a symlink to usr/bin" in err
    assert "/usr/bin/sh" in err
    assert "layerscope: /bin is a symlink to usr/bin" in here("cat", "bin")[2]
    assert "/etc is a directory" in here("cat", "etc")[2]


def test_cat_writes_exact_bytes_into_a_pipe(here: Here) -> None:
    assert here("cat", "odd\x1b[2J", "etc/passwd") == (0, ODD + b"root\n", "")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], b"line\\r\r\n\\e[31mred\\x00\\xff\xc3\xa9\ttab\r\n"),
        (["--raw"], ODD.replace(b"\n", b"\r\n")),
    ],
    ids=["escaped", "raw"],
)
def test_cat_escapes_on_a_terminal(here: Here, options: list[str], expected: bytes) -> None:
    """With --raw, contents are written as they are."""
    master, slave = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "layerscope", "cat", "image.tar", "odd\x1b[2J", *options],
        stdout=slave,
        stderr=subprocess.DEVNULL,
        cwd=here.folder,
        env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2])},
    )
    os.close(slave)
    read = b""
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:
            break
        if not piece:
            break
        read += piece
    assert done.wait(30) == 0
    os.close(master)
    assert read == expected


def test_extract_keeps_whole_paths(here: Here) -> None:
    """The directory is created; a summary goes to stderr."""
    code, out, err = here("extract", "etc/*.conf", "usr", "--output", "a/b")
    assert (code, out) == (0, b"")
    assert "2 files, 3 B, into a/b" in err
    assert (here.folder / "a/b/etc/a.conf").read_bytes() == b"a"
    assert (here.folder / "a/b/usr/bin/sh").read_bytes() == b"sh"


def test_extract_counts_symlinks(here: Here) -> None:
    assert "0 files, 1 symlink, 0 B, into b" in here("extract", "bin", "--output", "b")[2]
    assert "7 files, 1 symlink, " in here("extract", "/", "--output", "all")[2]


def test_extract_replaces_files_only_with_force(here: Here) -> None:
    write(here.folder / "etc/motd", b"mine")
    code, _, err = here("extract", "etc")
    assert code == 2
    assert "--force" in err
    assert (here.folder / "etc/motd").read_bytes() == b"mine"
    assert here("extract", "etc", "--force")[0] == 0
    assert (here.folder / "etc/motd").read_bytes() == b"changed\n"


def test_extract_creates_no_directory_if_nothing_matches(here: Here) -> None:
    assert here("extract", "nowhere", "--output", "new")[0] == 1
    assert not (here.folder / "new").exists()


def test_a_damaged_image_exits_3_after_its_output(here: Here) -> None:
    write(here.folder / "cut.tar", docker_archive([BASE[: 6 * BLOCK], NEXT]))
    code, out, _ = here("cat", "etc/motd", image="cut.tar")
    assert (code, out) == (3, b"changed\n")
    assert here("cat", "etc/motd", "--ignore-errors", image="cut.tar")[0] == 0
