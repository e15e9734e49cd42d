"""`layerscope save`: every command opens the file, or reports that it needs the image itself."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from layerscope.cli.group import COMMANDS as NAMES
from layerscope.opening.remote import RemoteImage
from tests.cli.running import COMMANDS, Here
from tests.images import docker_archive, file, layer_tar, symlink, whiteout, write
from tests.tui.explorer import explorer, loaded, screen_text, settled

BASE = layer_tar([file("etc/motd", b"welcome"), file("gone", b"x" * 3000), symlink("link", "etc")])
TOP = layer_tar([file("etc/motd", b"goodbye"), whiteout("gone"), file("app/.env", b"TOKEN=1")])
DOCKERFILE = "FROM scratch\nCOPY base /\nCOPY top /\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Here:  # fmt: skip
    """A folder with an image and its saved file."""
    monkeypatch.chdir(tmp_path)
    history = [{"created_by": f"COPY {name} / # buildkit"} for name in ("base", "top")]
    image = docker_archive([BASE, TOP], tags=("app:1",), history=history)
    write(tmp_path / "image.tar", image)
    here = Here(tmp_path, capsysbinary)
    assert here("save", "image.tar", "-o", "image.saved").code == 0
    return here


@pytest.mark.parametrize(
    "command",
    [
        "report IMAGE --format json --files",
        "ci IMAGE --format json",
        "log IMAGE etc/motd gone",
        "ls IMAGE / -R",
        "diff IMAGE IMAGE --format json",
        "fix IMAGE",
        "sbom IMAGE",
        "sbom IMAGE --format spdx",
        "IMAGE",
    ],
)
def test_commands_give_the_same_output_for_the_file(here: Here, command: str) -> None:
    """Only the name of the file and its kind differ."""
    texts = []
    for name, kind in (("image.tar", "docker-archive"), ("image.saved", "saved")):
        ran = here(*command.replace("IMAGE", name).split())
        output = f"{ran.out}\n{ran.err}".replace(name, "IMAGE").replace(kind, "KIND")
        texts.append((ran.code, output.split("\n")))
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("cat image.saved etc/motd", 3),
        ("extract image.saved etc -o out", 3),
        ("report image.saved --verify", 3),
    ],
)
def test_commands_that_need_contents_report_it(here: Here, command: str, code: int) -> None:
    """The error names the file and a remedy."""
    ran = here(*command.split())
    assert (ran.code, ran.out) == (code, "")
    first, hint = ran.err.splitlines()
    assert "contents are not in image.saved; open the image itself" in first
    assert hint.startswith("  hint: ")
    assert not (here.folder / "out").exists()


def test_fixes_in_a_saved_file_are_neither_written_nor_built(here: Here) -> None:
    """The author of the file may have written them."""
    here.write("Dockerfile", DOCKERFILE)
    save = ["save", "image.tar", "-o", "image.saved", "--dockerfile", "Dockerfile"]
    assert here(*save).code == 0
    for option in ("--write", "--prove"):
        ran = here("fix", "image.saved", "--dockerfile", "Dockerfile", option)
        assert ran.code == 2
        assert "need the image itself" in ran.err
    assert (here.folder / "Dockerfile").read_text() == DOCKERFILE
    assert here("fix", "image.saved", "--dockerfile", "Dockerfile").code == 0
    here.write("Other", "FROM scratch\n")
    ran = here("report", "image.saved", "--dockerfile", "Other")
    assert ran.code == 2
    assert "saved with another Dockerfile" in ran.err


def test_schemes_and_selections_apply(here: Here) -> None:
    """`saved://` accepts only such files, and other schemes reject them; names and platforms select an image."""
    assert here("report", "saved://image.saved").code == 0
    assert "this is docker-archive, not saved" in here("report", "saved://image.tar").err
    assert "this is saved, not oci" in here("report", "oci://image.saved").err
    assert here("report", "image.saved", "--image", "app:1", "--platform", "linux/amd64").code == 0
    assert "no image named 'other'" in here("report", "image.saved", "--image", "other").err
    ran = here("report", "image.saved", "--platform", "linux/arm64")
    assert ran.code == 3
    assert "no image for platform linux/arm64" in ran.err


def test_a_saved_file_can_be_part_of_a_fleet(here: Here) -> None:
    """It is read alone, and beside the image itself, whose layers it shares."""
    for images in (["image.saved"], ["image.saved", "image.tar"], ["image.tar", "image.saved"]):
        ran = here("fleet", *images)
        assert ran.code == 0, ran.err
        assert f"{len(images)} image" in ran.out
        assert "2 distinct layers" in ran.out


def test_a_saved_file_opens_from_stdin(here: Here) -> None:
    """Its kind is `stdin`, as with images."""
    with (here.folder / "image.saved").open("rb") as stream:
        done = subprocess.run(
            [sys.executable, "-m", "layerscope", "report", "-", "--format", "json"],
            stdin=stream, capture_output=True, check=True, timeout=60,
        )  # fmt: skip
    assert json.loads(done.stdout)["image"]["source"] == {"kind": "stdin", "location": "-"}


def test_the_output_can_be_a_pipe_or_a_file(here: Here) -> None:
    """A file is replaced atomically; neither the image nor a terminal is written to."""
    done = subprocess.run(
        [sys.executable, "-m", "layerscope", "save", "image.tar"],
        cwd=here.folder, capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == (here.folder / "image.saved").read_bytes()
    before = (here.folder / "image.tar").read_bytes()
    assert "it is the input image" in here("save", "image.tar", "-o", "image.tar").err
    assert (here.folder / "image.tar").read_bytes() == before
    assert here("save", "none.tar", "-o", "image.saved").code == 3
    assert (here.folder / "image.saved").read_bytes() == done.stdout
    assert here("save", "image.saved", "-o", "again.saved").code == 0
    assert (here.folder / "again.saved").read_bytes() == done.stdout


def test_a_terminal_gets_no_binary_data(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error comes before anything is read."""
    monkeypatch.setattr("layerscope.cli.save.is_terminal", lambda _: True)
    ran = here("save", "no-such.tar")
    assert ran.code == 2
    assert "--output FILE" in ran.err


def test_damage_is_saved_and_reported(here: Here) -> None:
    """It is reported when the file is written and again when it is opened."""
    image = (here.folder / "image.tar").read_bytes()
    stream = io.BytesIO(image)
    write(here.folder / "cut.tar", stream.getvalue()[:-4000])
    ran = here("save", "cut.tar", "-o", "cut.saved")
    assert (ran.code, here("report", "cut.saved").code) == (3, 3)
    assert here("report", "cut.saved", "--ignore-errors").code == 0
    assert here("save", "cut.tar", "-o", "cut.saved", "--ignore-errors").code == 0


def test_a_file_of_a_newer_format_is_an_error(here: Here) -> None:
    """The error is one line and has a hint."""
    data = bytearray((here.folder / "image.saved").read_bytes())
    data[20] = 3
    write(here.folder / "newer.saved", bytes(data))
    ran = here("report", "newer.saved")
    assert ran.code == 3
    assert (
        "newer.saved was written by a newer layerscope (format 3); this one reads up to 1"
        in ran.err
    )


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"open"}))
def test_a_command_without_its_argument_names_how_to_open_an_image_of_its_name(
    here: Here, name: str
) -> None:
    """The image of that name does open."""
    needed = any(param.required for param in COMMANDS[name].params) or name == "cache"
    if not needed:
        return
    ran = here(name)
    assert ran.code == 2
    assert f"an image named {name}: layerscope -- {name}" in ran.err
    (here.folder / "image.saved").rename(here.folder / name)
    assert here("--", name).out.startswith("app:1")


async def test_the_explorer_opens_a_saved_file(here: Here) -> None:
    """All views work except contents, where the error is shown."""
    app = explorer(here.folder / "image.saved", rules={})
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await loaded(pilot)
        opened = screen.session.opened
        assert opened is not None
        assert not opened.has_contents
        assert screen.session.findings is not None
        screen.explore.reveal(1, opened.filesystem.table.find(b"etc/motd") or 0)
        await pilot.press("enter")
        await settled(pilot)
        assert "contents are not in" in "\n".join(screen_text(app))


def test_the_second_process_knows_the_dockerfile(here: Here) -> None:
    """The explorer shows the Dockerfile lines that were saved with the image."""
    from layerscope.opening.loading import Watcher
    from layerscope.opening.options import Options
    from layerscope.sources import Request

    here.write("Dockerfile", DOCKERFILE)
    here("save", "image.tar", "-o", "image.saved", "--dockerfile", "Dockerfile")
    request = Request(os.path.abspath("image.saved"))  # noqa: PTH100
    with RemoteImage(request, Options(rules={})) as remote:
        remote.find(lambda candidates: candidates[0])
        found = []

        class Hearing(Watcher):
            def findings_found(self, opened: object) -> None:
                found.append(opened)

        remote.load(Hearing(), lambda: False)
    (opened,) = found
    assert opened.dockerfile_lines.dockerfile.text == DOCKERFILE  # type: ignore[attr-defined]
