"""A text as rows: one per line, several for a long line."""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct, field

from layerscope.tui.documents.base import Piece, expanded, matching_rows

ROW_LENGTH = 4096
"""Characters per row. Longer lines continue in the next row, so that no row is slow to paint."""

_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\r\f\v\b\x1b")
_ODD_SHARE = 0.1
"""Above this share of non-text bytes, a content is binary."""
_CHECKED_BYTES = 1 << 16
"""Bytes examined to detect binary content."""


def is_binary(data: bytes) -> bool:
    """Whether a content is binary: it has a NUL near its start, or many non-text bytes."""
    head = data[:_CHECKED_BYTES]
    if b"\0" in head:
        return True
    if not head:
        return False
    odd = len(head) - len(head.translate(None, _CONTROLS))
    decoded = head[:-3].decode(errors="surrogateescape")
    odd += sum("\udc80" <= character <= "\udcff" for character in decoded if character > "\ud7ff")
    return odd > _ODD_SHARE * len(head)


class TextDocument(Struct):
    """Lines of a decoded text; bytes that are not UTF-8 become lone surrogates."""

    rows: list[str]
    numbers: list[int]
    """Line number of each row, counted from 1; 0 for a row that continues a line."""
    lines: int
    """Number of lines."""
    carriage_returns: bool
    """Whether every line ends with CRLF; the carriage returns are not shown."""
    styles: list[list[tuple[int, str]]] = field(default_factory=list)
    """Styles of the first rows: lengths in characters and style names, from left to right."""

    @classmethod
    def of(cls, data: bytes) -> TextDocument:
        """The rows of a content."""
        lines = data.decode(errors="surrogateescape").split("\n")
        last = lines.pop()
        returns = bool(lines) and all(line.endswith("\r") for line in lines)
        if last or not lines:
            lines.append(last)
        rows: list[str] = []
        numbers: list[int] = []
        for number, line in enumerate(lines, 1):
            whole = line[:-1] if returns and line.endswith("\r") else line
            rows.append(whole[:ROW_LENGTH])
            numbers.append(number)
            for start in range(ROW_LENGTH, len(whole), ROW_LENGTH):
                rows.append(whole[start : start + ROW_LENGTH])
                numbers.append(0)
        return cls(rows, numbers, len(lines) if data else 0, returns)

    def __len__(self) -> int:
        return len(self.rows) if self.lines else 0

    def label(self, row: int) -> str:
        number = self.numbers[row]
        return f"{number or '':>{max(len(str(self.lines)), 3)}}"

    def pieces(self, row: int) -> list[Piece]:
        line = self.rows[row]
        if row >= len(self.styles) or not self.styles[row]:
            return [(expanded(line, 0), "")]
        pieces: list[Piece] = []
        start = column = 0
        for length, style in [*self.styles[row], (len(line), "")]:
            part = line[start : start + length]
            if part:
                shown = expanded(part, column)
                pieces.append((shown, style))
                column += len(shown)
            start += length
        return pieces

    def matching(self, pattern: re.Pattern[str], cancelled: Callable[[], bool]) -> list[int]:
        return matching_rows(self, pattern, cancelled)
