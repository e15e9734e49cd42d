"""A Dockerfile as written: its lines and instructions (BuildKit's frontend/dockerfile/parser).

Nothing is expanded or checked beyond assigning lines to instructions and stages.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from layerscope.errors import UsageError
from layerscope.files import read_file

MAX_BYTES = 4 << 20
"""Maximum size of a Dockerfile in bytes; BuildKit's limit is half of it."""

_BOM = "\ufeff"
_DIRECTIVE = re.compile(r"#\s*([A-Za-z]+)\s*=\s*(\S+)\s*")
_COMMENT = re.compile(r"\s*#")
_WORD = re.compile(r"\s*(\S+)\s*")
_HEREDOC = re.compile(r"""(?:^|(?<=\s))[0-9]*<<(-?)(["']?)([A-Za-z0-9_.]+)\2(?=[\s)]|$)""")
_HEREDOC_INSTRUCTIONS = ("RUN", "COPY", "ADD")


class DockerfileError(UsageError):
    """A Dockerfile that cannot be read."""

    title = "Dockerfile"


@dataclass(frozen=True, slots=True)
class Written:
    """One instruction as written in the file."""

    name: str
    """In capitals."""
    arguments: str
    """Its arguments, with continuation lines joined."""
    heredocs: tuple[str, ...]
    """Bodies of its here-documents."""
    first: int
    """Its first line, counted from 0."""
    end: int
    """One past its last line."""
    stage: int
    """The stage that it belongs to, counted from 0; -1 before the first FROM."""


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """A file, line by line and instruction by instruction."""

    name: str
    """Its origin, for people."""
    lines: tuple[str, ...]
    instructions: tuple[Written, ...]

    def final(self) -> list[int]:
        """The instructions, FROM not counted, that make the final image on top of a base from elsewhere.

        Those of the last stage, after those of the stages of this file that it builds on.
        """
        stages = self._stages()
        chain: list[int] = []
        stage = len(stages) - 1
        while stage >= 0:
            chain.append(stage)
            base = _base_of(self.instructions[stages[stage]])
            stage = next(
                (
                    earlier
                    for earlier in range(stage - 1, -1, -1)
                    if base.casefold() in _names_of(self.instructions[stages[earlier]], earlier)
                ),
                -1,
            )
        wanted = {stage: place for place, stage in enumerate(reversed(chain))}
        found = [
            number
            for number, written in enumerate(self.instructions)
            if written.stage in wanted and written.name != "FROM"
        ]
        return sorted(found, key=lambda number: (wanted[self.instructions[number].stage], number))

    def base_line(self) -> int:
        """The instruction that names the base from elsewhere."""
        final = self.final()
        stages = self._stages()
        return stages[self.instructions[final[0]].stage] if final else stages[-1]

    def _stages(self) -> list[int]:
        """The FROM of each stage."""
        return [n for n, written in enumerate(self.instructions) if written.name == "FROM"]


def _base_of(written: Written) -> str:
    """The image or stage of a FROM."""
    words = [word for word in written.arguments.split() if not word.startswith("--")]
    return words[0] if words else ""


def _names_of(written: Written, stage: int) -> tuple[str, ...]:
    """Names of the stage that a FROM starts, for later FROMs."""
    words = written.arguments.split()
    named = len(words) >= 3 and words[-2].upper() == "AS"
    return (str(stage), words[-1].casefold()) if named else (str(stage),)


def read_dockerfile(path: Path) -> Dockerfile:
    """Read a file. Raises `DockerfileError`."""
    try:
        data = read_file(path, MAX_BYTES)
    except OSError as error:
        hint = "not a Dockerfile" if error.errno == errno.EFBIG else None
        raise DockerfileError(f"{path}: {error.strerror or error}", hint=hint) from None
    return parse_dockerfile(data, str(path))


def parse_dockerfile(data: bytes, name: str) -> Dockerfile:
    """Parse a Dockerfile; `name` is its origin. Raises `DockerfileError`."""
    if len(data) > MAX_BYTES:
        raise DockerfileError(f"{name}: not a Dockerfile: more than {MAX_BYTES:,} bytes")
    if b"\0" in data:
        raise DockerfileError(f"{name}: not a Dockerfile: it contains NUL bytes")
    text = data.decode(errors="surrogateescape").removeprefix(_BOM)
    lines = tuple(line.removesuffix("\r") for line in text.removesuffix("\n").split("\n"))
    instructions = tuple(_instructions(lines, name))
    if not any(written.name == "FROM" for written in instructions):
        raise DockerfileError(
            f"{name}: not a Dockerfile: no FROM instruction",
            hint="pass the Dockerfile that the image was built from",
        )
    return Dockerfile(name, lines, instructions)


def _instructions(lines: Sequence[str], name: str) -> Iterator[Written]:
    escape = _escape(lines)
    continued = re.compile(rf"(?:^|[^{re.escape(escape)}]){re.escape(escape)}[ \t]*$")
    at, stage = 0, -1
    while at < len(lines):
        if not lines[at].strip() or _COMMENT.match(lines[at]):
            at += 1
            continue
        first, end, more = at, at, True
        parts: list[str] = []
        while more and at < len(lines):
            line = lines[at]
            at += 1
            if parts and (not line.strip() or _COMMENT.match(line)):
                continue  # comments and empty lines do not end an instruction that goes on
            more = continued.search(line) is not None
            parts.append(line.rstrip(" \t")[:-1] if more else line)
            end = at
        at = end
        word = _WORD.match(parts[0])
        instruction = word[1].upper() if word else ""
        arguments = "\n".join(parts)[word.end() if word else 0 :].strip()
        heredocs, at = _heredocs(instruction, arguments, lines, at, name)
        stage += instruction == "FROM"
        yield Written(instruction, arguments.replace("\n", " "), tuple(heredocs), first, at, stage)


def _escape(lines: Sequence[str]) -> str:
    """The line continuation character: a backslash, unless a parser directive sets a backtick."""
    for line in lines:
        directive = _DIRECTIVE.fullmatch(line)
        if directive is None:
            break
        if directive[1].lower() == "escape" and directive[2] in ("\\", "`"):
            return directive[2]
    return "\\"


def _heredocs(
    instruction: str, arguments: str, lines: Sequence[str], at: int, name: str
) -> tuple[list[str], int]:
    """The bodies of the here-documents of an instruction, and the line after them."""
    bodies: list[str] = []
    nested = arguments.split(None, 1)[0].upper() if instruction == "ONBUILD" and arguments else ""
    if (nested or instruction) not in _HEREDOC_INSTRUCTIONS:
        return bodies, at
    for found in _HEREDOC.finditer(arguments):
        body, started = [], at
        while True:
            if at >= len(lines):
                raise DockerfileError(
                    f"{name}: line {started}: the here-document {found[3]!r} does not end"
                )
            line = lines[at].lstrip("\t") if found[1] else lines[at]
            at += 1
            if line == found[3]:
                break
            body.append(line)
        bodies.append("\n".join(body))
    return bodies, at
