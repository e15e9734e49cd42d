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
    ignore_file,
    parse_dockerfile,
    read_dockerfile,
)


def parsed(text: str) -> Dockerfile:
    """A parsed Dockerfile."""
    return parse_dockerfile(text.encode(), "Dockerfile")


def spans(dockerfile: Dockerfile) -> list[tuple[str, int, int]]:
    """The name and lines of every instruction."""
    return [
        (instruction.name, instruction.first, instruction.end)
        for instruction in dockerfile.instructions
    ]


def test_comments_and_empty_lines_belong_to_no_instruction() -> None:
    """The case of instructions does not matter."""
    found = parsed("# syntax=x\n\nfrom a\n  # b\nRun c\n")
    assert spans(found) == [("FROM", 2, 3), ("RUN", 4, 5)]


def test_a_backslash_continues_an_instruction() -> None:
    """Continuation lines are joined, comments and empty lines between them skipped."""
    found = parsed("FROM a\nRUN one && \\\n# why\n\n    two \\  \n  three\nCMD x\n")
    assert spans(found) == [("FROM", 0, 1), ("RUN", 1, 6), ("CMD", 6, 7)]
    assert found.instructions[1].arguments.split() == ["one", "&&", "two", "three"]


def test_two_backslashes_do_not_continue() -> None:
    """An escaped backslash at the end of a line does not continue it."""
    assert [name for name, _, _ in spans(parsed("FROM a\nRUN x \\\\\nRUN y\n"))] == [
        "FROM",
        "RUN",
        "RUN",
    ]


def test_the_escape_directive_sets_the_continuation_character() -> None:
    """Windows files continue with a backtick."""
    found = parsed("# escape=`\nFROM a\nRUN dir c:\\\nRUN a `\n  b\n")
    assert spans(found) == [("FROM", 1, 2), ("RUN", 2, 3), ("RUN", 3, 5)]


def test_windows_line_ends_and_a_byte_order_mark_are_not_part_of_instructions() -> None:
    found = parse_dockerfile("\ufeffFROM a\r\nRUN b \\\r\n  c\r\n".encode(), "x")
    assert spans(found) == [("FROM", 0, 1), ("RUN", 1, 3)]
    assert found.instructions[1].arguments.split() == ["b", "c"]


def test_here_documents_belong_to_their_instruction() -> None:
    """Several bodies, quoted names and stripped tabs are read as BuildKit does."""
    found = parsed("FROM a\nRUN <<EOF cat <<-'END'\none\nCMD no\nEOF\n\ttwo\n\tEND\nCMD x\n")
    assert spans(found) == [("FROM", 0, 1), ("RUN", 1, 7), ("CMD", 7, 8)]
    bodies = [heredoc.body for heredoc in found.instructions[1].heredocs]
    assert bodies == ["one\nCMD no\n", "two\n"]


def test_continuation_lines_are_joined_without_a_separator() -> None:
    """BuildKit keeps the white space of lines and adds none, so that words and quoted scripts stay intact."""
    found = parsed("FROM a\nRUN ab\\\ncd '\\\n\n# no\n  x' \\ \n y \n").instructions[1]
    assert found.arguments == "abcd '  x'  y"
    assert parsed("FROM a\nRU\\\nN\\\n x\n").instructions[1].arguments == "x"
    assert parsed("FROM a\n\\\nRUN x\\\n#").instructions[1].arguments == "x"


@pytest.mark.parametrize(
    ("source", "flags", "body"),
    [
        ("RUN --mount=type=cache,target=/x --network=none make --x", 2, "make --x"),
        ("RUN --mount=type=bind,source='a b',target=/x  [\"a\"]", 1, '["a"]'),
        ("COPY --chown=a:b \\\n  --link a b", 2, "a b"),
        ("FROM --platform=$B x AS y", 1, "x AS y"),
        ("HEALTHCHECK --interval=5s CMD a --b", 1, "CMD a --b"),
        ("RUN -- --x", 0, "--x"),
        ("RUN make --x", 0, "make --x"),
        ("RUN --mount=x", 1, ""),
    ],
)
def test_flags_come_before_the_body(source: str, flags: int, body: str) -> None:
    """Later options belong to the command that the instruction runs."""
    found = parsed(f"FROM a\n{source}\n").instructions[1]
    assert (len(found.flags), found.arguments[found.body :]) == (flags, body)


def test_flags_lose_their_quotes() -> None:
    """Quotes and backslashes in flags are removed as by BuildKit."""
    found = parsed("FROM a\nRUN --mount=source='a \"b' --x=\\\"c\\ d make\n").instructions[1]
    assert found.flags == ('--mount=source=a "b', '--x="c d')


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('RUN ["a", "b"]', True),
        ('RUN --mount=type=secret,id=x ["npm",\\\n "ci"]', True),
        ("RUN []", True),
        ('COPY ["a b", "c"]', True),
        ('HEALTHCHECK --retries=2 CMD ["a"]', True),
        ("HEALTHCHECK CMD a", False),
        ("HEALTHCHECK NONE", False),
        ("RUN ['a']", False),
        ('RUN ["a"] && b', False),
        ('RUN ["a", 1]', False),
        ("RUN [ -f x ]", False),
        ('LABEL ["a"]', False),
    ],
)
def test_the_exec_form_is_a_json_array_of_strings(source: str, expected: bool) -> None:
    """All other forms are run by the shell."""
    assert parsed(f"FROM a\n{source}\n").instructions[1].exec_form is expected


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("RUN cat <<EOF 3<<-'b c' >x", ["EOF", "b c"]),
        ("RUN cat <<E>x && y", ["E>x"]),
        ("RUN (cat <<E)", ["E)"]),
        ("RUN cat <<\\E", ["E"]),
        ("RUN a # <<E", ["E"]),
        ("RUN ${x%% <<E} $$ ${y:-'} <<F'} <<G", ["E}", "G"]),
        ("RUN cat<<E", []),
        ("RUN cat <<<E", []),
        ("RUN echo $((1 << 2))", []),
        ("RUN echo \"a <<E b\" 'c <<E' \\<<E", []),
        ('RUN echo "${a:-"x <<E"} <<E"', []),
        ("RUN echo don't <<E", []),
        ("RUN echo ${a^^} <<E", []),
        ('RUN ["a", " <<E "]', []),
        ("CMD cat <<E", []),
        ("ONBUILD RUN <<E", ["E"]),
        ("ONBUILD CMD <<E", []),
        ("ADD <<E /x", ["E"]),
    ],
)
def test_here_documents_are_found_as_buildkit_finds_them(line: str, names: list[str]) -> None:
    """BuildKit splits the line into words, without parsing it as a shell does."""
    bodies = "".join(f"x\n{name}\n" for name in names)
    found = parsed(f"FROM a\n{line}\n{bodies}CMD z\n").instructions
    assert [heredoc.name for heredoc in found[1].heredocs] == names
    assert [source.name for source in found[2:]] == ["CMD"]


def test_here_documents_have_positions_and_flags() -> None:
    """Positions refer to its lines in the file, and its body is without stripped tabs."""
    found = parsed("FROM a\nRUN cat <<-'E' <<F\n\t\tone\n\ttwo\n\tE\nF\nCMD z\n")
    first, second = found.instructions[1].heredocs
    assert (first.body, first.quoted, first.stripped) == ("one\ntwo\n", True, True)
    assert found.text[first.start : first.stop] == "\t\tone\n\ttwo\n"
    assert (second.body, second.quoted, second.stripped) == ("", False, False)
    assert second.start == second.stop == found.text.index("F\nCMD")


def test_the_script_of_a_run() -> None:
    """A single here-document is the script; otherwise here-documents follow the command."""
    for line, expected in [
        ("RUN --mount=x a \\\n b", "a  b"),
        ("RUN <<E\nset -e\nmake\nE", "set -e\nmake\n"),
        ("RUN cat <<E >x && y <<F\na\nE\nb\nF", "cat <<E >x && y <<F\na\nE\nb\nF"),
    ]:
        assert parsed(f"FROM a\n{line}\n").instructions[1].script() == expected


def test_an_onbuild_contains_an_instruction() -> None:
    """The inner instruction has positions, too; an ONBUILD inside another has no inner instruction."""
    text = "FROM a\n ONBUILD \\\n  run --mount=x \\\n  make <<E\nb\nE\nONBUILD ONBUILD RUN x\n"
    found = parsed(text).instructions
    inner = found[1].inner
    assert inner is not None
    assert (inner.name, inner.flags, inner.arguments[inner.body :]) == (
        "RUN",
        ("--mount=x",),
        "make <<E",
    )
    assert text[inner.start :].startswith("run")
    assert text[inner.place(inner.body) :].startswith("make <<E\nb")
    assert (inner.heredocs, inner.stop) == (found[1].heredocs, found[1].stop)
    assert found[2].inner is not None
    assert found[2].inner.inner is None


def test_directives_come_first() -> None:
    """They are not recognised after another comment, an empty line or an instruction."""
    found = parsed(
        "# Syntax = docker/dockerfile:1 x\n#escape=`\n# check=skip=all\n# more=x\n# syntax=y\nFROM a\n"
    )
    assert found.directives == {
        "syntax": "docker/dockerfile:1 x",
        "escape": "`",
        "check": "skip=all",
    }
    assert found.escape == "`"
    for before in ("# x\n", "\n", "FROM x\n"):
        late = parsed(f"{before}# escape=`\nFROM a\n")
        assert (late.directives, late.escape) == ({}, "\\")


def test_the_text_encodes_to_the_file() -> None:
    """This includes a byte order mark, line ends and invalid UTF-8."""
    data = b"\xef\xbb\xbf# a\r\nFROM a\r\nRUN \xff \\\r\n b\r\n"
    found = parse_dockerfile(data, "x")
    assert found.text.encode(errors="surrogateescape") == data
    assert found.newline == "\r\n"
    assert parsed("FROM a\nRUN b\r\n").newline == "\n"
    run = found.instructions[1]
    assert found.text[run.start : run.stop] == "RUN \udcff \\\r\n b"


def test_a_specific_ignore_file_takes_precedence(tmp_path: Path) -> None:
    dockerfile = tmp_path / "docker" / "My.Dockerfile"
    dockerfile.parent.mkdir()
    assert ignore_file(dockerfile, tmp_path) == tmp_path / ".dockerignore"
    specific = tmp_path / "docker" / "My.Dockerfile.dockerignore"
    specific.touch()
    assert ignore_file(dockerfile, tmp_path) == specific


def test_here_strings_are_not_here_documents() -> None:
    """Neither are two angle brackets in CMD."""
    assert len(parsed("FROM a\nRUN cat <<<EOF\nCMD echo <<EOF\nCMD y\n").instructions) == 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM a\nRUN 1\nFROM b\nRUN 2\n", ["2"]),
        ("ARG g\nFROM a AS base\nRUN 1\nFROM c\nRUN 2\nFROM Base\nRUN 3\n", ["1", "3"]),
        ("FROM a\nRUN 1\nFROM --platform=x 0 AS x\nRUN 2\n", ["1", "2"]),
        ("FROM a\n", []),
        ("FROM x AS x\nRUN 1\nFROM x AS x\nRUN 2\nFROM x\nRUN 3\n", ["1", "2", "3"]),
    ],
    ids=["last", "named", "numbered", "empty", "same-name"],
)
def test_the_final_image_has_the_last_stage_and_its_base_stages(
    text: str, expected: list[str]
) -> None:
    """Other stages are not part of the image."""
    found = parsed(text)
    assert [
        found.instructions[number].arguments for number in found.final_instructions()
    ] == expected
    assert found.instructions[found.base_from()].name == "FROM"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no FROM"),
        (b"hello world\n", "no FROM"),
        (b"FROM a\0", "NUL"),
        (b"FROM a\nRUN <<EOF\nx\n", "line 2: the here-document 'EOF' does not end"),
        (b"#" * (MAX_BYTES + 1), "more than"),
        (b"# escape=x\nFROM a\n", "line 1: 'x' cannot be the escape character"),
        (b"# syntax=a\n# syntax=b\nFROM a\n", "line 2: a second directive 'syntax'"),
    ],
    ids=["empty", "text", "binary", "heredoc", "large", "escape", "directives"],
)
def test_errors_name_the_file_and_the_problem(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "Wrong"
    path.write_bytes(data)
    with pytest.raises(DockerfileError, match=words) as caught:
        read_dockerfile(path)
    assert str(path) in caught.value.message
    assert caught.value.exit_code is ExitCode.USAGE


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    """Missing files and folders are errors that name the path."""
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(DockerfileError, match=str(path)):
            read_dockerfile(path)


def test_hostile_text_takes_linear_time() -> None:
    """Megabytes of incomplete continuations and here-documents are parsed quickly."""
    for part in (
        *(
            "\\ ",
            "<<",
            "<<a ",
            "#",
            "\\\n",
            "FROM a\n",
            "RUN <<a\na\n",
            "${",
            "x\\\n",
            "'",
            '"',
            "['",
        ),
        *("--a ", "--a='", "ONBUILD ", "[[", '"${a:-', "<<'a' ", "  \\\n\n", "\\\\ ", "\r"),
    ):
        for name in ("RUN", "RUN <<", "ONBUILD RUN", "COPY"):
            data = f"FROM a\n{name} {part * (300_000 // len(part))}\nFROM a\n".encode()
            began = time.process_time()
            with suppress(DockerfileError):
                parse_dockerfile(data, "x")
            assert time.process_time() - began < 20
