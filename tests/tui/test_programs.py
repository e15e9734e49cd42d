"""The user's pager and editor: arguments, environment, cleanup, and errors."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from layerscope.errors import UsageError
from layerscope.tui import programs
from layerscope.tui.app import LayerscopeApp
from layerscope.tui.programs import PROGRAMS, file_name
from tests.images import directory, docker_archive, file, layer_tar, write
from tests.terminal import TMUX, Terminal, layerscope, terminal
from tests.tui.explorer import explorer, loaded, screen_text, settled

NAME = b"-rf \x1b[31m$(touch x);\nnotes.tar.gz"
CONTENT = b"first\nsecond \xff\n" * 3


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image with a file that has a hostile name."""
    return write(tmp_path / "image.tar", docker_archive([layer_tar([file(NAME, CONTENT)])]))


def _stub(folder: Path, words: str) -> Path:
    """A program that records the content, modes and arguments that it gets, then runs `words`."""
    program = folder / "a stub"
    program.write_text(
        "#!/bin/sh\n"
        "for last; do :; done\n"
        f"cat \"$last\" > '{folder}/content'\n"
        f'stat -c \'%a\' "$last" "$(dirname "$last")" > \'{folder}/modes\'\n'
        f"printf '%s\\n' \"$@\" > '{folder}/arguments'\n"
        f"{words}\n"
    )
    program.chmod(0o755)
    return program


def _start(screen: Terminal) -> None:
    screen.wait_for("digests ok")
    screen.keys("Tab")
    screen.wait_for("L Life")


@pytest.mark.terminal
@pytest.mark.skipif(TMUX is None, reason="tmux is not installed")
@pytest.mark.parametrize(("key", "variable"), [("p", "PAGER"), ("E", "EDITOR"), ("E", "VISUAL")])
def test_a_program_gets_a_private_copy_and_the_terminal(
    image: Path, tmp_path: Path, key: str, variable: str
) -> None:
    """Its own arguments come first, and Ctrl-C reaches only the program. Afterwards the copy is removed and the screen restored."""
    places = tmp_path / "places"
    places.mkdir()
    stub = _stub(
        tmp_path,
        "trap 'echo interrupted' INT\necho STUB; echo $LESSOPEN.; stty -a | head -1\nuntil read line; do :; done; echo $line > \"$last\"; read line; exit 0",
    )
    environment = {
        variable: f"'{stub}' --option 'two words'",
        "TMPDIR": str(places),
        "LESSOPEN": "|touch %s",
    }
    if variable == "VISUAL":
        environment["EDITOR"] = "false"
    with terminal(layerscope("--no-cache", str(image)), environment=environment) as screen:
        _start(screen)
        before = screen.text()
        screen.keys(key)
        shown = screen.wait_for("STUB")
        assert "digests ok" not in shown
        assert "\n.\n" in shown
        assert "speed" in screen.wait_for("speed")
        screen.keys("C-c")
        screen.wait_for("interrupted")
        screen.type("typed")
        screen.keys("Enter")
        screen.wait_for("typed")
        screen.keys("Enter")
        screen.wait_for("The changes were discarded")
        assert "digests ok" in screen.text()
        assert before.splitlines()[:5] == screen.lines()[:5]
        screen.keys("q")
        screen.wait_for("exit 0")
    assert (tmp_path / "content").read_bytes() == CONTENT
    assert (tmp_path / "modes").read_text().split() == ["600", "700"]
    *arguments, path = (tmp_path / "arguments").read_text().splitlines()
    assert arguments == ["--option", "two words"]
    assert Path(path).name == file_name(NAME)
    assert Path(path).parent.parent == places
    assert not list(places.iterdir())


@pytest.mark.terminal
@pytest.mark.skipif(TMUX is None, reason="tmux is not installed")
def test_a_program_that_fails_is_reported_and_the_explorer_continues(
    image: Path, tmp_path: Path
) -> None:
    """The notification has the exit code."""
    stub = _stub(tmp_path, "echo STUB\nread line\nexit 3")
    command = ["env", f"PAGER='{stub}'", *layerscope(str(image))]
    with terminal(command) as screen:
        _start(screen)
        screen.keys("p")
        screen.wait_for("STUB")
        screen.keys("Enter")
        screen.wait_for("exit code 3")
        screen.keys("q")
        screen.wait_for("exit 0")


@pytest.mark.terminal
@pytest.mark.skipif(TMUX is None, reason="tmux is not installed")
def test_ctrl_z_stops_a_program_with_the_explorer(image: Path, tmp_path: Path) -> None:
    """Ctrl-Z returns to the shell, `fg` to the program and then the explorer. A signal that ends the explorer leaves no copy."""
    stub = _stub(tmp_path, "echo STUB\nuntil read line; do :; done\nexit 0")
    places = tmp_path / "places"
    places.mkdir()
    environment = {"PAGER": f"'{stub}'", "TMPDIR": str(places)}
    with terminal(["bash", "--norc", "-i"], environment=environment) as screen:
        screen.wait_for("bash-")
        screen.type(shlex.join(layerscope("--no-cache", str(image))))
        screen.keys("Enter")
        _start(screen)
        screen.keys("p")
        screen.wait_for("STUB")
        screen.keys("C-z")
        screen.wait_for("Stopped")
        screen.type("echo back$((1 + 1)); fg")
        screen.keys("Enter")
        screen.wait_for("back2")
        screen.keys("Enter")
        screen.wait_for("digests ok")
        screen.keys("p")
        screen.wait_until_gone("digests ok")
        screen.wait_for("STUB")
        assert list(places.glob("*/*notes.tar.gz"))
        screen.keys("C-z")
        screen.wait_for("Stopped")
        screen.type("kill %1; fg; echo status $?; jobs")
        screen.keys("Enter")
        screen.wait_for("status 143")
    assert not list(places.iterdir())


async def _screen_after(app: LayerscopeApp, *keys: str) -> str:
    """The screen with its notifications after pressing keys."""
    async with app.run_test(size=(120, 30), notifications=True) as pilot:
        await loaded(pilot)
        await pilot.press(*keys)
        await settled(pilot)
        return " ".join(" ".join(screen_text(app)).split())


async def test_a_file_that_cannot_be_opened_is_reported_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notifications for a directory, a file that is too large, a missing or wrongly quoted program, and no terminal."""
    monkeypatch.setattr(programs, "MAX_FILE_BYTES", 10)
    monkeypatch.setenv("PAGER", "true")
    members = [directory("d"), file("d/x", b"1"), file("large", b"x" * 11), file("small", b"x")]
    image = write(tmp_path / "image.tar", docker_archive([layer_tar(members)]))
    app = explorer(image)
    directory_first = ("tab", "slash", *"type:dir", "enter", "p")
    assert "only files can be opened" in await _screen_after(app, *directory_first)
    app = explorer(image)
    assert "11 B; at most 10 B" in await _screen_after(app, "tab", "slash", *"large", "enter", "p")
    small = ("tab", "slash", *"small", "enter", "p")
    assert "no terminal for another program" in await _screen_after(explorer(image), *small)
    monkeypatch.setenv("PAGER", "no-such-program -x")
    shown = await _screen_after(explorer(image), *small)
    assert "program not found: no-such-program" in shown
    assert "$PAGER names it" in shown
    monkeypatch.setenv("PAGER", "less '")
    assert "$PAGER: no closing quotation" in await _screen_after(explorer(image), *small)


async def test_content_that_cannot_be_read_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is reported, and the temporary folder is removed."""
    places = tmp_path / "places"
    places.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(places))
    monkeypatch.setenv("PAGER", "true")
    whole = docker_archive([layer_tar([file("a", b"1" * 5000)])])
    image = write(tmp_path / "image.tar", whole)
    app = explorer(image)
    async with app.run_test(size=(120, 30), notifications=True) as pilot:
        await loaded(pilot)
        image.write_bytes(whole[: whole.index(b"1" * 5000) + 100])
        await pilot.press("tab", "p")
        await settled(pilot)
        shown = " ".join(" ".join(screen_text(app)).split())
    assert "Cannot open the file" in shown
    assert not [path for path in places.iterdir() if list(path.iterdir())]


@pytest.mark.parametrize(
    ("environment", "command"),
    [
        ({}, ["vi"]),
        ({"EDITOR": " "}, ["vi"]),
        ({"EDITOR": "nano -w"}, ["nano", "-w"]),
        ({"EDITOR": "nano", "VISUAL": "'my editor' --wait"}, ["my editor", "--wait"]),
    ],
)
def test_programs_are_named_by_the_environment(
    environment: dict[str, str], command: list[str], tmp_path: Path
) -> None:
    """$VISUAL comes before $EDITOR, then the default; values may have arguments and quotes."""
    for name in ("vi", "nano", "my editor"):
        write(tmp_path / name, b"#!/bin/sh\n").chmod(0o755)
    environment = {**environment, "PATH": str(tmp_path)}
    assert PROGRAMS["editor"].command(environment) == command
    with pytest.raises(UsageError, match="program not found: less"):
        PROGRAMS["pager"].command({"PATH": str(tmp_path)})


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        (b"app.py", "app.py"),
        (NAME, "-rf___31m__touch_x___notes.tar.gz"),
        ("文書.txt".encode(), "__.txt"),
        (b"\xff", "_"),
        (b"x" * 300 + b".tar.gz", "x" * 93 + ".tar.gz"),
    ],
)
def test_names_of_copies_are_harmless(name: bytes, safe: str) -> None:
    """Names of copies have only harmless characters, and keep the end of a long name."""
    assert file_name(name) == safe
