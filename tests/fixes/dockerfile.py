"""A second, small parser of Dockerfiles, for the corpus and for fixes: what each instruction runs, and how BuildKit records it.
It shares no code with the parser under test."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

_HEREDOC = re.compile(r"""(?:^|(?<=\s))[0-9]*<<(-?)(["']?)(\w+)\2(?=\s|$)""")
_FLAG = re.compile(r"""--[a-z][a-z-]*(?:=(?:"[^"]*"|'[^']*'|\S)*)?""")
_FLAGS = re.compile(rf"(?:{_FLAG.pattern}\s+)*")
_IGNORED = re.compile(r"#.*\.dockerignore:\s*")
_NAMES = (
    *(
        "ADD",
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "MAINTAINER",
    ),
    *("ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
)


@dataclass(frozen=True)
class Instruction:
    """One instruction, and where it runs."""

    name: str
    flags: tuple[str, ...]
    text: str
    """The text after the flags, with continued lines joined."""
    heredocs: tuple[tuple[str, str], ...]
    """Names and bodies of its here-documents."""
    words: tuple[str, ...] | None
    """The words of the exec form; None for the shell form."""
    shell: tuple[str, ...]
    user: str
    folder: str
    variables: Mapping[str, str] = field(repr=False)
    """Variables set by ENV and ARG."""
    arguments: tuple[str, ...]
    """`NAME=value` of ARG."""

    @property
    def script(self) -> str:
        """The script that the shell runs, or the interpreter named in its first line."""
        if re.fullmatch(r"""<<-?["']?\w+["']?""", self.text):
            return self.heredocs[0][1]
        return self.text + "".join(f"\n{body}{name}" for name, body in self.heredocs)

    @property
    def is_script(self) -> bool:
        """Whether it is run as a file by the interpreter that its first line names."""
        return bool(self.heredocs) and self.script.startswith("#!")

    def record(self) -> str:
        """The `created_by` of BuildKit."""
        if self.name == "RUN":
            command = " ".join(self.words) if self.words is not None else self.script
            if self.is_script:
                command = f"/dev/pipes/{self.heredocs[0][0]}"
            shell = "" if self.words is not None else " ".join(self.shell) + " "
            given = f"|{len(self.arguments)} {' '.join(self.arguments)} " if self.arguments else ""
            return f"RUN {given}{shell}{command} # buildkit"
        if self.name in ("COPY", "ADD"):
            kept = [flag for flag in self.flags if re.match("--(?:chown|chmod|parents)", flag)]
            text = " ".join(self.words) if self.words is not None else self.text
            return f"{self.name} {' '.join((*kept, _without_quotes(text)))} # buildkit"
        if self.name == "SHELL":
            return f"SHELL [{' '.join(self.words or ())}]"
        return f"{self.name} {_without_quotes(self.text)}"


def _without_quotes(text: str) -> str:
    return re.sub(r"""["']""", "", text)


def escape_of(text: str) -> str:
    """The character that continues lines."""
    match = re.search(r"\A(?:#\s*syntax=.*\n)?#\s*escape\s*=\s*([`\\])", text)
    return match[1] if match else "\\"


def read(text: str, escape: str = "\\") -> list[Instruction]:
    """The instructions of a text. Raises `ValueError` for an invalid one."""
    return list(_instructions(text, escape))


def _instructions(text: str, escape: str) -> Iterator[Instruction]:
    lines = [line.rstrip("\r") for line in text.split("\n")]
    shell: tuple[str, ...] = ("/bin/sh", "-c")
    user, folder = "root", "/"
    variables: dict[str, str] = {}
    arguments: list[str] = []
    at = 0
    while at < len(lines):
        if not lines[at].strip() or lines[at].lstrip().startswith("#"):
            at += 1
            continue
        joined, at = _join_lines(lines, at, escape)
        name, _, rest = joined.strip().partition(" ")
        name, rest = name.upper(), rest.strip()
        inner = rest.partition(" ")[0].upper() if name == "ONBUILD" else name
        if name not in _NAMES:
            raise ValueError(f"not an instruction: {joined}")
        flags = _FLAGS.match(f"{rest} ")
        end = flags.end() if flags else 0
        body = rest[end:].strip()
        words = _words(body)
        heredocs: list[tuple[str, str]] = []
        if inner in ("RUN", "COPY", "ADD") and words is None:
            for found in _HEREDOC.finditer(rest):
                heredoc, at = _heredoc(lines, at, found[3], bool(found[1]))
                heredocs.append((found[3], heredoc))
        if name == "FROM":
            shell, user, folder = ("/bin/sh", "-c"), "root", "/"
            variables, arguments = {}, []
        if name == "SHELL" and words:
            shell = words
        if name == "USER":
            user = body.partition(":")[0]
        if name == "WORKDIR":
            folder = body if body.startswith("/") else f"{folder.rstrip('/')}/{body}"
        if name == "ARG":
            key, _, value = body.partition("=")
            arguments.append(f"{key}={_without_quotes(value)}")
            variables[key] = _without_quotes(value)
        if name == "ENV":
            variables |= {
                key: _without_quotes(value)
                for key, value in re.findall(r"""(\w+)=("[^"]*"|'[^']*'|\S*)""", body)
            }
        yield Instruction(
            name,
            tuple(_FLAG.findall(rest[:end])),
            body,
            tuple(heredocs),
            words,
            shell,
            user,
            folder,
            dict(variables),
            tuple(arguments),
        )


def _join_lines(lines: Sequence[str], at: int, escape: str) -> tuple[str, int]:
    parts: list[str] = []
    more = True
    while more and at < len(lines):
        line = lines[at]
        at += 1
        if parts and (not line.strip() or line.lstrip().startswith("#")):
            continue
        kept = line.rstrip(" \t")
        more = kept.endswith(escape) and not kept.endswith(2 * escape)
        parts.append(kept[:-1] if more else line)
    return "".join(parts), at


def _heredoc(lines: Sequence[str], at: int, name: str, stripped: bool) -> tuple[str, int]:
    body: list[str] = []
    while at < len(lines):
        line = lines[at].lstrip("\t") if stripped else lines[at]
        at += 1
        if line == name:
            return "".join(f"{text}\n" for text in body), at
        body.append(line)
    raise ValueError(f"the here-document {name} does not end")


def _words(text: str) -> tuple[str, ...] | None:
    try:
        words = json.loads(text)
    except ValueError:
        return None
    is_list = isinstance(words, list) and all(isinstance(word, str) for word in words)
    return tuple(words) if is_list else None


def without_ignored(text: str) -> tuple[str, list[str]]:
    """A fix without its lines for .dockerignore, and these lines."""
    kept: list[str] = []
    ignored: list[str] = []
    within = False
    for line in text.split("\n"):
        within = bool(_IGNORED.fullmatch(line)) or (within and not line.startswith("#"))
        (ignored if within and not line.startswith("#") else kept).append(line)
    return "\n".join(kept), ignored


def last_stage(instructions: Sequence[Instruction]) -> list[Instruction]:
    """The instructions after the last FROM."""
    last = max(number for number, each in enumerate(instructions) if each.name == "FROM")
    return list(instructions[last + 1 :])


def for_hadolint(text: str) -> str:
    """A Dockerfile in the form that hadolint reads: an empty line after here-documents, and double quotes in mounts.

    It also names a shell that ShellCheck does not know: only errors in the syntax of the Dockerfile are wanted, and checking the
    scripts took most of the time.
    """
    directives = re.match(r"(?:#\s*\w+\s*=.*\n)*", text)
    assert directives is not None
    text = f"{directives[0]}# hadolint shell=powershell\n{text[directives.end() :]}"
    lines: list[str] = []
    ends: list[str] = []
    for line in text.split("\n"):
        plain = line.strip("\t\r")
        if not ends and re.match(r"\s*(?:ONBUILD\s+)?(?:RUN|COPY|ADD)\s", line, re.IGNORECASE):
            ends = [found[3] for found in _HEREDOC.finditer(line)]
            line = re.sub(r"(--mount=\S*)'([^']*)'", r'\1"\2"', line)
        elif ends and plain == ends[0]:
            del ends[0]
            line += "" if ends else "\n"
        lines.append(line)
    return "\n".join(lines)
