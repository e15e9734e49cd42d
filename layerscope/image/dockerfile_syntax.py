"""Parses one joined line of a Dockerfile like BuildKit: flags, form, here-documents.

Every function is linear in its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from layerscope.lazy_patterns import lazy_pattern

SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
"""White space as defined by Go."""

HEREDOC_INSTRUCTIONS = ("RUN", "COPY", "ADD")
"""Instructions that may have here-documents."""

_NAME = lazy_pattern(r"([^\t\v\f\r ]*)[\t\v\f\r ]*")
_FLAG = lazy_pattern(
    rf"""(?:[^{SPACE}'"\\]|\\.?|'(?:[^'\\]|\\.?)*'?|"(?:[^"\\]|\\.?)*"?)+""", re.DOTALL
)
_FLAG_PART = lazy_pattern(r"""\\(.?)|(['"])""", re.DOTALL)
_SPACES = lazy_pattern(rf"[{SPACE}]+")
_HEREDOC = lazy_pattern(r"[0-9]*<<(-?)([^<]+)")
_SPECIAL = lazy_pattern(rf"""[\\'"$}}{SPACE}]""")
_PARAMETER = lazy_pattern(r"[0-9]+|[@*#?$!-]|[^\W0-9]\w*|")
_SUBSTITUTES = ":+-?#%/"


def split_name(line: str) -> tuple[str, int]:
    """The name of an instruction as written, and the offset of its arguments."""
    match = _NAME.match(line)
    return (match[1], match.end()) if match else ("", 0)


def split_flags(arguments: str) -> tuple[tuple[str, ...], int]:
    """The flags at the beginning of arguments, without their quotes, and the offset after them."""
    flags: list[str] = []
    at = 0
    while True:
        space = _SPACES.match(arguments, at)
        at = space.end() if space else at
        word = _FLAG.match(arguments, at) if arguments.startswith("--", at) else None
        if word is None:
            return tuple(flags), at
        at = word.end()
        flag = _unquoted(word[0])
        if flag == "--":
            space = _SPACES.match(arguments, at)
            return tuple(flags), space.end() if space else at
        flags.append(flag)


def raw_flags(arguments: str) -> tuple[str, ...]:
    """The flags at the beginning of arguments, as they are written."""
    flags = []
    for word in _FLAG.finditer(arguments):
        if not word[0].startswith("--"):
            break
        flags.append(word[0])
    return tuple(flags)


def _unquoted(word: str) -> str:
    """A flag without its quotes and backslashes."""
    parts, at, quote = [], 0, ""
    for match in _FLAG_PART.finditer(word):
        parts.append(word[at : match.start()])
        at = match.end()
        if not match[2]:
            parts.append(match[1])
        elif quote in ("", match[2]):
            quote = "" if quote else match[2]
        else:
            parts.append(match[2])
    return "".join((*parts, word[at:]))


def json_words(text: str) -> list[str] | None:
    """The words of an exec form; None if the text is not a JSON array of strings."""
    if not text.startswith("["):
        return None
    try:
        return msgspec.json.decode(text.encode(errors="replace"), type=list[str])
    except (msgspec.DecodeError, UnicodeError):
        return None


def heredocs_in(line: str) -> Iterator[tuple[str, bool, bool]]:
    """The here-documents that start in a line: name, whether it is quoted, whether tabs are stripped.

    A word starts one only if it begins with `<<`, optionally after a file descriptor. As in BuildKit, this includes words in
    comments and arithmetic of the shell.
    """
    if "<<" not in line:
        return
    for word in _words(line):
        match = _HEREDOC.fullmatch(word)
        name = _heredoc_name(match[2]) if match else ""
        if match and name:
            yield name, "'" in match[2] or '"' in match[2], bool(match[1])


def is_heredoc(text: str) -> bool:
    """Whether a text consists of a single word that starts a here-document."""
    return [text] == _words(text) and any(heredocs_in(text))


def _heredoc_name(word: str) -> str:
    """The name of a here-document without quotes and backslashes."""
    return "".join(
        part[1:-1] if part[0] in "'\"" else part.removeprefix("\\")
        for part in re.findall(r"""'[^']*'|"[^"]*"|\\.|[^'"\\]+|['"\\]""", word, re.DOTALL)
    )


def _words(line: str) -> list[str]:
    """The words of a line, with quotes and variables as written (BuildKit's frontend/dockerfile/shell).

    Empty if a quote or brace is not closed, or a variable has a modifier unknown to BuildKit.
    """
    words: list[str] = []
    begin, at = 0, 0
    closing: list[str] = []
    """The closing character of each open quote and substitution."""
    while match := _SPECIAL.search(line, at):
        character, at = match[0], match.end()
        if character == "\\":
            at += 1
        elif closing and character == closing[-1]:
            closing.pop()
        elif character == "$":
            after = _substitution(line, at)
            if after is None:
                return []
            at, opens = after
            if opens:
                closing.append("}")
        elif closing and closing[-1] == '"':
            continue
        elif character == "'":
            at = line.find("'", at) + 1
            if at == 0:
                return []
        elif character == '"':
            closing.append(character)
        elif character != "}" and '"' not in closing[:1]:
            words.append(line[begin : match.start()])
            begin = at
    if closing:
        return []
    return [word for word in (*words, line[begin:]) if word]


def _substitution(line: str, at: int) -> tuple[int, bool] | None:
    """The end of a variable's name and modifier, and whether text up to a closing brace follows.

    None for a modifier unknown to BuildKit.
    """
    braces = line.startswith("{", at)
    at += braces
    name = _PARAMETER.match(line, at)
    if braces and line[at : at + 1] in ("", "{", "}", ":"):
        return None
    at = name.end() if name else at
    if not braces:
        return at, False
    modifier = line[at : at + 1]
    if modifier == "}":
        return at + 1, False
    if not modifier or modifier not in _SUBSTITUTES:
        return None
    if modifier == ":" and line[at + 1 : at + 2] not in ("+", "-", "?"):
        return None
    return at + 1, True
