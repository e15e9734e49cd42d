"""The interface of the documents that a content list paints."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from layerscope.text import cells, safe_name

Piece = tuple[str, str]
"""Safe text and the name of its style; an empty name is plain."""

TAB = 8
"""Columns between tab stops."""
LONGEST_LINE = 2000
"""Maximum number of characters shown of a line of a diff."""
MAX_MATCHES = 100_000
"""Maximum number of matching rows."""


class Document(Protocol):
    """A content as rows."""

    def __len__(self) -> int:
        """How many rows there are."""

    def label(self, row: int) -> str:
        """Line number or offset of a row, padded to a common width."""

    def pieces(self, row: int) -> list[Piece]:
        """A row from its first column to its last."""

    def matching(self, pattern: re.Pattern[str], cancelled: Callable[[], bool]) -> list[int]:
        """Rows that match a pattern, at most `MAX_MATCHES`."""


def expanded(text: str, column: int) -> str:
    """`text` made safe, with tabs as spaces, given the column that it begins in."""
    if "\t" not in text:
        return safe_name(text)
    parts = []
    for number, part in enumerate(text.split("\t")):
        if number:
            gap = TAB - column % TAB
            parts.append(" " * gap)
            column += gap
        shown = safe_name(part)
        parts.append(shown)
        column += cells(shown)
    return "".join(parts)


def clipped(line: str) -> str:
    """A line of a diff, made safe and cut after `LONGEST_LINE` characters."""
    return expanded(line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + "…", 0)


def matching_rows(
    document: Document, pattern: re.Pattern[str], cancelled: Callable[[], bool]
) -> list[int]:
    """Rows whose text matches a pattern."""
    rows = []
    for row in range(len(document)):
        if row % 1024 == 0 and cancelled():
            break
        if pattern.search("".join(text for text, _ in document.pieces(row))):
            rows.append(row)
            if len(rows) == MAX_MATCHES:
                break
    return rows
