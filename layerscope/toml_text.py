"""Parses TOML configurations with line numbers for errors and keys."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from layerscope.errors import UsageError

MAX_DOTS = 200
"""Maximum dots in a line: Python's parser takes minutes for keys with very many parts."""

_PLACE = re.compile(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", re.DOTALL)
_NAMES = re.compile(r"""\(((?:'[^']*'|"[^"]*")(?:, (?:'[^']*'|"[^"]*"))*),?\)""")
"""A key written as a Python tuple."""
_NAME = re.compile(r"""'([^']*)'|"([^"]*)\"""")
_TOKEN = re.compile(
    r""""{3}(?:[^\\]|\\.)*?"{3,5}|\'{3}.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|\#[^\n]*|[\w-]+|\[\[|.""",
    re.DOTALL,
)


def parse_toml_text(text: str, file: str) -> dict[str, Any]:
    """The values of a TOML text. Raises `UsageError` with file and line."""
    if not text:
        return {}
    import tomllib  # most users have no settings

    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if line.count(".") > MAX_DOTS:
            raise UsageError(f"{file}, line {number}: more than {MAX_DOTS} dots in one line")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file}{_problem(str(error), len(lines))}") from None
    except RecursionError:
        depths = [line.count("[") + line.count("{") for line in lines]
        deepest = depths.index(max(depths)) + 1
        raise UsageError(f"{file}, line {deepest}: nested too deeply") from None
    except ValueError:
        most = sys.get_int_max_str_digits()
        digits = re.compile(f"[0-9_]{{{most},}}")
        at = next((number for number, line in enumerate(lines, 1) if digits.search(line)), 1)
        raise UsageError(f"{file}, line {at}: a number has more than {most:,} digits") from None


def _problem(message: str, last: int) -> str:
    """The message of tomllib, starting with the line, to append to the file's name. `last` is the number of the last line."""
    message = _NAMES.sub(
        lambda names: "`" + ".".join(a or b for a, b in _NAME.findall(names[1])) + "`", message
    )
    match = _PLACE.fullmatch(message)
    if match is None:
        return f": {message}"
    return f", line {match[2] or max(last, 1)}: {match[1]}"


class Places(Struct, frozen=True):
    """Where the keys of a file are written."""

    file: str
    lines: Mapping[str, int]
    """The line of each dotted key."""

    def of(self, key: str) -> str:
        """File and line of a dotted key, or of the closest table around it."""
        while key and key not in self.lines:
            key = key.rpartition(".")[0]
        return f"{self.file}, line {self.lines[key]}" if key else self.file


def key_lines(text: str) -> dict[str, int]:
    """The line of each key and table of a valid TOML text, by its dotted name; the second `[[x]]` is `x.1`."""
    scanner = _KeyScanner()
    number = 1
    for piece in _TOKEN.findall(text):
        scanner.feed(piece, number)
        number += piece.count("\n")
    return scanner.lines


class _KeyScanner:
    """Finds the lines of keys, token by token."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        self._table: list[str] = []
        self._open: list[tuple[str, list[str], int]] = []
        """The open brackets: the bracket, its key, and the number of list items before the current one."""
        self._parts: list[str] = []
        self._first = 0
        """The line where the key starts."""
        self._header = ""
        self._in_key = True

    def feed(self, piece: str, line: int) -> None:
        """Process the next token of the text, which starts in this line."""
        if piece.startswith("#") or (piece.isspace() and piece != "\n"):
            return
        if self._header:
            self._feed_header(piece, line)
        elif piece == "\n":
            if not self._open:
                self._parts, self._in_key = [], True
        elif self._in_key:
            self._feed_key(piece, line)
        else:
            self._feed_value(piece)

    def _feed_header(self, piece: str, line: int) -> None:
        if piece == "]":
            if self._parts:
                self._start_table(self._header == "[[")
            self._parts, self._header, self._in_key = [], "", False
        elif piece != ".":
            self._add(piece, line)

    def _feed_key(self, piece: str, line: int) -> None:
        if piece in ("[", "[[") and not self._open and not self._parts:
            self._header = piece
        elif piece == "=":
            self._record(self._prefix() + self._parts)
            self._in_key = False
        elif piece == "}" and self._open:
            self._close()
        elif piece not in (".", ","):
            self._add(piece, line)

    def _feed_value(self, piece: str) -> None:
        if piece == "{":
            self._open.append((piece, self._value_key(), 0))
            self._parts, self._in_key = [], True
        elif piece in ("[", "[["):
            for _ in piece:
                self._open.append(("[", self._value_key(), 0))
                self._parts = []
        elif piece in ("]", "}") and self._open:
            self._close()
        elif piece == "," and self._open:
            bracket, key, count = self._open[-1]
            self._open[-1] = bracket, key, count + 1
            self._parts, self._in_key = [], bracket == "{"

    def _close(self) -> None:
        self._open.pop()
        self._parts, self._in_key = [], False

    def _value_key(self) -> list[str]:
        """The key whose value starts here."""
        if self._open and self._open[-1][0] == "[":
            return [*self._open[-1][1], str(self._open[-1][2])]
        return self._prefix() + self._parts

    def _prefix(self) -> list[str]:
        return self._open[-1][1] if self._open else self._table

    def _add(self, piece: str, line: int) -> None:
        if not self._parts:
            self._first = line
        self._parts.append(piece[1:-1] if piece[0] in "\"'" else piece)

    def _start_table(self, listed: bool) -> None:
        """A table starts, or the next one of a list of tables."""
        table: list[str] = []
        for place, part in enumerate(self._parts, 1):
            table.append(part)
            dotted = ".".join(table)
            if listed and place == len(self._parts):
                self._counts[dotted] = self._counts.get(dotted, -1) + 1
            if dotted in self._counts:
                self.lines.setdefault(dotted, self._first)
                table.append(str(self._counts[dotted]))
        self._table = table
        self._record(table)

    def _record(self, key: list[str]) -> None:
        for length in range(1, len(key) + 1):
            self.lines.setdefault(".".join(key[:length]), self._first)
