"""Formats on the command line, and the options that go with them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from layerscope.cli import run
from layerscope.errors import ExitCode
from layerscope.report import FORMATS, TABLES
from layerscope.report.gate import FORMATS as GATE_FORMATS
from tests.images import docker_archive, file, layer_tar, whiteout, write

HISTORY: list[dict[str, object]] = [
    {"created_by": "COPY . /gone/ # buildkit"},
    {"created_by": "RUN /bin/sh -c rm -rf /gone # buildkit"},
]
LAYERS = [layer_tar([file("gone/a", b"a" * 200_000)]), layer_tar([whiteout("gone")])]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "image.tar", docker_archive(LAYERS, history=HISTORY))
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . /gone/\nRUN rm -rf /gone\n")


def out(capsys: pytest.CaptureFixture[str], *args: str, code: int = ExitCode.OK) -> str:
    assert run([*args]) == code
    return capsys.readouterr().out


def test_reports_and_gates_have_the_same_formats() -> None:
    assert list(FORMATS) == list(GATE_FORMATS)


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_can_be_written_to_stdout_and_to_a_file(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = out(capsys, "report", "image.tar", "--format", form)
    assert out(capsys, "report", "image.tar", "--format", form, "--output", "x") == ""
    written = Path("x").read_bytes().decode()
    if form == "text":
        assert shown.split() == written.split()
    else:
        assert shown == written
    assert out(capsys, "ci", "image.tar", "--format", form)


@pytest.mark.parametrize("command", ["report", "ci"])
def test_lines_of_the_dockerfile_are_named(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = out(capsys, command, "image.tar", "--format", "github", "--dockerfile", "Dockerfile")
    assert "file=Dockerfile,line=2,endLine=2," in text
    absolute = str(Path("Dockerfile").absolute())
    text = out(capsys, command, "image.tar", "--format", "sarif", "--dockerfile", absolute)
    locations = json.loads(text)["runs"][0]["results"][0]["locations"]
    assert locations[0]["physicalLocation"]["artifactLocation"]["uri"] == "Dockerfile"


def test_the_text_report_names_lines_too(capsys: pytest.CaptureFixture[str]) -> None:
    text = out(capsys, "report", "image.tar", "--dockerfile", "Dockerfile")
    assert "Dockerfile:2" in text


@pytest.mark.parametrize("table", TABLES)
def test_a_csv_holds_the_requested_table(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = out(capsys, "report", "image.tar", "--format", "csv", "--table", table)
    first = next(csv.reader(io.StringIO(text, newline="")))
    assert len(first) >= 5


def test_files_chooses_the_table_of_files(capsys: pytest.CaptureFixture[str]) -> None:
    files = out(capsys, "report", "image.tar", "--format", "csv", "--files")
    assert files == out(capsys, "report", "image.tar", "--format", "csv", "--table", "files")
    assert files.startswith("layer,change,")


@pytest.mark.parametrize(
    "words",
    [
        ("report", "image.tar", "--files"),
        ("report", "image.tar", "--files", "--format", "json"),
        ("report", "image.tar", "--files", "--format", "csv"),
        ("report", "image.tar", "--table", "files", "--format", "csv"),
        ("diff", "image.tar", "other.tar", "--files"),
        ("diff", "image.tar", "other.tar", "--format", "json"),
    ],
    ids=" ".join,
)
def test_a_list_of_files_that_is_too_long_is_not_written(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """The limit is named, and an existing file is unchanged."""
    write(Path("other.tar"), docker_archive([layer_tar([file("other")])]))
    Path("list").write_text("before")
    code = run([*words, "-o", "list", "--limit", "listing_bytes=3"])
    assert code == ExitCode.UNREADABLE
    error = capsys.readouterr().err
    assert "limit listing_bytes exceeded: " in error
    assert "--limit listing_bytes=" in error
    assert Path("list").read_text() == "before"


def test_formats_without_a_list_of_files_have_no_limit_on_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    limit = ("--limit", "listing_bytes=3")
    assert out(capsys, "report", "image.tar", "--format", "json", *limit)
    assert out(capsys, "report", "image.tar", "--format", "html", "--files", *limit)


def test_only_csv_has_tables_to_choose(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "image.tar", "--table", "waste"]) == ExitCode.USAGE
    assert "--format csv --table waste" in capsys.readouterr().err


def test_a_dockerfile_of_another_image_is_reported(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("Dockerfile").write_text("FROM scratch\nCOPY else /where\n")
    assert run(["report", "image.tar", "--dockerfile", "Dockerfile"]) == ExitCode.OK
    assert "Dockerfile: none of its instructions" in capsys.readouterr().err


def test_the_gate_takes_the_base_from_the_dockerfile(capsys: pytest.CaptureFixture[str]) -> None:
    """Layers below its first instruction belong to the base image."""
    Path("Dockerfile").write_text("FROM base\nRUN rm -rf /gone\n")
    text = out(capsys, "ci", "image.tar", "--format", "json", "--dockerfile", "Dockerfile")
    base = json.loads(text)["base"]
    assert base["layers"] == 1
    assert "Dockerfile" in base["reason"]
