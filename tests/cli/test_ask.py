"""`layerscope ask`: formats, exit codes and errors."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.running import Here
from tests.images import docker_archive, file, layer_tar, write


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that tests copy, filled by the first."""
    return tmp_path_factory.mktemp("written")


@pytest.fixture
def ask(
    written: Path,
    tmp_path: Path,
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> Here:
    """Runs the command in a folder whose `runs` has one run of one image."""
    if not (written / "runs").exists():
        monkeypatch.chdir(written)
        write(
            written / "a.tar",
            docker_archive([layer_tar([file("a", b"a" * 10)])], tags=["=app\x1b[31m:1"]),
        )
        ran = Here(written, capsysbinary, "fleet", "--jobs", "1")("a.tar", "--output", "runs")
        assert ran.code == 0
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return Here(tmp_path, capsysbinary, "ask")


def test_every_format_is_safe_and_readable(ask: Here) -> None:
    """Text has sizes, JSON has numbers, CSV has no formulas; no format has terminal escapes."""
    question = "select title, storedBytes from images"
    text = ask("runs", question)
    assert (text.code, "10 B" in text.out, "\x1b" in text.out) == (0, True, False)
    [row] = json.loads(ask("runs", question, "--format", "json").out)
    assert row["storedBytes"] == 10
    table = ask("runs", question, "--format", "csv").out.splitlines()
    assert table[0] == "title,storedBytes"
    assert not table[1].startswith("=")
    assert "\x1b" not in table[1]


def test_questions_are_listed(ask: Here) -> None:
    """Named questions are listed with all tables and columns."""
    listed = ask("runs").out
    assert "growth" in listed
    assert "storedOnceBytes" in listed


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["runs", "nothing"], "there is no question"),
        (["nowhere", "layers"], "No such file or directory"),
        ([".", "layers"], "no runs of layerscope fleet"),
        (["runs", "layers", "--run", "2"], "there is no run 2"),
        (["runs", "layers", "--run", "x"], "expected the number of a run"),
        (["runs", "--run", "1"], "need a question"),
        (["runs", "delete from images"], "a question is one query"),
        (["runs", "layers", "--output", "nowhere/x"], "no such directory"),
    ],
)
def test_wrong_questions_exit_with_2(ask: Here, words: list[str], problem: str) -> None:
    """The error says what is wrong."""
    ran = ask(*words)
    assert ran.code == 2
    assert problem in ran.err


def test_a_missing_argument_is_reported_on_one_line(ask: Here) -> None:
    ran = ask.run("completion")
    assert ran.code == 2
    assert "Choose from: bash, zsh, fish" in ran.err
