"""Completion: what it offers, in real shells too; it never waits long, imports little, and lets no name run anything."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import click
import pexpect
import pytest

import layerscope
from layerscope import cli
from layerscope.analysis.findings.rules import RULES
from layerscope.cli.build import ENGINES
from layerscope.cli.cache import COMPLETION_FILE, COMPLETION_STARTED
from layerscope.cli.completion import SCRIPTS, Completion
from layerscope.cli.completion_cache import SAFE_NAME, CompletionNames, completion_names, refresh
from layerscope.cli.completion_values import VALUES, values_of
from layerscope.cli.group import COMPLETION
from layerscope.settings import SEVERITIES
from layerscope.sources import SOURCES
from layerscope.sources.names import normalise
from tests.cli.running import COMMANDS
from tests.sources.fake_engine import serving
from tests.sources.socket_server import SocketHandler, served

HOSTILE = ("$(touch owned)", "`touch owned`", "a;touch owned", "a\nb", "a\tb", "a\x1b[31m", "a'b", 'a"b', "a b", "-x", "é", "")  # fmt: skip
DOCUMENT = {
    "version": layerscope.__version__,
    "images": {
        "docker": [["app:1.0", "docker.io/library/app:1.0"], ["apps:2"], *([name] for name in HOSTILE)],
        "podman": [["app:1.0", "localhost/app:1.0"], ["quay.io/team/app:3"]],
    },
    "rules": {"apt-lists": "APT package lists", "apt-archives": "APT\x1b[31m cache\nx", "$(x)": ""},
    "schemes": {"docker": False, "docker-archive": True, "podman": False},
    "complete": True,
}  # fmt: skip
PATIENCE = 60


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder with fresh names."""
    folder = Path(os.environ["LAYERSCOPE_CACHE_DIR"])
    folder.mkdir()
    (folder / COMPLETION_FILE).write_text(json.dumps(DOCUMENT))
    return folder


def offered(
    monkeypatch: pytest.MonkeyPatch, line: str, word: str | None = None, shell: str = "zsh"
) -> list[str]:
    """The completions of a line; files and directories are `<file>` and `<dir>`."""
    monkeypatch.setenv("COMP_LINE", line)
    if word is not None:
        monkeypatch.setenv("COMP_WORD", word)
    rows = Completion(cli.layerscope, shell).complete().split("\n")
    fields = [row.split("\t") for row in rows if row]
    assert all(len(each) == 3 and all(map(str.isprintable, each)) for each in fields)
    return [value if kind == "plain" else f"<{kind}>" for kind, value, _ in fields]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("layerscope rep", ["report", "<file>"]),
        ("layerscope app", ["app:1.0", "apps:2", "<file>"]),
        ("layerscope app:", ["app:1.0", "<file>"]),
        ("layerscope 'app:", ["app:1.0", "<file>"]),
        ("layerscope docker.io/", ["docker.io/library/app:1.0", "<file>"]),
        ("layerscope quay", ["quay.io/team/app:3", "<file>"]),
        ("layerscope doc", ["docker.io/library/app:1.0", "docker://", "docker-archive://", "<file>"]),
        ("layerscope docker://a", ["docker://app:1.0", "docker://apps:2"]),
        ("layerscope podman://", ["podman://app:1.0", "podman://quay.io/team/app:3"]),
        ("layerscope docker-archive://fi", ["docker-archive://file.tar"]),
        ("layerscope docker-archive://fol", ["docker-archive://folder/"]),
        ("layerscope docker-archive://folder/", ["docker-archive://folder/x.tar"]),
        ("layerscope none://", []),
        ("layerscope ./ap", ["<file>"]),
        ("layerscope report app", ["app:1.0", "apps:2", "<file>"]),
        ("layerscope --pull rep", ["report", "<file>"]),
        ("layerscope -- rep", ["<file>"]),
        ("layerscope app:1.0 rep", []),
        ("layerscope diff app:1.0 app", ["app:1.0", "apps:2", "<file>"]),
        ("layerscope cat app:1.0 /e", []),
        ("layerscope report app:1.0 --format j", ["json", "junit"]),
        ("layerscope report app:1.0 --format=j", ["--format=json", "--format=junit"]),
        ("layerscope report app:1.0 --table f", ["findings", "files"]),
        ("layerscope report -o fi", ["<file>"]),
        ("layerscope fix app --context ", ["<dir>"]),
        ("layerscope --store-root ", ["<dir>"]),
        ("layerscope --platform linux/arm/", ["linux/arm/v7", "linux/arm/v6"]),
        ("layerscope app --limit lay", ["layers=", "layer_bytes="]),
        ("layerscope app --limit layers=", []),
        ("layerscope --theme nor", ["nord"]),
        ("layerscope fix app --severity w", ["warning"]),
        ("layerscope fix app --only apt-l", ["apt-lists"]),
        ("layerscope fix app --only x,apt-l", ["x,apt-lists"]),
        ("layerscope fix app --engine p", ["podman"]),
        ("layerscope ci app --rule apt-lists=e", ["apt-lists=error"]),
        ("layerscope ci app --rule apt-l", ["apt-lists="]),
        ("layerscope --ver", ["--verify", "--version"]),
        ("layerscope report --ver", ["--verify"]),
        ("layerscope cache ", ["clear", "info"]),
        ("layerscope completion f", ["fish"]),
        ("layerscope build -t x ", ["<file>"]),
        ("sudo -E layerscope rules --format ", ["text", "json"]),
        ("/opt/layerscope rules --format ", ["text", "json"]),
        ("layerscope report --wrong ", ["app:1.0", "apps:2", "quay.io/team/app:3", "<file>"]),
        ("", [*(name for name, does in cli.group.COMMANDS.items() if does), "app:1.0", "apps:2", "quay.io/team/app:3", "<file>"]),
    ],
)  # fmt: skip
def test_completions_are_safe_commands_options_and_values(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, expected: list[str]
) -> None:
    """Commands, options, their values, images and files are offered, but no name that a shell could evaluate."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for name in ("file.tar", "fi le.tar", "fi$(x)", "folder/x.tar", "folder/.hidden"):
        (tmp_path / name).touch()
    assert offered(monkeypatch, line) == expected


@pytest.mark.parametrize(
    ("line", "word", "expected"),
    [
        ("layerscope app:1", "1", ["1.0"]),
        ("layerscope app:", "", ["1.0"]),
        ("layerscope report --output=fi", "fi", ["<file>"]),
        ("layerscope docker://a", "//a", ["//app:1.0", "//apps:2"]),
        ("layerscope docker://app:", "", ["1.0"]),
        ("layerscope 'docker://a", "docker://a", ["docker://app:1.0", "docker://apps:2"]),
        ("layerscope app\\:1", "app\\:1", ["app:1.0", "<file>"]),
        ("layerscope report --format=j", "j", ["json", "junit"]),
        ("layerscope ci x --rule apt-lists=", "", ["error", "warning", "note", "off"]),
    ],
)
def test_bash_replaces_only_the_end_of_a_word(
    cache: Path, monkeypatch: pytest.MonkeyPatch, line: str, word: str, expected: list[str]
) -> None:
    """Bash splits words at `:` and `=`, but not in quotes or after a backslash."""
    assert offered(monkeypatch, line, word, "bash") == expected


def test_every_parameter_has_values_or_is_listed_here() -> None:
    """An option or argument with a new kind of value gets a row in `VALUES`, or is named here."""
    free = {"PATH…", "[PATH]…", "TAG", "SIZE", "GLOB", "ADDRESS", "[QUESTION|SQL]", "N|all"}
    typed = (click.Choice, click.Path, type(click.INT))
    for command in COMMANDS.values():
        for param in command.params:
            if isinstance(param, click.Option) and (param.is_flag or param.count):
                continue
            if isinstance(param.type, typed) or values_of(param, "\0") is not None:
                continue
            words = param.metavar or ""
            assert words in free or command.name == "ci", f"{command.name} {param.opts} {words}"
    used = {param.opts[0] for command in COMMANDS.values() for param in command.params}
    assert {name for name in VALUES if name.startswith("--") and name != "-- BUILD ARGS"} <= used


def test_completed_values_equal_those_of_the_program() -> None:
    """Completion repeats some names, so that it need not import the modules that define them."""
    assert [item.value for item in VALUES["--engine"]("")] == list(ENGINES)
    assert {item.value for item in VALUES["--rule"]("x=")} == {
        f"x={each}" for each in (*SEVERITIES, "off")
    }


def test_completion_imports_no_heavy_modules(cache: Path) -> None:
    """Neither numpy nor the modules that open images are imported: Tab is pressed often."""
    for line, most, allowed in (
        ("layerscope app", 25, {"click"}),
        ("layerscope docker://", 25, {"click"}),
        ("layerscope --platform lin", 25, {"click"}),
        ("layerscope fix app --only ", 30, {"click"}),
        ("layerscope ci app --rule ", 50, {"click", "msgspec", "typing_extensions"}),
        ("layerscope ls app --limit ", 25, {"click", "msgspec", "typing_extensions"}),
        ("layerscope report app --format ", 30, {"click"}),
        ("layerscope images --format ", 25, {"click"}),
    ):
        script = "import sys; from layerscope.cli import run; run(); print(*sys.modules, sep='\\n', file=sys.stderr)"
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {COMPLETION: "fish_complete", "COMP_LINE": line},
            capture_output=True, text=True, check=True, timeout=PATIENCE,
        )  # fmt: skip
        assert done.stdout.startswith("plain\t")
        loaded = {name.partition(".")[0] for name in done.stderr.split()}
        own_modules = sum(name.partition(".")[0] == "layerscope" for name in done.stderr.split())
        others = loaded - set(sys.stdlib_module_names) - {"layerscope"}
        assert {name for name in others if not name.startswith("_")} <= allowed
        assert own_modules <= most


# names of images


def test_names_come_from_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are offered as people write them and in full, together with rules and schemes."""
    with serving(tmp_path / "docker.sock") as engine:
        engine.images = [{"Id": "sha256:" + "1" * 64, "RepoTags": ["localhost/demo:1", "evil$(x):1"]}]  # fmt: skip
        monkeypatch.setenv("DOCKER_HOST", engine.url)
        refresh()
    names = completion_names()
    assert names.complete
    assert names.images["docker"] == [("demo:1", "localhost/demo:1")]
    assert names.rules == {rule.name: rule.title for rule in RULES}
    assert set(names.schemes) == {name for source in SOURCES for name in source.schemes}
    assert cli.run(["cache", "clear"]) == 0
    assert not list(Path(os.environ["LAYERSCOPE_CACHE_DIR"]).glob("completion*"))


class _Silent(SocketHandler):
    """An engine that accepts requests and never answers."""

    asked = 0

    def get(self) -> None:
        type(self).asked += 1
        time.sleep(PATIENCE)


def test_completion_does_not_wait_for_a_silent_engine(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known names are offered immediately, each time, while one process collects new ones in the background."""
    os.utime(cache / COMPLETION_FILE, (0, 0))
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it waits"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    with served(tmp_path / "docker.sock", _Silent):
        assert offered(monkeypatch, "layerscope docker://apps") == ["docker://apps:2"]
        started = (cache / COMPLETION_STARTED).stat().st_mtime_ns
        assert offered(monkeypatch, "layerscope docker://apps") == ["docker://apps:2"]
        assert (cache / COMPLETION_STARTED).stat().st_mtime_ns == started
        monkeypatch.undo()
        monkeypatch.setenv("LAYERSCOPE_CACHE_DIR", str(cache))
        deadline = time.monotonic() + PATIENCE
        while "containers-storage" not in (document := json.loads((cache / COMPLETION_FILE).read_text()))["images"]:  # fmt: skip
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert document["images"]["docker"]  # the silent engine keeps its names


def test_the_first_answer_waits_for_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits until the background process has written its file."""
    monkeypatch.setattr("layerscope.cli.completion_cache.WAIT_SECONDS", PATIENCE)
    assert completion_names().complete
    assert offered(monkeypatch, "layerscope fix x --only apt-li") == ["apt-lists"]


def test_without_a_cache_no_process_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If its file cannot be written, each Tab would start another process."""
    monkeypatch.setenv("LAYERSCOPE_CACHE_SIZE", "0")
    assert completion_names() == CompletionNames()
    monkeypatch.delenv("LAYERSCOPE_CACHE_SIZE")
    (tmp_path / "file").touch()
    monkeypatch.setenv("LAYERSCOPE_CACHE_DIR", str(tmp_path / "file" / "below"))
    assert completion_names() == CompletionNames()


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[" * 100_000, b'{"version": null}', b"\xff", json.dumps(DOCUMENT | {"images": [1]}).encode(), json.dumps(DOCUMENT | {"images": {"docker": [[1]]}}).encode()],
)  # fmt: skip
def test_a_damaged_file_counts_as_missing(cache: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    (cache / COMPLETION_FILE).write_bytes(content)
    assert completion_names() == CompletionNames()


def test_safe_names_are_those_that_engines_allow() -> None:
    """Docker's grammar of references matches, short and in full; names that a shell could evaluate do not."""
    for name in ("alpine", "a.b-c_d:1", "localhost:5000/x/y:V1.0-rc_1", "x@sha256:" + "0" * 64):
        assert SAFE_NAME.fullmatch(name)
        assert SAFE_NAME.fullmatch(normalise(name))
    assert not any(SAFE_NAME.fullmatch(name) for name in HOSTILE)


# real shells

START = {
    "bash": (["--norc", "--noprofile", "-i"], "PS1='READY> '; bind 'set enable-bracketed-paste off'"),
    "zsh": (["-f", "-i"], "PS1='READY> '; unsetopt zle_bracketed_paste 2>/dev/null; unset zle_bracketed_paste; bindkey -e; autoload -Uz compinit && compinit -u -D"),
    "fish": (["--no-config", "-i"], "function fish_prompt; echo 'READY> '; end; set -g fish_autosuggestion_enabled 0"),
}  # fmt: skip


@pytest.mark.terminal
@pytest.mark.parametrize("shell", START)
def test_a_real_shell_completes(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    """Tab after a few letters completes the word; a hostile file name is completed as a word and never run."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "layerscope").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m layerscope "$@"\n')
    (programs / "layerscope").chmod(0o755)
    here = tmp_path / "here"
    here.mkdir()
    (here / "zz$(touch owned)").touch()
    script = tmp_path / f"script.{shell}"
    script.write_text(cli_output(["completion", shell]))
    options, prepare = START[shell]
    environment = os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}", "TERM": "xterm", "HOME": str(tmp_path), "PYTHONPATH": str(Path(layerscope.__file__).parents[1]),
        "INPUTRC": "/dev/null", "fish_greeting": "",
    }  # fmt: skip
    child = pexpect.spawn(program, options, env=environment, cwd=str(here), encoding="utf-8", timeout=PATIENCE, dimensions=(50, 200))  # fmt: skip
    out = tmp_path / "out"
    try:
        child.sendline(prepare)
        child.expect("READY> ")
        child.sendline(f"source {script}")
        child.expect("READY> ")
        for number, (typed, expected) in enumerate(
            [
                ("rep", "report"),
                ("report app:", "report app:1.0"),
                ("docker://apps", "docker://apps:2"),
                ("quay.io/t", "quay.io/team/app:3"),
                ("report --format=js", "report --format=json"),
                ("zz", "zz$(touch owned)"),
            ]
        ):
            # The whole line is then written to a file: nothing depends on how the shell paints it.
            child.send(f"layerscope {typed}\t")
            child.send(f"\x01printf '%s\\n' \x05 >{out}.{number}; mv {out}.{number} {out}.{number}.done\r")  # fmt: skip
            done = Path(f"{out}.{number}.done")
            deadline = time.monotonic() + PATIENCE
            while not done.exists():
                assert time.monotonic() < deadline, (typed, child.before, child.buffer)
                child.expect([pexpect.TIMEOUT, r".+"], timeout=0.05)
            assert done.read_text().split("\n")[1:-1] == (
                [expected] if expected.startswith("zz") else expected.split()
            )
        assert not list(here.glob("owned"))
    finally:
        child.close(force=True)


def cli_output(words: list[str]) -> str:
    """The output of a command."""
    done = subprocess.run([sys.executable, "-m", "layerscope", *words], capture_output=True, check=True, timeout=PATIENCE)  # fmt: skip
    return done.stdout.decode()


_FUNCTION = r"""
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
_layerscope_completion layerscope "${COMP_WORDS[COMP_CWORD]#[\"\']}"
printf '%s\n' "${COMPREPLY[@]}"
"""


def test_files_beside_images_are_quoted_in_bash(cache: Path, tmp_path: Path) -> None:
    """Bash inserts words as they are: an unquoted `$()` would be run with the line."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "layerscope").write_text("#!/bin/sh\nprintf 'plain\\tapp:1\\t\\nfile\\t\\t\\n'\n")
    (programs / "layerscope").chmod(0o755)
    here = tmp_path / "here"
    (here / "app folder").mkdir(parents=True)
    (here / "app$(touch owned)").touch()
    (here / "app.tar").touch()
    script = tmp_path / "script"
    script.write_text(SCRIPTS["bash"] % {"variable": COMPLETION})
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"}

    def words(*line: str) -> list[str]:
        done = subprocess.run(["bash", "-c", _FUNCTION, "bash", str(script), *line], env=environment, cwd=here, capture_output=True, text=True, check=True, timeout=PATIENCE)  # fmt: skip
        return sorted(done.stdout.splitlines())

    assert words("layerscope", "app") == ["app.tar", "app:1", r"app\ folder/", r"app\$\(touch\ owned\)"]  # fmt: skip
    assert words("layerscope", "'app") == ["app.tar", "app:1"]
    assert not (here / "owned").exists()
