"""Arguments, stdout, stderr and exit codes, as users and scripts rely on them."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import stat
import struct
import subprocess
import sys
import termios
import threading
from pathlib import Path
from typing import Any

import click
import pytest

from layerscope import __version__
from layerscope.cli import output
from layerscope.cli.group import DEFAULT_COMMAND
from layerscope.report import FORMATS
from layerscope.settings import Settings
from tests.cli.running import COMMANDS, Here, Ran
from tests.images import BLOCK, directory, docker_archive, file, layer_tar, write

LAYER = layer_tar([directory("etc"), file("etc/motd", b"welcome\n" * 500)])
IMAGE = docker_archive([LAYER])
DAMAGED = docker_archive([LAYER[: 4 * BLOCK], LAYER])


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Here:
    """A folder with an image, a damaged one, and one that is named like a command."""
    monkeypatch.chdir(tmp_path)
    for name, data in (("image.tar", IMAGE), ("damaged.tar", DAMAGED), ("report", IMAGE)):
        write(tmp_path / name, data)
    return Here(tmp_path, capsysbinary)


def command(*args: str) -> list[str]:
    """A command line that runs in its own process."""
    return [sys.executable, "-m", "layerscope", *args]


def ran(*args: str, **how: Any) -> Ran:
    """Run a command line in its own process."""
    done = subprocess.run(command(*args), capture_output=True, check=False, timeout=60, **how)
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


# --- Which word is what ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "args",
    [
        ["image.tar"],
        ["./report"],
        ["--", "report"],
        ["--verify", "image.tar"],
        ["image.tar", "--verify"],
        ["--image", "demo:latest", "image.tar"],
        ["--no-duplicates", "--", "report"],
        ["report", "image.tar"],
        ["report", "report"],
        ["report", "--", "report"],
        ["report", "--format", "text", "image.tar"],
        ["report", "image.tar", "--format", "text"],
        ["--format", "text", "report", "image.tar"],
        ["--format=text", "--verify", "report", "image.tar", "--no-duplicates"],
    ],
)
def test_an_image_is_found_wherever_options_stand(here: Here, args: list[str]) -> None:
    """The first argument that is not an option: a command if it names one, otherwise an image."""
    code, out, err = here(*args)
    assert (code, err) == (0, "")
    assert out.startswith("demo:latest  linux/amd64  docker-archive  ")


NOWHERE = (3, 4)
"""Exit codes for a name that is not a file: no engine has it, or no engine is running."""


def test_an_image_named_like_a_command_needs_a_tag_or_a_folder(here: Here) -> None:
    assert here("report").code == 2
    code, out, err = here("report:latest")
    assert code in NOWHERE
    assert out == ""
    assert "report:latest" in err


def test_the_value_of_an_option_is_never_taken_for_a_command(here: Here) -> None:
    code, _, err = here("--image", "report", "image.tar")
    assert code == 3
    assert "report" in err
    assert here("--output", "report", "report", "image.tar") == Ran(0, "", "")


def test_words_that_name_no_command_are_images(here: Here) -> None:
    for word in ("open", "reports", "Report"):
        code, out, err = here(word)
        assert code in NOWHERE
        assert out == ""
        assert word in err


# --- Help and usage -------------------------------------------------------------------------------


@pytest.mark.parametrize("args", [["--help"], ["-h"], ["--help", "report"], ["image.tar", "-h"]])
def test_help_is_printed_on_stdout_with_exit_code_0(here: Here, args: list[str]) -> None:
    code, out, err = here(*args)
    assert (code, err) == (0, "")
    assert out.startswith("Usage: layerscope [OPTIONS] [IMAGE]\n")


def test_help_lists_only_existing_commands_and_formats(here: Here) -> None:
    """Each listed command has help, and each listed format can be written."""
    listing = here("--help").out.partition("\nCommands:\n")[2]
    names = [line.split()[0] for line in listing.splitlines() if line.startswith("  ")]
    visible = {name for name, each in COMMANDS.items() if not each.hidden}
    assert visible == {name for name in names if name in COMMANDS}
    for name in visible:
        code, out, _ = here(name, "--help")
        assert code == 0
        assert out.startswith(f"Usage: layerscope {name} ")
    for form in FORMATS:
        assert here("report", "image.tar", "--format", form).code == 0


def test_every_option_has_help() -> None:
    for each in COMMANDS.values():
        for option in each.params:
            assert not isinstance(option, click.Option) or option.help, (each.name, option.name)


def test_the_version_is_printed(here: Here) -> None:
    assert here("--version") == Ran(0, f"layerscope, version {__version__}\n", "")


@pytest.mark.parametrize(
    ("args", "named"),
    [
        ([], "no image given"),
        (["--"], "no image given"),
        (["report"], "IMAGE"),
        (["--frobnicate", "image.tar"], "--frobnicate"),
        (["report", "--frobnicate", "image.tar"], "--frobnicate"),
        (["report", "image.tar", "another.tar"], "another.tar"),
        (["report", "image.tar", "--format", "xml"], "xml"),
        (["report", "image.tar", "--format"], "--format"),
        (["image.tar", "--platform", "linux//arm"], "linux//arm"),
        (["image.tar", "--limit", "patience=3"], "patience=3"),
        (["nowhere://image"], "nowhere://"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong_and_exits_2(
    here: Here, args: list[str], named: str
) -> None:
    code, out, err = here(*args)
    assert (code, out) == (2, "")
    first, *hints = err.splitlines()
    assert first.startswith("layerscope: ")
    assert named in first
    assert all(hint.startswith("  hint: ") for hint in hints)


@pytest.mark.parametrize("args", [["a.tar", "b.tar"], ["demo", "b.tar"]])
def test_a_hint_names_diff_for_two_images_without_a_command(here: Here, args: list[str]) -> None:
    code, _, err = here(*args)
    assert code == 2
    assert "hint: two images: layerscope diff A B" in err


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_usage_error_names_the_help_of_its_command(here: Here, name: str) -> None:
    """Errors for options without their values name it, too."""
    command = COMMANDS[name]
    path = "layerscope" if name == DEFAULT_COMMAND else f"layerscope {name}"
    words = [] if name == DEFAULT_COMMAND else [name]
    options = [
        param.opts[0]
        for param in command.params
        if isinstance(param, click.Option) and not param.is_flag and not param.count
    ]
    unknown = [] if name == "build" else ["--nonsense"]  # build leaves others to the engine
    for option in [*unknown, *options[:1], *options[-1:]]:
        assert f"hint: see {path} --help" in here(*words, option).err
    if isinstance(command, click.Group):
        assert f"hint: see {path} info --help" in here(name, "info", "--format").err


@pytest.mark.parametrize(
    ("args", "code", "meant"),
    [
        (["rport", "image.tar"], 2, "report"),
        (["--theme", "dark", "rport", "image.tar"], 2, "report"),
        (["imges", "--store-root", "."], 3, "images"),
        (["extrct", "image.tar", "/etc", "-o", "out"], 2, "extract"),
    ],
)
def test_a_hint_names_the_command_that_was_mistyped(
    here: Here, args: list[str], code: int, meant: str
) -> None:
    """The hint is given whether the word was taken for an image or the other arguments are invalid."""
    ran = here(*args)
    assert ran.code in (code, 4)  # 4 where no engine or store is there
    assert f"hint: did you mean `layerscope {meant}`?" in ran.err


@pytest.mark.parametrize("args", [["--", "rport"], ["memcached"], ["./rport"], ["report", "rport"]])
def test_images_are_not_taken_for_mistyped_commands(here: Here, args: list[str]) -> None:
    ran = here(*args)
    assert ran.code in (3, 4)
    assert "did you mean `layerscope" not in ran.err


# --- Images that cannot be read -------------------------------------------------------------------


@pytest.mark.parametrize("args", [["nofile.tar"], ["report", "nofile.tar"]])
def test_a_missing_file_is_named_on_one_line(here: Here, args: list[str]) -> None:
    code, out, err = here(*args)
    assert (code, out) == (3, "")
    assert err == "layerscope: nofile.tar: no such file or directory\n"


@pytest.mark.parametrize("name", ["report", "ci", "fix"])
def test_a_hint_says_how_to_open_the_sample_image(here: Here, name: str) -> None:
    """`demo` is a command, not the name of an image."""
    code, _, err = here(name, "demo")
    assert code in (3, 4)
    assert "hint: layerscope demo --save FILE writes the sample image; " in err
    assert "--save" not in here(name, "demos")[2]


def test_errors_about_hostile_names_stay_on_one_line(here: Here) -> None:
    code, _, err = here("report", "no\n\x1b[2Jsuch\udcff.tar")
    assert code == 3
    assert err.splitlines()[0].startswith("layerscope: no\\n\\e[2Jsuch\\xff.tar: ")


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04" + bytes(600), bytes(10240), b"no image at all" * 100]
)
def test_a_file_that_is_not_an_image_exits_with_3_and_is_named(here: Here, data: bytes) -> None:
    write(here.folder / "odd.bin", data)
    code, out, err = here("report", "odd.bin")
    assert (code, out) == (3, "")
    assert err.startswith("layerscope: odd.bin")


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_damaged_image_is_reported_anyway(here: Here, form: str) -> None:
    """The report covers the readable part; exit code and stderr show that it is incomplete."""
    code, out, err = here("report", "damaged.tar", "--format", form)
    assert code == 3
    assert err.startswith("layerscope: damaged.tar: layer 0 is damaged at byte ")
    assert "--ignore-errors" in err
    accepted = here("report", "damaged.tar", "--format", form, "--ignore-errors")
    assert accepted == Ran(0, out, "")
    assert "damaged" in out or json.loads(out)["layers"][0]["broken"]


# --- --output -------------------------------------------------------------------------------------


def test_a_file_is_replaced_atomically(here: Here) -> None:
    """Readers of the old file keep the old report; its permissions carry over; no temporary file is left."""
    report = here("report", "image.tar", "--format", "json").out
    old = write(here.folder / "out" / "report.json", b"old")
    old.chmod(0o640)
    old_link = here.folder / "out" / "kept"
    old_link.hardlink_to(old)
    assert here("report", "image.tar", "--format", "json", "-o", str(old)) == Ran(0, "", "")
    assert old.read_text() == report
    assert old_link.read_bytes() == b"old"
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert sorted(path.name for path in old.parent.iterdir()) == ["kept", "report.json"]


def test_a_new_file_gets_the_usual_permissions(here: Here) -> None:
    before = os.umask(0o027)
    try:
        here("report", "image.tar", "--output", "new.txt")
    finally:
        os.umask(before)
    assert stat.S_IMODE(Path("new.txt").stat().st_mode) == 0o640
    assert Path("new.txt").read_text() == here("report", "image.tar").out


def test_a_link_is_followed_and_its_target_replaced(here: Here) -> None:
    real = write(here.folder / "real" / "report.txt", b"old")
    Path("link").symlink_to(real)
    here("report", "image.tar", "--output", "link")
    assert Path("link").is_symlink()
    assert real.read_text() == here("report", "image.tar").out


def test_a_failed_run_keeps_the_old_file(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    old = write(here.folder / "out" / "report.txt", b"old")
    assert here("report", "nofile.tar", "--output", str(old)).code == 3

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("layerscope.report.json.write", full)
    code, out, err = here("report", "image.tar", "--format", "json", "--output", str(old))
    assert (code, out) == (2, "")
    assert err == f"layerscope: cannot write {old}: No space left on device\n"
    assert old.read_bytes() == b"old"
    assert list(old.parent.iterdir()) == [old]


def test_a_damaged_image_is_reported_to_the_file_too(here: Here) -> None:
    assert here("report", "damaged.tar", "--output", "out.txt").code == 3
    assert "damaged" in Path("out.txt").read_text()


def test_pipes_are_written_to_and_not_replaced(here: Here) -> None:
    os.mkfifo("pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(Path("pipe").read_bytes()))
    reader.start()
    assert here("report", "image.tar", "--output", "pipe") == Ran(0, "", "")
    reader.join(timeout=30)
    assert stat.S_ISFIFO(Path("pipe").stat().st_mode)
    assert read == [here("report", "image.tar").out.encode()]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("no/such/report.txt", "no such directory: no/such"),
        (".", "it is a directory"),
        ("/dev/full", "No space left on device"),
    ],
)
def test_an_output_that_cannot_be_written_is_named(here: Here, path: str, why: str) -> None:
    if path.startswith("/dev/") and not Path(path).exists():
        pytest.skip(f"there is no {path}")
    code, out, err = here("report", "image.tar", "--output", path)
    assert (code, out) == (2, "")
    assert err == f"layerscope: cannot write {path}: {why}\n"


def test_an_impossible_output_is_reported_before_the_image_is_read(here: Here) -> None:
    code, _, err = here("report", "nofile.tar", "--output", "no/such/report.txt")
    assert code == 2
    assert "no/such" in err


def test_dev_stdout_means_stdout(here: Here) -> None:
    """The previous content is kept, as with any command that appends."""
    written = write(here.folder / "log.txt", b"before\n")
    with written.open("ab") as stream:
        subprocess.run(
            command("report", "image.tar", "-o", "/dev/stdout"), stdout=stream, check=True, timeout=60
        )  # fmt: skip
    assert written.read_text() == "before\n" + here("report", "image.tar").out


def test_other_names_of_stdout_are_recognised(here: Here) -> None:
    assert not output._is_stdout(here.folder / "image.tar")
    assert not output._is_stdout(here.folder / "missing")


# --- stdin and stdout -----------------------------------------------------------------------------


def test_an_image_may_come_through_a_pipe_or_from_a_file_on_stdin(here: Here) -> None:
    piped = ran("report", "-", input=IMAGE)
    assert (piped.code, piped.err) == (0, "")
    assert piped.out.startswith("demo:latest  linux/amd64  stdin\n")
    assert ran("-", input=IMAGE) == piped
    with Path("image.tar").open("rb") as stream:
        assert ran("report", "-", stdin=stream) == piped


def test_an_empty_or_closed_stdin_is_a_clear_error(here: Here) -> None:
    code, out, err = ran("report", "-", stdin=subprocess.DEVNULL)
    assert (code, out) == (3, "")
    assert err.startswith("layerscope: stdin")
    closed = ran("report", "-", preexec_fn=lambda: os.close(0))
    assert closed.code == 2
    assert closed.err.startswith("layerscope: stdin is closed\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_stdout_is_a_clear_error(here: Here) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command("report", "image.tar"), stdout=full, stderr=subprocess.PIPE, check=False, timeout=60
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == b"layerscope: cannot write stdout: No space left on device\n"


def test_a_closed_stdout_is_a_clear_error(here: Here) -> None:
    closed = ran("report", "image.tar", preexec_fn=lambda: os.close(1))
    assert closed.code == 2
    assert closed.err.startswith("layerscope: stdout is closed\n")


def test_a_closed_pipe_ends_the_report_quietly(here: Here) -> None:
    """`layerscope report IMAGE --files | head -1` closes the pipe early."""
    many = layer_tar([file(f"file-{number}-{'x' * 60}") for number in range(3000)])
    write(here.folder / "many.tar", docker_archive([many]))
    with subprocess.Popen(
        command("report", "many.tar", "--files"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"demo:latest")
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 0


def test_ctrl_c_while_the_program_loads_ends_quietly_with_130() -> None:
    script = """
import sys
class Interrupting:
    def find_spec(self, name, *_):
        if name == "layerscope.cli":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
from layerscope.__main__ import main
main()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_ctrl_c_ends_quietly_with_130(here: Here) -> None:
    with subprocess.Popen(
        command("report", "-"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdin is not None
        # More than a pipe holds: once it is written, the program is reading.
        process.stdin.write(IMAGE[:BLOCK] + bytes(1 << 20))
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        out, err = process.stdout, process.stderr
        assert out is not None
        assert err is not None
        assert out.read() == b""
        assert err.read().strip() == b""


# --- Terminals ------------------------------------------------------------------------------------


def in_terminal(*args: str, columns: int = 80, **variables: str) -> Ran:
    """Run a command line in a terminal."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items()
                   if key not in ("NO_COLOR", "COLUMNS", "LINES")}  # fmt: skip
    environment |= {"TERM": "xterm-256color", **variables}
    with subprocess.Popen(
        command(*args), stdin=side, stdout=side, stderr=subprocess.PIPE, env=environment
    ) as process:
        os.close(side)
        written = b""
        while True:
            try:
                written += os.read(main, 1 << 16) or b""
            except OSError:  # how Linux says that nobody holds the other side any more
                break
        assert process.stderr is not None
        errors = process.stderr.read()
        code = process.wait(timeout=60)
    os.close(main)
    return Ran(code, written.decode().replace("\r\n", "\n"), errors.decode())


@pytest.mark.terminal
def test_a_terminal_gets_colours_and_its_own_width(here: Here) -> None:
    code, out, err = in_terminal("report", "image.tar", columns=70)
    assert (code, err) == (0, "")
    assert "\x1b[1mdemo:latest" in out
    history = [{"created_by": "RUN " + "make everything " * 20}]
    write(here.folder / "long.tar", docker_archive([LAYER], history=history))
    for columns in (62, 140):
        plain = in_terminal("report", "long.tar", columns=columns, NO_COLOR="1").out
        assert max(map(len, plain.split("\n"))) == columns


@pytest.mark.terminal
@pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_color_and_dumb_terminals_switch_colours_off(
    here: Here, variable: dict[str, str]
) -> None:
    out = in_terminal("report", "image.tar", columns=100, **variable).out
    assert out == here("report", "image.tar").out


@pytest.mark.terminal
def test_a_file_never_gets_colours(here: Here) -> None:
    in_terminal("report", "image.tar", "--output", "out.txt")
    assert "\x1b" not in Path("out.txt").read_text()


@pytest.mark.terminal
def test_a_terminal_on_stdin_is_not_read_as_an_image(here: Here) -> None:
    code, out, err = in_terminal("report", "-")
    assert (code, out) == (2, "")
    assert "stdin is a terminal\n  hint: " in err


@pytest.mark.parametrize("command", [(), ("report",)], ids=["open", "report"])
def test_an_unknown_theme_is_an_error_without_a_terminal_too(
    here: Here, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """Nothing is written to stdout, and the nearest theme is named."""
    if command:
        monkeypatch.setenv("LAYERSCOPE_THEME", "drakula")
        ran = here(*command, "image.tar")
    else:
        ran = here("image.tar", "--theme", "drakula")
    assert (ran.code, ran.out) == (2, "")
    assert "unknown theme `drakula`" in ran.err
    assert "did you mean dracula" in ran.err


@pytest.mark.parametrize(
    "args",
    [
        ["report", "image.tar"],
        ["ci", "image.tar"],
        ["diff", "image.tar", "image.tar"],
        ["log", "image.tar", "/etc"],
        ["rules"],
    ],
)
def test_a_command_reads_its_settings_once(
    here: Here, monkeypatch: pytest.MonkeyPatch, args: list[str]
) -> None:
    """Two readings could differ."""
    read: list[Settings] = []

    def load() -> Settings:
        read.append(Settings())
        return read[-1]

    monkeypatch.setattr("layerscope.settings.load_settings", load)
    here(*args)
    assert len(read) == 1
