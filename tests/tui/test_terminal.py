"""The explorer in a real terminal, as a user starts it."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from layerscope.opening.open import Opened
from tests.emulator import Emulator
from tests.images import archive, docker_archive, docker_files, file, layer_tar, write
from tests.terminal import TMUX, layerscope, terminal

pytestmark = [
    pytest.mark.terminal,
    pytest.mark.skipif(TMUX is None, reason="tmux is not installed"),
]


def test_opens_moves_and_quits(demo_image: Path, demo_opened: Opened) -> None:
    """Keys open the tree, Waste and help, and `q` quits with exit code 0."""
    accounting = demo_opened.accounting
    with terminal(layerscope(str(demo_image))) as screen:
        screen.wait_for(f"{accounting.wasted / 1e6:.1f} MB wasted")
        screen.wait_for("COPY requirements")
        screen.keys("Tab", "Enter")
        screen.wait_for("▾ usr")
        screen.keys("2")
        screen.wait_for("/app/assets/seed-data.sql")
        screen.keys("?")
        screen.wait_for("Keys in ")
        screen.keys("Escape")
        screen.wait_until_gone("Keys in ")
        screen.keys("q")
        screen.wait_for("exit 0")


def test_an_image_on_stdin_takes_keys_from_the_terminal(demo_image: Path) -> None:
    """`docker save … | layerscope -` opens the explorer, and keys work."""
    program = shlex.join(layerscope("-"))
    with terminal(["sh", "-c", f"cat {shlex.quote(str(demo_image))} | {program}"]) as screen:
        screen.wait_for("wasted")
        screen.keys("2")
        screen.wait_for("stored in")
        screen.keys("q")
        screen.wait_for("exit 0")


@pytest.mark.parametrize("stdin", ["OLD", "NEW"])
def test_two_images_are_compared_with_one_of_them_on_stdin(tmp_path: Path, stdin: str) -> None:
    """`layerscope diff` with one image on stdin reads keys from the terminal."""
    paths = {
        name: write(tmp_path / name, docker_archive([layer_tar([file(name, b"1")])]))
        for name in ("OLD", "NEW")
    }
    words = ["-" if name == stdin else str(path) for name, path in paths.items()]
    program = shlex.join(layerscope("diff", *words))
    with terminal(["sh", "-c", f"cat {shlex.quote(str(paths[stdin]))} | {program}"]) as screen:
        screen.wait_for("1 Files 2")
        screen.keys("2")
        screen.wait_for("instruction, of the old image")
        screen.keys("q")
        screen.wait_for("exit 0")


def test_the_user_chooses_one_of_several_images(tmp_path: Path) -> None:
    """An archive with two images opens the chooser, then the chosen image."""
    first = docker_files([layer_tar([file("first", b"1")])], tags=("first:1",))
    second = docker_files([layer_tar([file("second", b"22")])], tags=("second:2",))
    items = json.loads(first.pop("manifest.json")) + json.loads(second.pop("manifest.json"))
    merged = {**first, **second, "manifest.json": json.dumps(items).encode()}
    image = write(tmp_path / "two.tar", archive(merged))
    with terminal(layerscope(str(image))) as screen:
        screen.wait_for("Choose one of 2 images")
        screen.keys("Down", "Enter")
        screen.wait_for("second:2")
        screen.wait_for("layer0")
        screen.keys("q")
        screen.wait_for("exit 0")


def test_changes_give_the_same_screen_as_a_full_repaint(demo_image: Path) -> None:
    """The screen after changes in views, lists, fields and dialogs equals a full repaint by `^l`, also after a resize."""
    with terminal(layerscope(str(demo_image)), width=110, height=24) as screen:
        screen.wait_for("1 secret")
        for keys, words in (
            ("g j", "Step 0"),
            ("Tab + G Up PgUp", "▾ lock"),
            ("/ p", "/ p"),
            ("Escape Escape 2 j", "hidden by"),
            ("7 Right", "Map · /"),
            ("8 j Space", "with 7 fixes"),
            ("Space 9 G", "244 B"),
            ("?", "Keys in "),
        ):
            for key in keys.split():
                screen.escape() if key == "Escape" else screen.keys(key)
                screen.settled()
            screen.wait_for(words)
            shown = screen.settled()
            screen.run("send-keys", "-R", "-t", "t")
            screen.wait_until_gone(words)
            screen.keys("C-l")
            screen.wait_for(words)
            assert _cells(screen.settled()) == _cells(shown), keys
        screen.escape()
        for width, height in ((90, 20), (110, 24)):
            screen.run("resize-window", "-t", "t", "-x", str(width), "-y", str(height))
            screen.wait_for_last_line("Help")
            shown = screen.settled()
            screen.run("send-keys", "-R", "-t", "t")
            screen.keys("C-l")
            screen.wait_for("Help")
            assert _cells(screen.settled()) == _cells(shown)
        screen.keys("q")
        screen.wait_for("exit 0")


def _cells(captured: str) -> list[list[tuple[object, ...]]]:
    """The cells of a captured screen without trailing blanks, of which tmux does not return all."""
    emulator = Emulator(110, 24)
    emulator.send(captured.rstrip("\n"))
    lines = emulator.cells()
    for line in lines:
        while line and line[-1][0] == " ":
            line.pop()
    return lines


def test_without_a_terminal_type_the_report_is_printed(demo_image: Path) -> None:
    """TERM=dumb gets the text report instead of the explorer."""
    dumb = ["env", "TERM=dumb", sys.executable, "-m", "layerscope", str(demo_image)]
    with terminal(dumb, height=200) as screen:
        shown = screen.wait_for("exit 0")
    assert "COPY requirements.txt" in shown
    assert "1 Explore" not in shown


def test_a_damaged_file_is_one_clear_line(tmp_path: Path) -> None:
    """Errors on opening are reported before any screen is drawn."""
    image = write(tmp_path / "broken.tar", docker_archive([layer_tar([file("a", b"1")])])[:700])
    with terminal(layerscope(str(image))) as screen:
        shown = screen.wait_for("exit 3")
    assert "broken.tar" in shown
    assert "Traceback" not in shown
