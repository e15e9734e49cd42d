"""Dockerfiles: which lines belong to which instruction of which stage."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import pytest

from layerscope.errors import ExitCode
from layerscope.image.dockerfile import (
    MAX_BYTES,
    Dockerfile,
    DockerfileError,
    parse_dockerfile,
    read_dockerfile,
)


def parsed(text: str) -> Dockerfile:
    """A Dockerfile of that text."""
    return parse_dockerfile(text.encode(), "Dockerfile")


def spans(dockerfile: Dockerfile) -> list[tuple[str, int, int]]:
    """Name and lines of every instruction."""
    return [(written.name, written.first, written.end) for written in dockerfile.instructions]


def test_comments_and_empty_lines_belong_to_none() -> None:
    """Comments and blank lines are no instructions; case does not matter."""
    found = parsed("# syntax=x\n\nfrom a\n  # b\nRun c\n")
    assert spans(found) == [("FROM", 2, 3), ("RUN", 4, 5)]


def test_an_instruction_goes_on_after_a_backslash() -> None:
    """Continuation lines are joined, comments and empty lines between them skipped."""
    found = parsed("FROM a\nRUN one && \\\n# why\n\n    two \\  \n  three\nCMD x\n")
    assert spans(found) == [("FROM", 0, 1), ("RUN", 1, 6), ("CMD", 6, 7)]
    assert found.instructions[1].arguments.split() == ["one", "&&", "two", "three"]


def test_two_backslashes_do_not_continue() -> None:
    """An escaped backslash ends the line like any other character."""
    assert [name for name, _, _ in spans(parsed("FROM a\nRUN x \\\\\nRUN y\n"))] == [
        "FROM",
        "RUN",
        "RUN",
    ]


def test_the_escape_directive_changes_what_continues() -> None:
    """Windows files continue with a backtick."""
    found = parsed("# escape=`\nFROM a\nRUN dir c:\\\nRUN a `\n  b\n")
    assert spans(found) == [("FROM", 1, 2), ("RUN", 2, 3), ("RUN", 3, 5)]


def test_windows_line_ends_and_a_byte_order_mark() -> None:
    """Neither is part of an instruction."""
    found = parse_dockerfile("\ufeffFROM a\r\nRUN b \\\r\n  c\r\n".encode(), "x")
    assert spans(found) == [("FROM", 0, 1), ("RUN", 1, 3)]
    assert found.instructions[1].arguments.split() == ["b", "c"]


def test_here_documents_belong_to_their_instruction() -> None:
    """Several bodies, quoted names and stripped tabs are read as BuildKit does."""
    found = parsed("FROM a\nRUN <<EOF cat <<-'END'\none\nCMD no\nEOF\n\ttwo\n\tEND\nCMD x\n")
    assert spans(found) == [("FROM", 0, 1), ("RUN", 1, 7), ("CMD", 7, 8)]
    assert found.instructions[1].heredocs == ("one\nCMD no", "two")


def test_here_strings_are_no_here_documents() -> None:
    """Three angle brackets open nothing, and neither do two in CMD."""
    assert len(parsed("FROM a\nRUN cat <<<EOF\nCMD echo <<EOF\nCMD y\n").instructions) == 4


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("FROM a\nRUN 1\nFROM b\nRUN 2\n", ["2"]),
        ("ARG g\nFROM a AS base\nRUN 1\nFROM c\nRUN 2\nFROM Base\nRUN 3\n", ["1", "3"]),
        ("FROM a\nRUN 1\nFROM --platform=x 0 AS x\nRUN 2\n", ["1", "2"]),
        ("FROM a\n", []),
        ("FROM x AS x\nRUN 1\nFROM x AS x\nRUN 2\nFROM x\nRUN 3\n", ["1", "2", "3"]),
    ],
    ids=["last", "named", "numbered", "empty", "same-name"],
)
def test_the_final_image_is_the_last_stage_on_those_it_builds_on(
    text: str, wanted: list[str]
) -> None:
    """Other stages are not part of the image."""
    found = parsed(text)
    assert [found.instructions[number].arguments for number in found.final()] == wanted
    assert found.instructions[found.base_line()].name == "FROM"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no FROM"),
        (b"hello world\n", "no FROM"),
        (b"FROM a\0", "NUL"),
        (b"FROM a\nRUN <<EOF\nx\n", "line 2: the here-document 'EOF' does not end"),
        (b"#" * (MAX_BYTES + 1), "more than"),
    ],
    ids=["empty", "text", "binary", "heredoc", "large"],
)
def test_a_file_that_is_not_a_dockerfile_is_described(
    tmp_path: Path, data: bytes, words: str
) -> None:
    """Errors name the file and what is wrong with it."""
    path = tmp_path / "Wrong"
    path.write_bytes(data)
    with pytest.raises(DockerfileError, match=words) as caught:
        read_dockerfile(path)
    assert str(path) in caught.value.message
    assert caught.value.exit_code is ExitCode.USAGE


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Neither a missing file nor a folder is a crash."""
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(DockerfileError, match=str(path)):
            read_dockerfile(path)


def test_hostile_text_takes_linear_time() -> None:
    """Half-made continuations and here-documents of megabytes are read in a moment."""
    for part in ("\\ ", "<<", "<<a ", "#", "\\\n", "FROM a\n", "RUN <<a\na\n", "${"):
        data = ("FROM a\nRUN " + part * (1_000_000 // len(part)) + "\nFROM a\n").encode()
        began = time.monotonic()
        with suppress(DockerfileError):
            parse_dockerfile(data, "x")
        assert time.monotonic() - began < 20
