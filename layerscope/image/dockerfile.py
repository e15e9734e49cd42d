"""Parses a Dockerfile into instructions with their positions in the text (BuildKit's frontend/dockerfile/parser).

Variables are not expanded. Instructions that BuildKit would refuse are kept.
"""

from __future__ import annotations

import errno
import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from layerscope.errors import UsageError
from layerscope.files import read_file
from layerscope.image.dockerfile_syntax import (
    HEREDOC_INSTRUCTIONS,
    SPACE,
    heredocs_in,
    is_heredoc,
    json_words,
    split_flags,
    split_name,
)
from layerscope.lazy_patterns import lazy_pattern

MAX_BYTES = 4 << 20
"""Maximum size of a Dockerfile in bytes; BuildKit's limit is half of it."""

_BOM = "\ufeff"
_DIRECTIVE = lazy_pattern(rf"#[{SPACE}]*([A-Za-z][A-Za-z0-9]*)\s*=\s*(\S(?:.*\S)?)\s*")
_DIRECTIVES = ("syntax", "escape", "check")
_EXEC_FORMS = ("RUN", "CMD", "ENTRYPOINT", "SHELL", "COPY", "ADD", "VOLUME", "HEALTHCHECK")
_ESCAPES = ("\\", "`")
_TABS = lazy_pattern(r"^\t+", re.MULTILINE)


class DockerfileError(UsageError):
    """A Dockerfile that cannot be read."""

    title = "Dockerfile"


class Heredoc(Struct, frozen=True):
    """A here-document of an instruction."""

    name: str
    """The line that ends it."""
    body: str
    """Its lines with line ends, without stripped tabs."""
    start: int
    """Offset of its first line in the file's text."""
    stop: int
    """Offset of the line that ends it."""
    quoted: bool
    """Whether its name is in quotes, so that the shell expands nothing in the body."""
    stripped: bool
    """Whether tabs at the beginning of lines are stripped."""


class Places(NamedTuple):
    """Maps the characters of a joined line to positions in the file's text, as runs of adjacent characters."""

    offsets: array[int]
    """Offset of each run in the joined line."""
    targets: array[int]
    """Offset of each run in the text."""

    def place(self, offset: int) -> int:
        """The offset in the text of one character."""
        run = bisect_right(self.offsets, offset) - 1
        return self.targets[run] + offset - self.offsets[run]


@dataclass(frozen=True, slots=True)
class DockerfileInstruction:
    """One instruction as written in the file."""

    name: str
    """In capitals."""
    arguments: str
    """Its arguments; continuation lines are joined without a separator."""
    flags: tuple[str, ...]
    """The flags at the beginning of its arguments, without their quotes."""
    body: int
    """Offset in the arguments of the part after the flags."""
    exec_form: bool
    """Whether the part after the flags is a JSON array of strings."""
    heredocs: tuple[Heredoc, ...]
    first: int
    """Its first line, counted from 0."""
    end: int
    """One past its last line."""
    start: int
    """Offset of its name in the file's text."""
    stop: int
    """Offset of the end of its last line, including here-documents but not the line end."""
    stage: int
    """The stage that it belongs to, counted from 0; -1 before the first FROM."""
    inner: DockerfileInstruction | None
    """The instruction that an ONBUILD contains."""
    _shift: int = field(repr=False, compare=False)
    """Offset of its arguments in the joined line."""
    _places: Places = field(repr=False, compare=False)
    """Positions of the characters of the joined line."""

    def place(self, offset: int) -> int:
        """The offset in the file's text of a character of `arguments`; for their length, the offset after the last one.

        `arguments[a:b]` is between `place(a)` and `place(b - 1) + 1`.
        """
        last = offset >= len(self.arguments)
        return self._places.place(self._shift + offset - last) + last

    def script(self) -> str:
        """The script that BuildKit passes to the shell for a RUN in shell form, or to the interpreter if it begins with `#!`."""
        command = self.arguments[self.body :]
        if self.heredocs and is_heredoc(command):
            return self.heredocs[0].body
        bodies = (f"\n{heredoc.body}{heredoc.name}" for heredoc in self.heredocs)
        return "".join((command, *bodies))


class Dockerfile(Struct, frozen=True):
    """A parsed Dockerfile."""

    name: str
    """Its origin, for people."""
    text: str
    """The complete text, decoded with surrogateescape."""
    lines: tuple[str, ...]
    """Without their ends."""
    instructions: tuple[DockerfileInstruction, ...]
    directives: Mapping[str, str]
    """Parser directives: `syntax`, `escape`, `check`."""
    escape: str
    """The character that continues lines: a backslash or backtick."""
    newline: str
    """The line end of the first line."""

    def final_instructions(self) -> list[int]:
        """Indexes of the instructions, except FROM, that build the final image on an external base image.

        These are the instructions of the last stage, preceded by those of the stages that it is based on.
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
                    if base.casefold() in _stage_names(self.instructions[stages[earlier]], earlier)
                ),
                -1,
            )
        order = {stage: place for place, stage in enumerate(reversed(chain))}
        numbers = [
            number
            for number, instruction in enumerate(self.instructions)
            if instruction.stage in order and instruction.name != "FROM"
        ]
        return sorted(numbers, key=lambda number: (order[self.instructions[number].stage], number))

    def base_from(self) -> int:
        """The index of the FROM that names the external base image."""
        final = self.final_instructions()
        stages = self._stages()
        return stages[self.instructions[final[0]].stage] if final else stages[-1]

    def _stages(self) -> list[int]:
        """The index of each stage's FROM."""
        return [n for n, instruction in enumerate(self.instructions) if instruction.name == "FROM"]


def _base_of(instruction: DockerfileInstruction) -> str:
    """The image or stage that a FROM names."""
    words = instruction.arguments[instruction.body :].split()
    return words[0] if words else ""


def _stage_names(instruction: DockerfileInstruction, stage: int) -> tuple[str, ...]:
    """Names of the stage that a FROM starts, for later FROMs."""
    words = instruction.arguments[instruction.body :].split()
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
    return _Reader(data.decode(errors="surrogateescape"), name).read()


def ignore_file(dockerfile: Path, context: Path) -> Path:
    """The .dockerignore file for a Dockerfile; it may not exist."""
    specific = dockerfile.with_name(f"{dockerfile.name}.dockerignore")
    return specific if specific.exists() else context / ".dockerignore"


class _Reader:
    """Reads the instructions of one text."""

    def __init__(self, text: str, name: str) -> None:
        self._text = text
        self._name = name
        at = len(_BOM) if text.startswith(_BOM) else 0
        raw = text[at:].removesuffix("\n").split("\n")
        self._newline = "\r\n" if raw[0].endswith("\r") else "\n"
        self._lines = [line.rstrip("\r") for line in raw]
        self._offsets = array("I")
        for line in raw:
            self._offsets.append(at)
            at += len(line) + 1
        self._directives: dict[str, str] = {}
        self._escape = _ESCAPES[0]

    def read(self) -> Dockerfile:
        self._read_directives()
        instructions = tuple(self._instructions())
        if not any(instruction.name == "FROM" for instruction in instructions):
            raise DockerfileError(
                f"{self._name}: not a Dockerfile: no FROM instruction",
                hint="pass the Dockerfile that the image was built from",
            )
        return Dockerfile(
            name=self._name,
            text=self._text,
            lines=tuple(self._lines),
            instructions=instructions,
            directives=self._directives,
            escape=self._escape,
            newline=self._newline,
        )

    def _error(self, line: int, problem: str, hint: str) -> DockerfileError:
        return DockerfileError(f"{self._name}: line {line}: {problem}", hint=hint)

    def _read_directives(self) -> None:
        """Comments of the form `# key=value` before anything else."""
        for number, line in enumerate(self._lines, 1):
            match = _DIRECTIVE.fullmatch(line.lstrip(SPACE))
            key = match[1].lower() if match else ""
            if match is None or key not in _DIRECTIVES:
                return
            if key in self._directives:
                raise self._error(number, f"a second directive {key!r}", "remove one of the two")
            self._directives[key] = match[2]
            if key == "escape":
                if match[2] not in _ESCAPES:
                    problem = f"{match[2]!r} cannot be the escape character"
                    raise self._error(number, problem, "use a backslash or a backtick")
                self._escape = match[2]

    def _instructions(self) -> Iterator[DockerfileInstruction]:
        at, stage = 0, -1
        while at < len(self._lines):
            line = self._lines[at].lstrip(SPACE)
            if not line or line.startswith("#"):
                at += 1
                continue
            joined, places, end = self._join(at)
            line = joined.strip(SPACE)
            if line:
                span = _Span(at, end, self._stop(end), stage)
                shift = len(joined) - len(joined.lstrip(SPACE))
                instruction = self._with_heredocs(
                    _parse_instruction(line, shift, places, span), joined
                )
                yield instruction
                end, stage = instruction.end, instruction.stage
            at = end

    def _stop(self, end: int) -> int:
        """Offset of the end of the line before line `end`."""
        return self._offsets[end - 1] + len(self._lines[end - 1])

    def _join(self, first: int) -> tuple[str, Places, int]:
        """A line joined with its continuation lines, the positions of its characters, and the line after it."""
        parts: list[str] = []
        length, end, at, continued = 0, first, first, True
        places = Places(array("I"), array("I"))
        while continued and at < len(self._lines):
            line = self._lines[at]
            text = line.lstrip(SPACE)
            if at > first and (not text or text.startswith("#")):
                at += 1  # comments and empty lines do not end a continued instruction
                continue
            begin = 0 if at > first else len(line) - len(text)
            part = line.rstrip(" \t")
            continued = part.endswith(self._escape) and part[-2:] != 2 * self._escape
            part = part[begin:-1] if continued else line[begin:]
            if part:
                places.offsets.append(length)
                places.targets.append(self._offsets[at] + begin)
                parts.append(part)
                length += len(part)
            at += 1
            end = at
        return "".join(parts), places, end

    def _with_heredocs(
        self, instruction: DockerfileInstruction, joined: str
    ) -> DockerfileInstruction:
        """The instruction with its here-documents, which also move its end."""
        effective = instruction.inner or instruction
        if "<<" not in joined or effective.name not in HEREDOC_INSTRUCTIONS or effective.exec_form:
            return instruction
        heredocs: list[Heredoc] = []
        end = instruction.end
        for name, quoted, stripped in heredocs_in(joined):
            heredoc, end = self._heredoc(name, quoted, stripped, end)
            heredocs.append(heredoc)
        bodies, stop = tuple(heredocs), self._stop(end)
        inner = instruction.inner and replace(
            instruction.inner, heredocs=bodies, end=end, stop=stop
        )
        return replace(instruction, heredocs=bodies, end=end, stop=stop, inner=inner)

    def _heredoc(self, name: str, quoted: bool, stripped: bool, first: int) -> tuple[Heredoc, int]:
        """The here-document that starts at line `first`, and the line after it."""
        for at in range(first, len(self._lines)):
            line = self._lines[at]
            if (line.lstrip("\t") if stripped else line) == name:
                start, stop = self._offsets[first], self._offsets[at]
                body = self._text[start:stop]
                body = _TABS.sub("", body) if stripped else body
                return Heredoc(name, body, start, stop, quoted, stripped), at + 1
        raise self._error(
            first,
            f"the here-document {name!r} does not end",
            f"end it with a line that is {name} and nothing else",
        )


class _Span(NamedTuple):
    """The position of an instruction, without its here-documents, and the stage before it."""

    first: int
    end: int
    stop: int
    stage: int


def _parse_instruction(
    line: str, shift: int, places: Places, span: _Span, *, nested: bool = False
) -> DockerfileInstruction:
    """An instruction without its here-documents; `shift` is the offset of `line` in the text that `places` refers to."""
    name, begin = split_name(line)
    name, arguments = name.upper(), line[begin:]
    flags, body = split_flags(arguments)
    rest = arguments[body:]
    inner = None
    if name == "ONBUILD" and rest and not nested:
        inner = _parse_instruction(rest, shift + begin + body, places, span, nested=True)
    if name == "HEALTHCHECK":
        rest = rest[split_name(rest)[1] :]
    return DockerfileInstruction(
        name=name,
        arguments=arguments,
        flags=flags,
        body=body,
        exec_form=name in _EXEC_FORMS and json_words(rest) is not None,
        heredocs=(),
        first=span.first,
        end=span.end,
        start=places.place(shift),
        stop=span.stop,
        stage=span.stage + (name == "FROM" and not nested),
        inner=inner,
        _shift=shift + begin,
        _places=places,
    )
