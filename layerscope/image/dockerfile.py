"""A Dockerfile as written: its instructions, each with its place in the text (BuildKit's frontend/dockerfile/parser).

Nothing is expanded. Instructions that BuildKit would refuse are kept.
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

from layerscope.errors import UsageError
from layerscope.files import read_file
from layerscope.image.dockerfile_syntax import (
    HEREDOC_INSTRUCTIONS,
    SPACE,
    is_heredoc,
    json_words,
    opened_heredocs,
    split_flags,
    split_name,
)

MAX_BYTES = 4 << 20
"""Maximum size of a Dockerfile in bytes; BuildKit's limit is half of it."""

_BOM = "\ufeff"
_DIRECTIVE = re.compile(rf"#[{SPACE}]*([A-Za-z][A-Za-z0-9]*)\s*=\s*(\S(?:.*\S)?)\s*")
_DIRECTIVES = ("syntax", "escape", "check")
_EXEC_FORMS = ("RUN", "CMD", "ENTRYPOINT", "SHELL", "COPY", "ADD", "VOLUME", "HEALTHCHECK")
_ESCAPES = ("\\", "`")
_TABS = re.compile(r"^\t+", re.MULTILINE)


class DockerfileError(UsageError):
    """A Dockerfile that cannot be read."""

    title = "Dockerfile"


@dataclass(frozen=True, slots=True)
class Heredoc:
    """A here-document of an instruction."""

    name: str
    """The line that ends it."""
    body: str
    """Its lines with their ends, without the tabs that are stripped."""
    start: int
    """Offset of its first line in the file's text."""
    stop: int
    """Offset of the line that ends it."""
    quoted: bool
    """Whether its name is in quotes: nothing in it is expanded."""
    stripped: bool
    """Whether tabs at the beginning of lines are stripped."""


class Places(NamedTuple):
    """The positions in a file's text of the characters of one instruction, as runs of adjacent ones."""

    offsets: array[int]
    """Where each run begins in the instruction."""
    targets: array[int]
    """Where it begins in the text."""

    def place(self, offset: int) -> int:
        """The place of one character."""
        run = bisect_right(self.offsets, offset) - 1
        return self.targets[run] + offset - self.offsets[run]


@dataclass(frozen=True, slots=True)
class Written:
    """One instruction as written in the file."""

    name: str
    """In capitals."""
    arguments: str
    """Its arguments, continuation lines joined with nothing in between."""
    flags: tuple[str, ...]
    """The flags at the beginning of its arguments, without their quotes."""
    body: int
    """Offset in the arguments of what follows the flags."""
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
    """Offset just past its last line, here-documents included, without the line's end."""
    stage: int
    """The stage that it belongs to, counted from 0; -1 before the first FROM."""
    inner: Written | None
    """The instruction of an ONBUILD."""
    _shift: int = field(repr=False, compare=False)
    """Where its arguments begin in the joined line."""
    _places: Places = field(repr=False, compare=False)
    """The places of the characters of the joined line."""

    def place(self, offset: int) -> int:
        """The place in the file's text of a character of `arguments`; just past the last one for their length.

        `arguments[a:b]` stands between `place(a)` and `place(b - 1) + 1`.
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


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """A file, line by line and instruction by instruction."""

    name: str
    """Its origin, for people."""
    text: str
    """The whole file; its bytes when encoded with surrogateescape."""
    lines: tuple[str, ...]
    """Without their ends."""
    instructions: tuple[Written, ...]
    directives: Mapping[str, str]
    """Parser directives: `syntax`, `escape`, `check`."""
    escape: str
    """The character that continues lines: a backslash or backtick."""
    newline: str
    """The line end of the first line."""

    def final(self) -> list[int]:
        """The instructions, without FROM, that make the final image on top of an external base image.

        Those of the last stage, preceded by those of the stages of this file that it is built on.
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
        """The FROM that names the external base image."""
        final = self.final()
        stages = self._stages()
        return stages[self.instructions[final[0]].stage] if final else stages[-1]

    def _stages(self) -> list[int]:
        """The FROM of each stage."""
        return [n for n, written in enumerate(self.instructions) if written.name == "FROM"]


def _base_of(written: Written) -> str:
    """The image or stage of a FROM."""
    words = written.arguments[written.body :].split()
    return words[0] if words else ""


def _names_of(written: Written, stage: int) -> tuple[str, ...]:
    """Names of the stage that a FROM starts, for later FROMs."""
    words = written.arguments[written.body :].split()
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
    own = dockerfile.with_name(f"{dockerfile.name}.dockerignore")
    return own if own.exists() else context / ".dockerignore"


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
        if not any(written.name == "FROM" for written in instructions):
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

    def _error(self, line: int, words: str, hint: str) -> DockerfileError:
        return DockerfileError(f"{self._name}: line {line}: {words}", hint=hint)

    def _read_directives(self) -> None:
        """Comments of the form `# key=value` before anything else."""
        for number, line in enumerate(self._lines, 1):
            found = _DIRECTIVE.fullmatch(line.lstrip(SPACE))
            key = found[1].lower() if found else ""
            if found is None or key not in _DIRECTIVES:
                return
            if key in self._directives:
                raise self._error(number, f"a second directive {key!r}", "remove one of the two")
            self._directives[key] = found[2]
            if key == "escape":
                if found[2] not in _ESCAPES:
                    words = f"{found[2]!r} cannot be the escape character"
                    raise self._error(number, words, "use a backslash or a backtick")
                self._escape = found[2]

    def _instructions(self) -> Iterator[Written]:
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
                written = self._with_heredocs(_written(line, shift, places, span), joined)
                yield written
                end, stage = written.end, written.stage
            at = end

    def _stop(self, end: int) -> int:
        """The end of the previous line."""
        return self._offsets[end - 1] + len(self._lines[end - 1])

    def _join(self, first: int) -> tuple[str, Places, int]:
        """A line joined with its continuation lines, the positions of its characters, and the line after it."""
        parts: list[str] = []
        length, end, at, more = 0, first, first, True
        places = Places(array("I"), array("I"))
        while more and at < len(self._lines):
            line = self._lines[at]
            text = line.lstrip(SPACE)
            if at > first and (not text or text.startswith("#")):
                at += 1  # comments and empty lines do not end a continued instruction
                continue
            begin = 0 if at > first else len(line) - len(text)
            part = line.rstrip(" \t")
            more = part.endswith(self._escape) and part[-2:] != 2 * self._escape
            part = part[begin:-1] if more else line[begin:]
            if part:
                places.offsets.append(length)
                places.targets.append(self._offsets[at] + begin)
                parts.append(part)
                length += len(part)
            at += 1
            end = at
        return "".join(parts), places, end

    def _with_heredocs(self, written: Written, joined: str) -> Written:
        """An instruction with its here-documents, and its end after them."""
        running = written.inner or written
        if "<<" not in joined or running.name not in HEREDOC_INSTRUCTIONS or running.exec_form:
            return written
        heredocs: list[Heredoc] = []
        end = written.end
        for name, quoted, stripped in opened_heredocs(joined):
            heredoc, end = self._heredoc(name, quoted, stripped, end)
            heredocs.append(heredoc)
        found, stop = tuple(heredocs), self._stop(end)
        inner = written.inner and replace(written.inner, heredocs=found, end=end, stop=stop)
        return replace(written, heredocs=found, end=end, stop=stop, inner=inner)

    def _heredoc(self, name: str, quoted: bool, stripped: bool, first: int) -> tuple[Heredoc, int]:
        """A here-document whose first line is given, and the line after it."""
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


def _written(
    line: str, shift: int, places: Places, span: _Span, *, nested: bool = False
) -> Written:
    """An instruction without its here-documents; `shift` is the offset of `line` in the text that `places` refers to."""
    name, begin = split_name(line)
    name, arguments = name.upper(), line[begin:]
    flags, body = split_flags(arguments)
    rest = arguments[body:]
    inner = None
    if name == "ONBUILD" and rest and not nested:
        inner = _written(rest, shift + begin + body, places, span, nested=True)
    if name == "HEALTHCHECK":
        rest = rest[split_name(rest)[1] :]
    return Written(
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
