"""Exit codes without a verdict, and for streams that cannot be written."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from layerscope import cli
from tests.cli.running import Here
from tests.images import docker_archive, file, layer_tar, write

FULL = Path("/dev/full")
COMMANDS = [
    "--help",
    "--version",
    "report --help",
    "image.tar",
    "report image.tar",
    "report image.tar --format json",
    "ci image.tar",
    "ci image.tar --format json",
    "ci bad.tar",
    "diff image.tar bad.tar",
    "log image.tar etc/motd",
    "ls image.tar",
    "cat image.tar etc/motd",
    "rules",
    "rules --format json",
    "cache info",
]
FAILING = [
    "no-such.tar",
    "report no-such.tar",
    "ci bad.tar",
    "ls image.tar no/such/path",
    "cat image.tar no/such/path",
    "extract image.tar etc -o out",
    "report --no-such-option",
    "--no-such-option",
    "report",
    "images --source docker",
]
"""Commands that have something to say on stderr."""


@pytest.fixture(scope="module")
def bad_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image that wastes 30 MiB, as a Docker archive."""
    large = os.urandom(30 << 20)
    image = docker_archive([layer_tar([file("a", large)]), layer_tar([file("a", b"")])])
    return write(tmp_path_factory.mktemp("bad") / "bad.tar", image)


@pytest.fixture
def here(bad_image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Here:  # fmt: skip
    """A folder with an image that passes the gate, and one that fails."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "image.tar", docker_archive([layer_tar([file("etc/motd", b"welcome")])]))
    (tmp_path / "bad.tar").hardlink_to(bad_image)
    return Here(tmp_path, capsysbinary)


def ended(
    args: list[str],
    *,
    stdout: int | None = subprocess.PIPE,
    stderr: int | None = subprocess.PIPE,
    limit: Callable[[], None] | None = None,
    unbuffered: str = "",
) -> subprocess.CompletedProcess[bytes]:
    """The result of a command line in its own process."""
    return subprocess.run(
        [sys.executable, "-m", "layerscope", *args], stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
        preexec_fn=limit, check=False, timeout=60, env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    )  # fmt: skip


# --- Streams --------------------------------------------------------------------------------------


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", [*COMMANDS, *(f"{words} 2>" for words in FAILING)])
def test_a_full_stream_exits_with_2(here: Here, words: str, unbuffered: str) -> None:
    """There is one line on stderr if stdout is full, and none if stderr is."""
    args = words.removesuffix(" 2>").split()
    with FULL.open("wb") as full:
        if words.endswith(" 2>"):
            done = ended(args, stderr=full.fileno(), unbuffered=unbuffered)
        else:
            done = ended(args, stdout=full.fileno(), unbuffered=unbuffered)
            assert done.stderr == b"layerscope: cannot write stdout: No space left on device\n"
    assert done.returncode == 2


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
def test_an_unused_stderr_may_be_full(here: Here) -> None:
    with FULL.open("wb") as full:
        assert ended(["report", "image.tar"], stderr=full.fileno()).returncode == 0


@pytest.mark.parametrize(("args", "code"), [(["ci", "bad.tar"], 1), (["ci", "image.tar"], 0), (["diff", "image.tar", "bad.tar"], 1), (["report", "bad.tar"], 0)])  # fmt: skip
def test_a_closed_pipe_changes_no_verdict(here: Here, args: list[str], code: int) -> None:  # fmt: skip
    """`layerscope ci IMAGE | head -1` keeps its exit code."""
    read, written = os.pipe()
    os.close(read)
    done = ended(args, stdout=written)
    os.close(written)
    assert done.returncode == code
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("words", ["report cut.tar", "report cut.tar --format json", "ls cut.tar", "cat cut.tar /a", "log cut.tar /a", "ci cut.tar", "diff cut.tar cut.tar"])  # fmt: skip
def test_a_closed_pipe_does_not_hide_damage(here: Here, words: str) -> None:
    """`layerscope report IMAGE | head -0` still exits with 3."""
    layer = layer_tar([file("a", b"whole"), file("b", os.urandom(1 << 20))])
    write(here.folder / "cut.tar", docker_archive([layer[: len(layer) // 2]]))
    read, written = os.pipe()
    os.close(read)
    done = ended(words.split(), stdout=written)
    os.close(written)
    assert done.returncode == 3
    assert b"cut.tar: " in done.stderr


# --- Faults ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "out of memory"),
        (OSError(12, "Cannot allocate memory"), "out of memory"),
        (RuntimeError("can't start new thread"), "no thread can be started"),
        (ImportError("x.so: failed to map segment from shared object"), "out of memory"),
        (TypeError("it is odd"), "internal error: TypeError: it is odd (at layerscope/sources/"),
        (RecursionError("too deep"), "internal error: RecursionError"),
    ],
)
def test_an_internal_error_exits_with_70_and_two_lines(
    here: Here, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    """It says nothing about the image."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("layerscope.sources.search.find_in_path", fail)
    for _ in ("a command", "another of the same process"):
        done = here("ci", "image.tar")
        assert (done.code, done.out) == (70, "")
        first, second = done.err.splitlines()
        assert words in first
        assert second.startswith("  hint: ")


def test_a_broken_pipe_other_than_stdout_is_an_internal_error(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader of stdout still expects data."""

    def fail(*_: object) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("layerscope.opening.check_gate.decide", fail)
    code, out, err = here("ci", "image.tar")
    assert (code, out) == (70, "")
    assert "BrokenPipeError" in err


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the limit is not enforced")
@pytest.mark.parametrize("megabytes", [40, 70, 110, 122, 126, 130, 140])
@pytest.mark.parametrize("args", [["ci", "bad.tar"], ["report", "bad.tar", "--no-cache"]])
def test_lack_of_memory_exits_with_70(here: Here, megabytes: int, args: list[str]) -> None:
    """Neither Python nor a library ends the program in another way."""
    size = megabytes << 20
    done = ended(args, limit=lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size)))
    if done.returncode != (1 if args[0] == "ci" else 0) or not done.stdout:
        assert done.returncode == 70
        first, *rest = done.stderr.decode().splitlines()
        assert "out of memory" in first
        assert all(line.startswith("  hint: ") for line in rest)


@pytest.mark.parametrize("args", [[""], [" "], ["report", ""], ["ci", ""], ["ls", ""], ["diff", "image.tar", ""], ["diff", "", "image.tar"], ["cat", "", "a"], ["log", "", "a"], ["extract", "", "a"]])  # fmt: skip
def test_an_empty_name_is_wrong_usage(here: Here, args: list[str]) -> None:
    """A script may have an unset variable."""
    code, out, err = here(*args)
    assert (code, out) == (2, "")
    assert err.replace("OLD: ", "").replace("NEW: ", "") == ("layerscope: the name of the image is empty\n  hint: is a variable unset?\n")  # fmt: skip


@pytest.mark.parametrize("order", ["thread, command", "command, thread", "thread, thread"])
def test_lack_of_memory_is_reported_once(order: str) -> None:
    """The command and its threads notice it at the same time, independently."""
    script = f"""
import threading, time
from layerscope import cli, faults, signals
ending = threading.Event()
def end_now(code):
    ending.set()
    threading.Event().wait()  # undoing things may take a while
signals.end_now = end_now
faults.watch_threads(cli.print_error)
def starve():
    raise MemoryError
for who in {order.split(", ")!r}:
    if who == "command":
        assert cli._fault(MemoryError()) == 70
    else:
        ending.clear()
        thread = threading.Thread(target=starve, daemon=True)
        thread.start()
        while thread.is_alive() and not ending.is_set():
            time.sleep(0.01)
"""
    said = subprocess.run([sys.executable, "-c", script], stderr=subprocess.PIPE, check=True)
    assert said.stderr.count(b"out of memory") == 1


def test_a_thread_without_memory_to_start_ends_the_program_quietly() -> None:
    """There is no memory for a Python hook either, and Python would print its own message."""
    script = """
import sys, threading
from layerscope import cli, faults
faults.watch_threads(cli.print_error)
usual = sys.unraisablehook
class Starved(threading.Thread):
    def _bootstrap(self):
        print(type(sys.unraisablehook).__name__, flush=True)
        raise MemoryError
threading.Thread(target=print).start()
assert sys.unraisablehook is usual
Starved().start()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False, timeout=60)  # fmt: skip
    assert done.stdout.split() == [b"builtin_function_or_method"]
    assert (done.returncode, done.stderr) == (70, b"layerscope: out of memory\n")


def test_a_thread_that_runs_out_of_memory_ends_the_program() -> None:
    """Waiting for that thread would block forever."""
    script = """
import sys, threading
from layerscope import cli, faults
faults.watch_threads(cli.print_error)
def work():
    raise MemoryError
threading.Thread(target=work).start()
threading.Event().wait()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False, timeout=60)  # fmt: skip
    assert (done.returncode, done.stderr) == (70, b"layerscope: out of memory\n")
    assert cli.run(["--version"]) == 0
