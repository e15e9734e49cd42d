"""The Dockerfile instruction behind the `created_by` text of a history entry.

No builder records the instruction itself: each writes what it ran, in its own dialect. The dialects here are derived from the
sources and output of classic Docker, BuildKit, buildah and kaniko. The text is hostile input: every function is linear in it and
never raises.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

import msgspec
from msgspec import Struct

from layerscope.lazy_patterns import lazy_pattern

INSTRUCTIONS = frozenset(
    (
        *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK"),
        *("LABEL", "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME"),
        "WORKDIR",
    )
)
"""Every instruction of a Dockerfile (Dockerfile reference)."""

INDENT = "    "
"""The indentation of continuation lines, as in most Dockerfiles."""

_SPACE = " \t\r\n\v\f"
_BUILDKIT = "# buildkit"
_NOP = "#(nop)"

_BARE = lazy_pattern(r"[A-Z]++(?!\S)", re.ASCII)
_ANY_CASE = lazy_pattern(r"[A-Za-z]++(?!\S)", re.ASCII)
_WORD = lazy_pattern(r"\S++", re.ASCII)
# Six digits are more arguments than any text holds, and int() of a hostile number is slow.
_COUNT = lazy_pattern(r"\|([0-9]{1,6}) ")
_PIECE = lazy_pattern(r"(?<= )([^\s=]++)=", re.ASCII)
_NAME = lazy_pattern(r"[A-Za-z_][A-Za-z0-9_.-]*+")

# A shell and its options, up to the one that takes a command: `/bin/sh -c`, `/bin/sh -ec`,
# `/bin/bash -o pipefail -c`, `cmd /S /C`, `powershell -NoProfile -Command`. Builders join the words
# of SHELL with one space. The counts bound the work on hostile text.
_SHELL = r"""(?:
    (?:\S*/)?(?:ba|da|fi|mk|[akz])?sh
    (?:[ ](?:--[a-z-]++ | [-+][A-Za-z]*[oO][ ][a-z_]++ | [-+][A-Za-z]++)){0,12}?
    [ ]-(?=[A-Za-z]*c)(?:[A-Za-z]*[oO][ ][a-z_]++ | [A-Za-z]++)
  | (?i:(?:\S*[/\\])?cmd(?:\.exe)?(?:[ ]/[a-z:]++){0,12}?[ ]/[ck])
  | (?P<powershell>(?i:
        (?:\S*[/\\])?(?:powershell|pwsh)(?:\.exe)?
        (?:[ ]-[a-z]++(?:[ ][a-z0-9.]++)?){0,12}?[ ]-c(?:ommand)?))
)(?!\S)"""
_COMMON_SHELL = lazy_pattern(_SHELL, re.ASCII | re.VERBOSE)
_NEXT_SHELL = lazy_pattern("(?<=[ ])" + _SHELL, re.ASCII | re.VERBOSE)

# Characters where a command may be broken for reading, or that prevent that: quotes, parentheses …
_MARK = lazy_pattern(r"""[\\'"`$(){}#;&\n]""")
_CASE_END = lazy_pattern(r";+&?")
_LINE_END = lazy_pattern(r"[ \t]*+\\?\r?\n")

_PART, _LINE, _CONTINUED = range(3)
"""What follows a break: another part of a line, a new line, or the rest of a line after a backslash."""
_MAX_INDENT = 32
"""Maximum characters of a line's own indentation that are kept."""


class Instruction(Struct, frozen=True):
    """An instruction as in the Dockerfile, as far as the builder recorded it."""

    name: str | None
    """In capitals; None if the dialect is unknown."""
    arguments: str
    """The text after the name, stripped; the complete text if the name is None."""
    build_args: tuple[str, ...]
    """`NAME=value` of every build argument that a RUN saw; values are not quoted."""


def parse_created_by(
    text: str, *, shells: Sequence[str] = (), arg_names: Collection[str] = ()
) -> Instruction:
    """Restore the instruction from `text`, the `created_by` of a history entry.

    `shells` are the words of shells that the image is known to use, joined by spaces (its config's
    `Shell`, earlier SHELL steps); common shells are known anyway. `arg_names` are names of earlier
    ARG steps: as values are not quoted, only they distinguish `|2 A=x B=y …` from one value `x B=y`.

    Never raises. A command that classic Docker ran without a shell (exec form, without build
    arguments) is recorded like any other text, so its name is None.
    """
    text = text.strip(_SPACE)
    if match := _BARE.match(text):
        name = match.group()
        if name in INSTRUCTIONS:
            return _bare(name, text, match.end(), shells, arg_names)
    if text.startswith("|") and (run := _run_with_arguments(text, shells, arg_names)):
        return run
    end = _shell_end(text, 0, shells)
    command = text[max(end, 0) :].lstrip(_SPACE)
    if command.startswith(_NOP):
        return _nop(text, command[len(_NOP) :])
    if nop := _nop_of_unknown_shell(text, end):
        return nop
    if end > 0 and command:
        return Instruction("RUN", command, ())
    return Instruction(None, text, ())


def shell_prefix(arguments: str) -> str:
    """The words that a `SHELL` step with these arguments puts before later commands, or "".

    Docker and BuildKit record `[/bin/bash -o pipefail -c]`, buildah and kaniko the JSON list of
    the Dockerfile.
    """
    if not (arguments.startswith("[") and arguments.endswith("]")):
        return ""
    try:
        return " ".join(msgspec.json.decode(arguments, type=list[str])).strip(_SPACE)
    except (msgspec.DecodeError, UnicodeError):
        return arguments[1:-1].strip(_SPACE)


def _bare(
    name: str, text: str, end: int, shells: Sequence[str], arg_names: Collection[str]
) -> Instruction:
    """Text that starts with an instruction: BuildKit's dialect, or kaniko's copy of the Dockerfile."""
    body = text[end:]
    before = body.removesuffix(_BUILDKIT)
    buildkit = before != body and before.endswith(tuple(_SPACE))
    body = (before if buildkit else body).strip(_SPACE)
    if name != "RUN":
        return Instruction(name, body, ())
    if body.startswith("|") and (run := _run_with_arguments(body, shells, arg_names)):
        return run
    after = _shell_end(body, 0, shells)
    if after > 0:
        command = body[after:].lstrip(_SPACE)
        # With BuildKit's mark, the builder added the shell. Without it, a quote means that the shell is
        # in the Dockerfile (`RUN bash -c "…"`, verbatim), as no builder adds quotes.
        if command and (buildkit or command[0] not in "\"'"):
            return Instruction(name, command, ())
    return Instruction(name, body, ())


def _nop(text: str, rest: str) -> Instruction:
    """The text after `#(nop)`, the mark of classic Docker and buildah for instructions that run no command.

    One or two spaces follow it. buildah keeps the case of the Dockerfile.
    """
    rest = rest.lstrip(_SPACE)
    match = _ANY_CASE.match(rest)
    if match and match.group().upper() in INSTRUCTIONS:
        return Instruction(match.group().upper(), rest[match.end() :].lstrip(_SPACE), ())
    return Instruction(None, text, ())


def _nop_of_unknown_shell(text: str, shell_end: int) -> Instruction | None:
    """`… #(nop) …` after a shell that is neither common nor known from an earlier step.

    The text may also begin with a common shell, up to `shell_end`, whose command happens to contain
    the mark, or which has further words: Windows images have `powershell -Command
    $ErrorActionPreference = 'Stop'; #(nop)  ENV …`. Docker records SHELL with the new shell
    before it, so that the shell's words occur twice, which leaves no doubt.
    """
    shell, mark, rest = text.partition(f" {_NOP} ")
    if not mark or "\n" in shell:
        return None
    instruction = _nop(text, rest)
    if instruction.name is None:
        return None
    if instruction.name == "SHELL" and shell_prefix(instruction.arguments) == shell:
        return instruction
    if shell_end > 0:
        common = _COMMON_SHELL.match(text)
        statements = common and common.group("powershell") and shell.endswith(";")
        return instruction if statements else None
    return None if '"' in shell or "'" in shell else instruction


def _run_with_arguments(
    text: str, shells: Sequence[str], arg_names: Collection[str]
) -> Instruction | None:
    """`|N NAME=value … SHELL COMMAND`: a RUN and the build arguments that it saw.

    None unless there are exactly N pieces and a command. Old versions of Docker write `|0` too.
    """
    match = _COUNT.match(text)
    if not match:
        return None
    count, start = int(match.group(1)), match.end()
    if count == 0:
        command = text[max(_shell_end(text, start, shells), start) :].lstrip(_SPACE)
        return Instruction("RUN", command, ()) if command else None

    if run := _run_with_words(text, count, start, shells, arg_names):
        return run
    starts: dict[
        str, int
    ] = {}  # a builder writes each name once, so that a repeated one is part of a value
    enough = -1
    for piece in _PIECE.finditer(text, start):
        name = piece.group(1)
        if name not in starts and (_NAME.fullmatch(name) or name in arg_names):
            starts[name] = piece.start()
            if len(starts) == count:
                enough = piece.end()
    if enough < 0 or next(iter(starts.values())) != start:
        return None

    if shell := _find_shell(text, enough, shells):
        begin, after = shell
        chosen = _choose({n: at for n, at in starts.items() if at < begin}, count, arg_names)
        end = begin - 1  # the space before the shell is not part of the value
    else:
        # The exec form of RUN: its words follow directly, so the last value is assumed to be one word.
        chosen = _choose(starts, count, arg_names)
        word = _WORD.match(text, chosen[-1])
        end = after = word.end() if word else len(text)
    command = text[after:].lstrip(_SPACE)
    if not command:
        return None
    ends = [*(at - 1 for at in chosen[1:]), end]
    return Instruction("RUN", command, tuple(text[a:b] for a, b in zip(chosen, ends, strict=True)))


def _run_with_words(
    text: str, count: int, start: int, shells: Sequence[str], arg_names: Collection[str]
) -> Instruction | None:
    """`|N` of buildah, which counts words, not arguments: `|3 A=x y B=2 /bin/sh -c make`.

    None if no shell follows that number of words.
    """
    end = start - 1
    for _ in range(count):
        end = text.find(" ", end + 1)
        if end < 0:
            return None
    after = _shell_end(text, end + 1, shells)
    command = text[max(after, 0) :].lstrip(_SPACE)
    if after < 0 or not command:
        return None
    starts: dict[str, int] = {}
    for piece in _PIECE.finditer(text, start, end):
        name = piece.group(1)
        if name in starts:
            return None
        if _NAME.fullmatch(name) or name in arg_names:
            starts[name] = piece.start()
    if next(iter(starts.values()), -1) != start:
        return None
    declared = {name: at for name, at in starts.items() if name in arg_names}
    if next(iter(starts)) in declared:
        starts = declared
    chosen = list(starts.values())
    ends = [*(at - 1 for at in chosen[1:]), end]
    return Instruction("RUN", command, tuple(text[a:b] for a, b in zip(chosen, ends, strict=True)))


def _choose(starts: dict[str, int], count: int, arg_names: Collection[str]) -> list[int]:
    """The starts of `count` build arguments, chosen from all words that look like NAME=value.

    The first word is always one; then come names that an ARG step declared, then others, each from
    left to right.
    """
    first, *others = starts.items()
    declared = [at for name, at in others if name in arg_names]
    undeclared = [at for name, at in others if name not in arg_names]
    return sorted([first[1], *(declared + undeclared)[: count - 1]])


def _find_shell(text: str, start: int, shells: Sequence[str]) -> tuple[int, int] | None:
    """Start and end of the first shell after a space, from `start` on."""
    starts = [match.start()] if (match := _NEXT_SHELL.search(text, start)) else []
    for prefix in shells:
        # A shell cannot be longer; this also avoids copying a hostile megabyte for each entry.
        if prefix and len(prefix) < len(text):
            at = text.find(f" {prefix} ", start)
            if at >= 0:
                starts.append(at + 1)
    return (min(starts), _shell_end(text, min(starts), shells)) if starts else None


def _shell_end(text: str, start: int, shells: Sequence[str]) -> int:
    """The end of the longest shell that begins at `start`, or -1."""
    common = _COMMON_SHELL.match(text, start)
    ends = [common.end() if common else -1]
    for prefix in shells:
        end = start + len(prefix)
        if prefix and text.startswith(prefix, start) and text[end : end + 1] in ("", *_SPACE):
            ends.append(end)
    return max(ends)


def readable(text: str) -> list[str]:
    """Break a shell command into lines for reading: after `;`, before `&&` and at line ends.

    `["set -eux;", "    apt-get update", "    && apt-get install …"]`. Quotes, parentheses,
    substitutions and comments are broken at line ends only; `||` never breaks. Nothing but white
    space at the breaks is lost or added. Lines after the first are indented; those of a script (a
    heredoc) keep their own indentation too.
    """
    lines: list[str] = []
    start, kind = 0, _PART
    indent = INDENT
    for end, next_kind in [*_breaks(text), (len(text), _PART)]:
        piece = text[start:end]
        if kind != _PART:
            own_indent = piece[: len(piece) - len(piece.lstrip(" \t"))] if kind == _LINE else ""
            # Bounded, as every part of this line repeats it.
            indent = INDENT + own_indent[:_MAX_INDENT].expandtabs(len(INDENT))
        line = piece.strip(_SPACE)
        if line.startswith(("&& ", "&&\t")):
            line = "&& " + line[2:].lstrip(_SPACE)
        if line:
            lines.append(indent + line if lines else line)
        start, kind = end, next_kind
    return lines


def _breaks(text: str) -> Iterator[tuple[int, int]]:
    """Offsets where lines for reading begin, and the kind of each; one pass, left to right."""
    closing: list[
        str
    ] = []  # the closing character of each open quote or parenthesis, innermost last
    at = 0
    while match := _MARK.search(text, at):
        mark, begin, at = match.group(), match.start(), match.end()
        innermost = closing[-1] if closing else ""
        following = text[at : at + 1]
        if mark == "\n":
            before = text[max(begin - 2, 0) : begin].removesuffix("\r")
            yield at, _CONTINUED if before.endswith("\\") else _LINE
        elif innermost == "'":
            if mark == "'":
                closing.pop()
        elif mark == "\\":
            at += following != "\n"  # a line ends whether its end is escaped or not
        elif mark == innermost:
            closing.pop()
        elif mark == "$":
            if following in ("(", "{"):
                closing.append(")" if following == "(" else "}")
                at += 1
        elif mark == "`" or (mark == '"' and innermost != '"'):
            closing.append(mark)
        elif innermost == '"':
            continue
        elif mark in "'(":
            closing.append("'" if mark == "'" else ")")
        elif mark == "#":
            # A comment, if it begins a word: an apostrophe in a comment opens no quote.
            if begin == 0 or text[begin - 1] in _SPACE:
                end = text.find("\n", at)
                at = end if end >= 0 else len(text)
        elif closing:
            continue
        elif mark == ";":
            # `;;` and similar operators end a branch of `case`, and are not split.
            if branch_end := _CASE_END.match(text, begin):
                at = branch_end.end()
            if not _LINE_END.match(text, at):
                yield at, _PART
        elif mark == "&" and following == "&":
            at += 1
            # At the end of a line it stays there, as the line breaks anyway.
            if not _LINE_END.match(text, at):
                yield begin, _PART
