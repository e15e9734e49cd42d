"""Output files: inputs are never overwritten, under any name, and unwritable paths are clear errors."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.running import Here, Ran
from tests.images import docker_archive, docker_files, file, layer_tar, oci_files, write
from tests.sources.image_files import unpack

LAYER = layer_tar([file("a.txt", b"a"), file("image.tar", b"b"), file("oci/index.json", b"c")])
DOCKERFILE = "FROM scratch\nCOPY . /\n"
PARTS = {"oci": tuple(oci_files([LAYER])), "docker": tuple(docker_files([LAYER]))}


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test leaves its baseline for the others."""
    return tmp_path_factory.mktemp("baseline") / "baseline.json"


@pytest.fixture
def here(
    baseline: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> Here:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAYERSCOPE_CONFIG", str(tmp_path / "config.toml"))
    write(tmp_path / "image.tar", docker_archive([LAYER]))
    write(tmp_path / "other.tar", docker_archive([LAYER]))
    unpack(tmp_path / "oci", oci_files([LAYER]))
    unpack(tmp_path / "docker", docker_files([LAYER]))
    commands = Here(tmp_path, capsysbinary)
    commands.write("Dockerfile", DOCKERFILE)
    commands.write("config.toml", "binary = false\n")
    commands.write(".layerscope.toml", "[ci]\nmax-layers = 9\n")
    commands.write("rules.toml", "[ci]\nmax-layers = 9\n")
    if not baseline.exists():
        commands.run("report", "image.tar", "--format", "json", "-o", str(baseline))
    shutil.copy(baseline, tmp_path)
    return commands


def refused(here: Here, *args: str, why: str = "") -> None:
    """Assert that the command rejects its output and changes nothing."""
    before = {path: path.read_bytes() for path in here.folder.rglob("*") if path.is_file()}
    code, out, err = here.run(*args)
    assert (code, out) == (2, "")
    assert "cannot write " in err
    assert why in err
    after = {path: path.read_bytes() for path in here.folder.rglob("*") if path.is_file()}
    assert after == before


def _link_to_link(new: Path, old: Path) -> None:
    Path("l").symlink_to(old)
    new.symlink_to("l")


NAMES: dict[str, Callable[[Path, Path], object]] = {
    "a hard link": lambda new, old: new.hardlink_to(old),
    "a symlink": lambda new, old: new.symlink_to(old),
    "a link to a link": _link_to_link,
    "another way": lambda new, old: new.symlink_to(old.parent / ".." / old.parent.name / old.name),
}
COMMANDS = {
    "report": ("report", "IMAGE"),
    "ci": ("ci", "IMAGE"),
    "diff, old": ("diff", "IMAGE", "other.tar"),
    "diff, new": ("diff", "other.tar", "IMAGE"),
    "ci --base": ("ci", "other.tar", "--base", "IMAGE"),
}
IMAGES = [("image.tar", "image.tar"), ("docker-archive://image.tar", "image.tar")]
IMAGES += [("oci", f"oci/{name}") for name in PARTS["oci"]]
IMAGES += [("oci://oci", "oci/index.json"), ("docker", "docker/manifest.json")]
IMAGES += [("docker", f"docker/{name}") for name in PARTS["docker"] if name.endswith("layer.tar")]
IMAGES += [("oci", "oci/new"), ("oci", "oci/blobs/new")]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("image", "output"), IMAGES)
def test_no_image_is_overwritten(here: Here, command: str, image: str, output: str) -> None:
    """If the image is a directory, no file in it is overwritten either."""
    args = [image if word == "IMAGE" else word for word in COMMANDS[command]]
    refused(here, *args, "-o", output, why="input")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("output", ["image.tar", "oci/index.json"])
def test_no_image_is_overwritten_under_another_name(here: Here, name: str, output: str) -> None:
    NAMES[name](here.folder / "new", here.folder / output)
    refused(here, "report", output.partition("/")[0], "-o", "new", why="input")


def test_no_image_is_overwritten_through_a_linked_directory(here: Here) -> None:
    Path("way").symlink_to("oci")
    refused(here, "report", "oci", "-o", "way/index.json")
    refused(here, "report", "way", "-o", "oci/index.json")


OPTIONS = [
    (("report", "image.tar", "--dockerfile", "Dockerfile"), "Dockerfile", "the input Dockerfile"),
    (("ci", "image.tar", "--dockerfile", "Dockerfile"), "Dockerfile", "the input Dockerfile"),
    (("ci", "image.tar", "--baseline", "baseline.json"), "baseline.json", "the input baseline"),
    (("ci", "image.tar", "--config", "rules.toml"), "rules.toml", "the input configuration"),
    (("ci", "image.tar"), ".layerscope.toml", "the input configuration"),
    (("report", "image.tar"), "config.toml", "the input configuration"),
    (("diff", "image.tar", "other.tar"), "config.toml", "the input configuration"),
    (
        ("report", "image.tar", "--store-root", "docker"),
        "docker/x",
        "in the input directory docker",
    ),
]


@pytest.mark.parametrize(("args", "output", "what"), OPTIONS)
def test_no_other_input_is_overwritten(
    here: Here, args: tuple[str, ...], output: str, what: str
) -> None:
    refused(here, *args, "-o", output, why=f"it is {what}")
    if Path(output).exists():
        Path("link").hardlink_to(output)
        refused(here, *args, "-o", "link", why=f"it is {what}")


def test_the_file_behind_stdin_is_not_overwritten(here: Here) -> None:
    """Neither is the file that stdout is redirected to."""
    data = Path("image.tar").read_bytes()
    command = [sys.executable, "-m", "layerscope"]
    for args in (("report", "-"), ("ci", "-"), ("diff", "-", "other.tar")):
        with Path("image.tar").open("rb") as stream:
            done = subprocess.run(
                [*command, *args, "-o", "image.tar"], stdin=stream, capture_output=True, check=False, timeout=60
            )  # fmt: skip
        assert done.returncode == 2
        assert b"cannot write image.tar: it is the input image" in done.stderr
    with Path("image.tar").open("ab") as stream:
        done = subprocess.run([*command, "report", "image.tar"], stdout=stream, stderr=subprocess.PIPE, check=False, timeout=60)  # fmt: skip
    assert done.returncode == 2
    assert b"cannot write stdout: it is the input image" in done.stderr
    assert Path("image.tar").read_bytes() == data


def test_files_that_are_not_inputs_can_be_written(here: Here) -> None:
    """A directory that is only named like an image is not an input; neither are devices."""
    Path("oci2").mkdir()
    for output in ("oci2/report.txt", "new.txt", os.devnull):
        assert here.run("report", "oci", "-o", output) == Ran(0, "", "")
    before = Path("oci2/report.txt").read_bytes()
    here.run("report", "oci2", "-o", "oci2/report.txt")
    assert Path("oci2/report.txt").read_bytes() == before


def test_extraction_never_replaces_inputs(here: Here) -> None:
    """With --force it replaces all other files."""
    image = Path("image.tar").read_bytes()
    code, _, err = here.run("extract", "image.tar", "/image.tar", "--force")
    assert (code, Path("image.tar").read_bytes()) == (2, image)
    assert "image.tar cannot be replaced: it is the input image" in err
    index = Path("oci/index.json").read_bytes()
    code, _, err = here.run("extract", "oci", "/oci", "--force")
    assert (code, Path("oci/index.json").read_bytes()) == (2, index)
    assert "oci/index.json cannot be replaced: it is in the input directory oci" in err
    code, _, err = here.run("extract", "oci", "/a.txt", "--force", "-o", "oci")
    assert (code, Path("oci/a.txt").exists()) == (2, False)
    Path("elsewhere").mkdir()
    Path("elsewhere/image.tar").symlink_to("../image.tar")
    assert here.run("extract", "image.tar", "/image.tar", "--force", "-o", "elsewhere").code == 0
    assert Path("elsewhere/image.tar").read_bytes() == b"b"
    assert Path("image.tar").read_bytes() == image


def _loop(_: Path) -> None:
    Path("out").symlink_to("out2")
    Path("out2").symlink_to("out")


def _link_to_directory(_: Path) -> None:
    Path("out2").mkdir()
    Path("out").symlink_to("out2")


CANNOT: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a loop of links": (_loop, "out", "Too many levels of symbolic links"),
    "below a loop": (_loop, "out/file", "Too many levels of symbolic links"),
    "a directory": (lambda _: Path("out").mkdir(), "out", "it is a directory"),
    "a link to a directory": (_link_to_directory, "out", "it is a directory"),
    "no name": (lambda _: None, "", "it is a directory"),
    "no parent": (lambda _: None, "no/such/out", "no such directory: no/such"),
    "a link to no parent": (lambda folder: Path("out").symlink_to(folder / "no" / "such"), "out", "no such directory: "),
    "below a file": (lambda _: None, "other.tar/out", "Not a directory"),
    "a long name": (lambda _: None, "x" * 300, "File name too long"),
    "a socket": (lambda _: None, "socket", "it is a socket"),
}  # fmt: skip


@pytest.mark.parametrize("command", ["report", "ci", "diff"])
@pytest.mark.parametrize("what", CANNOT)
def test_an_unwritable_output_is_a_clear_error(here: Here, command: str, what: str) -> None:
    """It is reported before the image is opened: this test has no image."""
    make, output, why = CANNOT[what]
    make(here.folder)
    if output == "socket":
        import socket

        with socket.socket(socket.AF_UNIX) as server:
            server.bind("socket")
    images = ["missing.tar"] * (2 if command == "diff" else 1)
    refused(here, command, *images, "-o", output, why=why)


@pytest.mark.parametrize("command", ["report", "ci", "diff"])
@pytest.mark.parametrize("what", ["file", "directory"])
def test_missing_permissions_are_reported_before_the_work(
    here: Here, monkeypatch: pytest.MonkeyPatch, command: str, what: str
) -> None:
    Path("own").mkdir()
    Path("own/out").touch()
    closed = {"file": here.folder / "own" / "out", "directory": here.folder / "own"}[what]
    allowed = os.access

    def access(path: str | Path, mode: int) -> bool:
        return not (closed == Path(path).absolute() and mode & os.W_OK) and allowed(path, mode)

    monkeypatch.setattr(os, "access", access)
    why = {"file": "Permission denied", "directory": f"cannot create files in {here.folder}/own"}
    images = ["missing.tar"] * (2 if command == "diff" else 1)
    refused(here, command, *images, "-o", "own/out", why=why[what])


def test_a_dangling_link_gets_its_file(here: Here) -> None:
    Path("link").symlink_to("new.txt")
    assert here.run("report", "image.tar", "-o", "link") == Ran(0, "", "")
    assert Path("link").is_symlink()
    assert Path("new.txt").read_text() == here.run("report", "image.tar").out


@pytest.mark.parametrize("command", ["report", "ci", "diff", "extract"])
def test_only_one_output_can_be_given(here: Here, command: str) -> None:
    """The same file twice is accepted; of two files, one would stay empty without notice."""
    args = {"diff": ["image.tar", "other.tar"], "extract": ["image.tar", "/a.txt"]}
    words = [command, *args.get(command, ["image.tar"])]
    code, _, err = here.run(*words, "-o", "one", "-o", "two")
    assert code == 2
    assert "expected one path" in err
    assert not Path("one").exists()
    assert not Path("two").exists()
    assert here.run(*words, "-o", "one", "-o", "one").code == 0
