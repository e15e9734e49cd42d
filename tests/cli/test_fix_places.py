"""The folder that the paths of a patch are relative to: `git apply` accepts it anywhere in a work tree, and outside of one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.running import Here
from tests.cli.test_fix import BASE, CONTEXT, DOCKERFILE, PATCHED, STEPS, image, shell
from tests.images import file


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Here:
    """A folder with an image, and one for its Dockerfile."""
    monkeypatch.setenv("LAYERSCOPE_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "config.toml").write_text("")
    image(tmp_path / "image.tar", STEPS)
    (tmp_path / "top" / "src").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "top")
    return Here(tmp_path, capsysbinary, "fix")


def apply(patch: str, *options: str, folder: Path | None = None) -> None:
    """Apply a patch in the current folder, or in another one."""
    subprocess.run(
        ["git", *options, "apply", "-"], input=patch.encode(), check=True, cwd=folder or Path()
    )


PLACES = [
    ("", "Dockerfile"),
    ("", "src/Dockerfile"),
    ("src", "Dockerfile"),
    ("src", "src/Dockerfile"),
    ("", "/Dockerfile"),
    ("src", "/Dockerfile"),
    ("", "a b/Dockerfile"),
    ("", 'tab\tand "quotes"\\/Docker\nfile é'),
]


@pytest.mark.parametrize("tree", [True, False])
@pytest.mark.parametrize(("folder", "name"), PLACES)
def test_git_applies_the_patch_in_the_current_folder(
    here: Here, monkeypatch: pytest.MonkeyPatch, folder: str, name: str, tree: bool
) -> None:
    """This holds at the top of a work tree, below it, and without one; names may be absolute or unusual."""
    top = here.folder / "top"
    if tree:
        subprocess.run(["git", "init", "-q", top], check=True)
    monkeypatch.chdir(top / folder)
    absolute = name.startswith("/")
    path = top / folder / name.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(DOCKERFILE)
    code, patch, words = here(
        str(here.folder / "image.tar"), "--dockerfile", str(path) if absolute else name
    )
    assert code == 0
    assert "outside" not in words
    apply(patch)
    assert path.read_text() == PATCHED
    assert (path.parent / ".dockerignore").read_text() == "**/.git\n"


@pytest.mark.parametrize("tree", [True, False])
def test_files_outside_the_current_folder_are_reported(
    here: Here, monkeypatch: pytest.MonkeyPatch, tree: bool
) -> None:
    """`git apply` would skip them."""
    top = here.folder / "top"
    if tree:
        subprocess.run(["git", "init", "-q", top], check=True)
    (top / "Dockerfile").write_text(DOCKERFILE)
    monkeypatch.chdir(top / "src")
    _, patch, words = here("../../image.tar", "--dockerfile", "../Dockerfile")
    assert (
        "some files are outside the current folder: apply the patch with `git -C .. apply`\n"
        in words
    )
    assert "/../" not in patch
    apply(patch, "-C", "..")
    assert (top / "Dockerfile").read_text() == PATCHED


def test_a_link_to_a_dockerfile_is_followed(here: Here) -> None:
    """Git does not change a file through a link."""
    top = here.folder / "top"
    (top / "src" / "Dockerfile").write_text(DOCKERFILE)
    (top / "Dockerfile").symlink_to("src/Dockerfile")
    subprocess.run(["git", "init", "-q", top], check=True)
    _, patch, _ = here("../image.tar", "--dockerfile", "Dockerfile")
    apply(patch)
    assert (top / "src" / "Dockerfile").read_text() == PATCHED
    assert (top / "Dockerfile").is_symlink()


CONTEXTS = [
    ("", ["src/app.py"], "."),
    ("", ["docker/src/app.py"], "docker"),
    ("", [], "docker"),
    ("docker", ["src/app.py"], ".."),
]


@pytest.mark.parametrize(("folder", "present", "context"), CONTEXTS)
def test_the_context_is_the_folder_with_the_sources_of_copy(
    here: Here, monkeypatch: pytest.MonkeyPatch, folder: str, present: list[str], context: str
) -> None:
    """It is the Dockerfile's folder, else the current one, else the top of the work tree."""
    top = here.folder / "top"
    subprocess.run(["git", "init", "-q", top], check=True)
    for name in ("docker/Dockerfile", *present):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).touch()
    text = "FROM debian\nRUN make\nCOPY src/app.py /app/\nCOPY . /app\n"
    (top / "docker" / "Dockerfile").write_text(text)
    steps = [
        (shell("make"), [file("usr/x", b"x")]),
        ("COPY src/app.py /app/ # buildkit", [file("app/app.py", b"p")]),
        ("COPY . /app # buildkit", CONTEXT),
    ]
    image(here.folder / "image.tar", steps, BASE)
    monkeypatch.chdir(top / folder)
    name = os.path.relpath(top / "docker" / "Dockerfile")
    code, _, words = here(str(here.folder / "image.tar"), "--dockerfile", name, "--write")
    assert code == 0
    assert (top / folder / context / ".dockerignore").read_text() == "**/.git\n"
    message = (
        f"build context: {context}, which has the sources of COPY; use --context DIR for another\n"
    )
    assert (message in words) is (context in (".", ".."))
