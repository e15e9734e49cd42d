"""However the program ends or is stopped, no screen, process or file is left behind, and nothing waits for it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.images import archive, docker_archive, docker_files, file, layer_tar, write
from tests.test_channel import has_ended

ROOT = Path(__file__).parents[1]
ENDS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
PATIENCE = 40
TAKEN = (b"?1049h", b"?1003h", b"?25l")
"""Alternate screen, mouse, hidden cursor."""
GIVEN_BACK = (b"?1049l", b"?1003l", b"?25h", b"?2004l", b"?7h")

PAUSED = """
import os, sys, time
where, *sys.argv[1:] = sys.argv[1:]
def pause(request=None, *_, **__):
    os.write(2, b"here\\n")
    while True:
        if hasattr(request, "progress"):
            from layerscope.progress import check
            check(request.progress)
        time.sleep(0.01)
class Pausing:
    def find_spec(self, name, *_):
        if name == where:
            pause()
if ":" in where:
    import importlib
    module, _, name = where.partition(":")
    setattr(importlib.import_module(module), name, pause)
sys.meta_path.insert(0, Pausing())
from layerscope.__main__ import main
main()
"""
"""Stops where a module is imported, or a function is called, until the user asks to stop, and says so on stderr."""

HELD = f"""
import os, sys
sys.path.append({str(ROOT)!r})
os.environ["LAYERSCOPE_TEST_HOLD"], *sys.argv[1:] = sys.argv[1:]
from layerscope.opening.remote import RemoteImage
RemoteImage.__init__.__kwdefaults__["worker"] = "tests.held_worker"
from layerscope.__main__ import main
main()
"""
"""Has the worker wait where a function is called."""

PHASES = {
    "loading the program": ("layerscope.cli", ["report", "image.tar"]),
    "loading numpy": ("numpy", ["ci", "image.tar"]),
    "finding the image": ("layerscope.sources.search:find_in_path", ["report", "image.tar"]),
    "accounting": ("layerscope.opening.open:account", ["report", "image.tar"]),
    "writing": ("layerscope.report.json:write", ["report", "image.tar", "--format", "json", "-o", "report.json"]),
    "extracting": ("layerscope.extraction.writing:fill", ["extract", "image.tar", "/", "-o", "out"]),
}  # fmt: skip
"""Where a headless command is when it is ended."""


class Here:
    """A folder with images, and everything that a program may leave behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        (folder / "cache").mkdir(mode=0o700)
        write(folder / "image.tar", docker_archive([layer_tar([file("etc/motd", b"hello"), file("a" * 60, b"1")])]))  # fmt: skip
        self.files = self._files()

    def _files(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if "cache" not in path.parts}  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "TMPDIR": str(self.temporary), "TERM": "xterm-256color", "LAYERSCOPE_CACHE_DIR": str(self.folder / "cache"), "LAYERSCOPE_TEST_GATE": str(self.folder / "cache" / "gate")}  # fmt: skip

    def assert_clean(self) -> None:
        """Assert that nothing is left behind."""
        assert self._files() == self.files


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Here:
    monkeypatch.chdir(tmp_path)
    return Here(tmp_path)


def in_turn(phases: Iterable[str]) -> list[tuple[str, signal.Signals]]:
    """Each phase with one of the signals."""
    return [(phase, ENDS[number % len(ENDS)]) for number, phase in enumerate(phases)]


def program(*args: str) -> list[str]:
    return [sys.executable, "-m", "layerscope", *args]


def children_of(pid: int) -> list[int]:
    """IDs of the running child processes of a process."""
    pids: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            pids += map(int, (task / "children").read_text().split())
    return pids


def as_shells_do() -> None:
    """Reset ignored signals: whatever runs the tests may ignore some, and child processes inherit that."""
    for number in (*ENDS, signal.SIGTSTP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)


# --- Headless commands ----------------------------------------------------------------------------


@pytest.mark.parametrize(("phase", "number"), in_turn(PHASES))
def test_a_signal_ends_a_command_at_any_point(
    here: Here, phase: str, number: signal.Signals
) -> None:
    """There is no message, and nothing half-written is left."""
    where, words = PHASES[phase]
    command = [sys.executable, "-c", PAUSED, where, *words, *([] if phase.startswith("loading") else ["--no-cache"])]  # fmt: skip
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=here.environment, preexec_fn=as_shells_do
    ) as process:  # fmt: skip
        assert process.stderr is not None
        assert process.stdout is not None
        assert process.stderr.readline() == b"here\n"
        process.send_signal(number)
        assert process.wait(PATIENCE) == 128 + number
        assert process.stdout.read() == b""
        assert process.stderr.read().strip() == b""
    here.assert_clean()


@pytest.mark.parametrize("number", ENDS, ids=lambda number: number.name)
def test_a_spool_is_removed(here: Here, number: signal.Signals) -> None:
    """stdin was read halfway."""
    with subprocess.Popen(
        program("report", "-"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=here.environment, preexec_fn=as_shells_do,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write((here.folder / "image.tar").read_bytes()[:1024] + bytes(1 << 20))
        process.stdin.flush()  # more than a pipe holds: it is reading
        process.send_signal(number)
        assert process.wait(PATIENCE) == 128 + number
        assert process.stderr.read().strip() == b""
    here.assert_clean()


def test_a_signal_that_was_ignored_stays_ignored(here: Here) -> None:
    """nohup ignores SIGHUP."""
    with subprocess.Popen(
        [sys.executable, "-c", PAUSED, "layerscope.cli", "ci"], stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    ) as process:  # fmt: skip
        assert process.stderr is not None
        process.stderr.readline()
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 128 + signal.SIGTERM


def test_a_second_signal_ends_a_hanging_command(here: Here) -> None:
    """Registered cleanup is run."""
    script = """
import os, signal, sys, time
from layerscope import signals
signals.catch()
signals.at_end(lambda: os.write(1, b"undone"))
try:
    os.write(1, b"here\\n")
    time.sleep(60)
finally:
    os.write(1, b"hangs\\n")
    time.sleep(signals.REPEAT_SECONDS)
    os.write(1, b"still\\n")
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, preexec_fn=as_shells_do) as process:  # fmt: skip
        assert process.stdout is not None
        for words in (b"here\n", b"hangs\n", b"still\n"):
            assert process.stdout.readline() == words
            process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == b"undone"
        assert process.wait(PATIENCE) == 128 + signal.SIGTERM


def test_the_reserve_uses_no_memory_until_needed() -> None:
    """It reserves only address space: otherwise every start would cost 4 MiB."""
    script = """
import re
from pathlib import Path
from layerscope import signals
def resident():
    return int(re.search(r"VmRSS:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1]) << 10
resident()
before = resident()
signals.catch()
print(len(signals._reserve[0]), resident() - before)
"""
    said = subprocess.check_output([sys.executable, "-c", script], text=True)
    reserved, taken = map(int, said.split())
    assert reserved == 4 << 20
    assert taken < reserved // 4


def test_a_hanging_thread_does_not_delay_the_end(here: Here) -> None:
    """It may hang in the filesystem."""
    command = [sys.executable, "-c", PAUSED, "layerscope.layers.reading:index_layer", "report", "image.tar", "--no-cache"]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=here.environment) as process:
        assert process.stderr is not None
        process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 128 + signal.SIGTERM
    here.assert_clean()


# --- Second processes -----------------------------------------------------------------------------

INDEXING = """
import sys
from layerscope.layers import reading
class Busy:
    def acquire(self, blocking=True):
        return blocking
    def release(self):
        pass
    __enter__, __exit__ = acquire, lambda *_: None
begin = reading._IndexScheduler.__init__
def lanes(self, *words, **more):
    begin(self, *words, **more)
    self._interpreter_lock = Busy()
reading._IndexScheduler.__init__ = lanes
reading.SECOND_PROCESS_BYTES, reading.VERIFY_BYTES = 0, -1
from layerscope.__main__ import main
main()
"""
"""The second process indexes all layers, however small they are."""
FAULTS = {
    "stopped and continued": (signal.SIGSTOP, signal.SIGCONT),
    "killed": (signal.SIGKILL,),
    "terminated": (signal.SIGTERM,),
    "stopped and killed": (signal.SIGSTOP, signal.SIGKILL),
}


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image whose indexes are larger than a pipe."""
    tars = [layer_tar([file(f"opt/{layer}/{number}", b"") for number in range(4000)]) for layer in range(6)]  # fmt: skip
    return write(tmp_path_factory.mktemp("layers") / "layers.tar", docker_archive(tars))


def reported(
    layers: Path, environment: dict[str, str], *faults: signal.Signals
) -> tuple[int, bytes]:
    """Exit code and report, while second processes get signals as fast as possible."""
    command = [sys.executable, "-c", INDEXING, "report", str(layers), "--format", "json", "--no-cache"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        seen: set[int] = set()
        if faults:
            while process.poll() is None and not seen:
                seen.update(children_of(process.pid))
            for _ in range(300):
                for child in seen:
                    for fault in faults:
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(child, fault)
        out = process.stdout.read()
        code = process.wait(PATIENCE)
    assert not faults or seen, "there was no second process"
    assert all(map(has_ended, seen))
    return code, out


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("fault", FAULTS)
def test_failures_of_the_second_process_do_not_change_the_report(
    layers: Path, fault: str, unbuffered: str
) -> None:
    environment = {
        **os.environ,
        "PYTHONUNBUFFERED": unbuffered,
        "PYTHONDONTWRITEBYTECODE": unbuffered,
    }
    code, out = reported(layers, environment, *FAULTS[fault])
    assert (code, out) == reported(layers, environment)
    assert code == 0


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_is_complete_through_a_stopped_pipe(here: Here, unbuffered: str) -> None:
    """With PYTHONUNBUFFERED, Python's own stdout drops the rest of a partial write."""
    content = bytes(range(256)) * 8000
    write(here.folder / "large.tar", docker_archive([layer_tar([file("large", content)])]))
    environment = {**here.environment, "PYTHONUNBUFFERED": unbuffered}
    with subprocess.Popen(
        program("cat", "large.tar", "large"), stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        parts = []
        while part := os.read(process.stdout.fileno(), 1 << 14):
            parts.append(part)
            if len(parts) % 5 == 0:
                process.send_signal(signal.SIGSTOP)
                process.send_signal(signal.SIGCONT)
        assert process.wait(PATIENCE) == 0
    assert b"".join(parts) == content


# --- The explorer ---------------------------------------------------------------------------------


class Screen:
    """The program in its own terminal, or in a shell there."""

    def __init__(self, here: Here, command: list[str], **more: str) -> None:
        self.process = pexpect.spawn(
            command[0], command[1:], env={**here.environment, **more}, dimensions=(30, 100), timeout=PATIENCE,
            preexec_fn=as_shells_do, cwd=str(here.folder),
        )  # fmt: skip
        self.before = self.attributes()
        self.out = b""

    def attributes(self) -> list[Any]:
        """The attributes of the terminal."""
        return termios.tcgetattr(self.process.child_fd)

    def wait_for(self, words: str) -> bytes:
        """Wait until the output matches a regular expression; returns the output since the last match."""
        self.process.expect(words)
        sent: bytes = self.process.before + self.process.after
        return sent

    def end(self) -> tuple[int, bytes]:
        """Wait for the program to end; returns its exit code and its output."""
        self.process.expect(pexpect.EOF)
        after = self.attributes()
        assert after == self.before, "the terminal is set otherwise"
        self.process.wait()
        self.process.close()
        assert self.process.exitstatus is not None, f"killed by {self.process.signalstatus}"
        return self.process.exitstatus, self.process.before

    def assert_given_back(self, sent: bytes) -> None:
        """Assert that the terminal was restored last."""
        for mode in GIVEN_BACK:
            assert mode in sent, mode
        assert sent.rfind(b"?1049h") < sent.rfind(b"?1049l")
        assert b"Traceback" not in sent
        assert b"ignored" not in sent


@contextlib.contextmanager
def screen(here: Here, command: list[str], **more: str) -> Iterator[Screen]:
    shown = Screen(here, command, **more)
    try:
        yield shown
    finally:
        shown.process.close(force=True)


def regular_expression(shown: Screen) -> None:
    """Search for a regular expression that takes years."""
    shown.wait_for("etc")
    shown.process.send("\x06")
    shown.wait_for("Find in all layers")
    shown.process.send("/(a+)+$b/")
    until = time.monotonic() + PATIENCE
    while not children_of(shown.process.pid):
        assert time.monotonic() < until, "there was no second process"


def wait_for_held_worker(shown: Screen) -> None:
    """Wait until the worker waits."""
    until = time.monotonic() + PATIENCE
    while not list(Path(shown.process.cwd, "cache").glob("gate-*")):
        assert time.monotonic() < until, "the worker does not come there"
        time.sleep(0.01)


def reading(shown: Screen) -> None:
    """Wait until the worker waits, and the screen is there."""
    shown.wait_for("Quit")
    wait_for_held_worker(shown)


def dialog(shown: Screen) -> None:
    """Open the help."""
    shown.wait_for("etc")
    shown.process.send("?")
    shown.wait_for("Keys in ")


HOLDING = [sys.executable, "-c", HELD]
SCREENS: dict[str, tuple[list[str], str | Callable[[Screen], None]]] = {
    "loading the screen": ([sys.executable, "-c", PAUSED, "layerscope.tui.app", "image.tar"], "here"),
    "mounting": ([sys.executable, "-c", PAUSED, "layerscope.tui.app:MainScreen", "image.tar"], "here"),
    "finding the image": ([*HOLDING, "layerscope.sources.search:find_in_turn", "image.tar"], wait_for_held_worker),
    "reading the image": ([*HOLDING, "layerscope.opening.sending:analyse", "image.tar"], reading),
    "reading layers": ([*HOLDING, "layerscope.layers.reading:index_layer", "image.tar", "--no-cache"], reading),
    "finding duplicates": ([*HOLDING, "layerscope.opening.open:find_duplicates", "image.tar", "--no-cache"], reading),
    "running rules": ([*HOLDING, "layerscope.opening.open:find_findings", "image.tar", "--no-cache"], reading),
    "reading stdin": (["sh", "-c", 'exec "$0" -c "$1" layerscope.sources.spool:_read - < pipe', sys.executable, HELD], wait_for_held_worker),
    "the picker": (program(), "image.tar"),
    "the chooser": (program("two.tar"), "Choose one of"),
    "the explorer": (program("image.tar"), "etc"),
    "demo": (program("demo"), "Dockerfile|flask"),
    "a dialog": (program("image.tar"), dialog),
    "a regular expression": (program("image.tar"), regular_expression),
}  # fmt: skip
"""Where the explorer is when it is ended: how it is started, and how it gets there."""


@pytest.fixture
def inputs(here: Here) -> Iterator[None]:
    """An archive with two images, of which one must be chosen, and a pipe without data."""
    first = docker_files([layer_tar([file("first", b"1")])], tags=("first:1",))
    second = docker_files([layer_tar([file("second", b"22")])], tags=("second:2",))
    items = json.loads(first.pop("manifest.json")) + json.loads(second.pop("manifest.json"))
    write(
        here.folder / "two.tar",
        archive({**first, **second, "manifest.json": json.dumps(items).encode()}),
    )
    os.mkfifo(here.folder / "pipe")
    here.files |= {"two.tar", "pipe"}
    writer = os.open(here.folder / "pipe", os.O_RDWR)
    yield
    os.close(writer)


@pytest.mark.terminal
@pytest.mark.parametrize(
    ("phase", "number"), [*in_turn(SCREENS), *(("the explorer", number) for number in ENDS)]
)
@pytest.mark.usefixtures("inputs")
def test_the_explorer_restores_the_terminal(here: Here, phase: str, number: signal.Signals) -> None:
    command, reach = SCREENS[phase]
    with screen(here, command) as shown:
        if callable(reach):
            reach(shown)
        else:
            shown.wait_for(reach)
        children = children_of(shown.process.pid)
        shown.process.kill(number)
        code, sent = shown.end()
        assert code == 128 + number
        if phase not in (
            "loading the screen",
            "reading stdin",
            "finding the image",
        ):  # there was no screen yet
            shown.assert_given_back(sent)
        assert b"Traceback" not in sent
        assert all(map(has_ended, children))
    here.assert_clean()


@pytest.mark.terminal
def test_the_explorer_ends_with_its_terminal(here: Here) -> None:
    """Nothing can be written to it any more, and no key can be pressed."""
    with screen(here, program("image.tar")) as shown:
        shown.wait_for("etc")
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, shown.process.child_fd)  # closes it
        os.close(null)
        ended = os.waitid(os.P_PID, shown.process.pid, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        assert (ended.si_code, ended.si_status) == (os.CLD_EXITED, 128 + signal.SIGHUP)
    here.assert_clean()


@pytest.mark.terminal
def test_the_explorer_ends_without_a_signal_of_its_terminal(here: Here) -> None:
    """The system sends SIGHUP only to the session of a terminal. Others read that it was closed."""
    leader, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    with subprocess.Popen(
        program("image.tar"), stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
        cwd=here.folder, env=here.environment,
    ) as process:  # fmt: skip
        os.close(terminal)
        written = b""
        while b"etc" not in written:
            written += os.read(leader, 1 << 16)
        os.close(leader)
        assert process.wait(PATIENCE) == 128 + signal.SIGHUP
    here.assert_clean()


# --- Suspending -----------------------------------------------------------------------------------


@pytest.fixture
def shell(here: Here) -> Iterator[Screen]:
    """A shell with job control, in which the explorer runs."""
    with screen(here, ["/bin/sh", "-i", "-m"], PS1="$ ", ENV="") as shown:
        shown.wait_for(r"\$ ")
        shown.before = shown.attributes()
        shown.process.sendline(shlex.join(program("image.tar")))
        shown.wait_for("etc.*2026l|etc")
        yield shown


def explorer_of(shell: Screen) -> int:
    (pid,) = children_of(shell.process.pid)
    return pid


def assert_suspended(shell: Screen) -> None:
    """Assert that the shell has its terminal back."""
    shell.assert_given_back(shell.wait_for("(?i)stopped|suspended"))
    assert shell.attributes() == shell.before


def assert_back(shell: Screen) -> None:
    """Assert that `fg` restores the screen, that keys work, and that quitting works."""
    shell.process.sendline("fg; echo le'ft with' $?")
    for mode in TAKEN:
        shell.wait_for(re.escape(mode.decode()))
    shell.wait_for("etc")
    shell.process.send("?")
    shell.wait_for("Keys in ")
    shell.process.send("\x1b[27u")
    shell.process.send("q")
    shell.assert_given_back(shell.wait_for(r"left with 0"))
    assert shell.attributes() == shell.before


@pytest.mark.terminal
@pytest.mark.parametrize("how", ["the key", signal.SIGTSTP], ids=str)
def test_ctrl_z_gives_the_terminal_back_until_fg(shell: Screen, how: str | signal.Signals) -> None:
    if isinstance(how, str):
        shell.process.send("\x1a")
    else:
        os.kill(explorer_of(shell), how)
    assert_suspended(shell)
    shell.process.sendline(
        "bg; sleep 0.1; jobs"
    )  # in the background it is stopped again, and leaves the terminal alone
    assert b"?1049h" not in shell.wait_for("(?i)stopped")
    assert_back(shell)


@pytest.mark.terminal
def test_fg_restores_the_screen_after_sigstop(shell: Screen) -> None:
    os.kill(explorer_of(shell), signal.SIGSTOP)
    shell.wait_for("(?i)stopped|suspended")
    assert_back(shell)


@pytest.mark.terminal
def test_a_suspended_explorer_can_be_ended(shell: Screen) -> None:
    pid = explorer_of(shell)
    shell.process.send("\x1a")
    assert_suspended(shell)
    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGCONT)
    assert has_ended(pid)
    assert shell.attributes() == shell.before


@pytest.mark.terminal
def test_ctrl_z_without_a_shell_continues_at_once(here: Here) -> None:
    """Nothing could continue the program."""
    with screen(here, program("image.tar")) as shown:
        shown.wait_for("etc")
        shown.process.send("\x1a")
        shown.wait_for(r"\?1049l")
        shown.wait_for(r"\?1049h")
        shown.wait_for("etc")
        shown.process.send("q")
        assert shown.end()[0] == 0
