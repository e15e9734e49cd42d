"""The rows of a file's contents: line numbers, colours, matches and horizontal scrolling."""

from __future__ import annotations

import re
from typing import ClassVar

from rich.style import Style

from layerscope.text import cells, fitting
from layerscope.tui.documents.base import Document, Piece
from layerscope.tui.paint import RowPainter
from layerscope.tui.pointing import Pointed
from layerscope.tui.widgets.line_list import LineList

SHIFT_STEP = 16
"""Columns per horizontal scroll step."""
MAX_SHIFT = 1 << 16
"""Maximum number of columns scrolled to the right."""


class ContentList(LineList):
    """Paints a document; the last row may offer to read more."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "row--keyword",
        "row--string",
        "row--comment",
        "row--number",
        "row--function",
    }
    DEFAULT_CSS = """
    ContentList {
        & > .row--keyword { color: $accent; }
        & > .row--string { color: $added; }
        & > .row--comment { color: $quiet; text-style: italic; }
        & > .row--number { color: $modified; }
        & > .row--function { color: $metadata; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.document: Document | None = None
        self.empty_message = ""
        """The text shown when there are no rows."""
        self.tail = ""
        """The text of an extra last row; empty for none."""
        self.pattern: re.Pattern[str] | None = None
        """The pattern whose matches are highlighted."""
        self.shown_path: Pointed | None = None
        """The path whose content is shown."""
        self._shift = 0

    def show(self, document: Document | None, empty_message: str = "", tail: str = "") -> None:
        """Show another document, or a text in its place."""
        self.document, self.empty_message, self.tail = document, empty_message, tail
        self.rows_changed()

    def start(self) -> None:
        """Scroll back to the start."""
        self._shift = 0
        self.go_to(0)
        self.rows_changed()

    def mark(self, pattern: re.Pattern[str] | None) -> None:
        """Highlight the matches of a pattern."""
        self.pattern = pattern
        self.rows_changed()

    @property
    def at_tail(self) -> bool:
        """Whether the cursor is on the row that offers to read more."""
        return bool(self.tail) and self.cursor == self.row_count() - 1

    points = True

    def pointed(self) -> Pointed | None:
        return self.shown_path

    def row_count(self) -> int:
        return (len(self.document) if self.document is not None else 0) + bool(self.tail)

    def empty_text(self) -> str:
        return self.empty_message

    def shift(self, by: int) -> None:
        """Scroll right, or back."""
        self._shift = max(0, min(self._shift + by * SHIFT_STEP, MAX_SHIFT))
        self.rows_changed()

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        document = self.document
        if document is None or row >= len(document):
            painter.add(f" {self.tail}", self.style_of("metadata"))
            return
        label = f" {document.label(row)}  "
        painter.add(label, self.style_of("quiet"))
        pieces = document.pieces(row)
        if self.pattern is not None:
            pieces = marked(pieces, self.pattern)
        shown, more = window(pieces, self._shift, width - len(label))
        for text, style in shown:
            painter.add(text, self._style(style))
        if more:
            painter.add("…", self.style_of("quiet"))

    def _style(self, name: str) -> Style | None:
        return Style(reverse=True) if name == "match" else self.style_of(name) if name else None


def marked(pieces: list[Piece], pattern: re.Pattern[str]) -> list[Piece]:
    """Pieces with the style `match` where their joined text matches a pattern."""
    line = "".join(text for text, _ in pieces)
    bounds: list[tuple[int, int]] = [
        match.span() for match in pattern.finditer(line) if match.end() > match.start()
    ]
    if not bounds:
        return pieces
    result: list[Piece] = []
    start = index = 0
    for text, style in pieces:
        end, at = start + len(text), start
        while index < len(bounds) and bounds[index][0] < end:
            first, last = max(bounds[index][0], at), min(bounds[index][1], end)
            result += ((line[at:first], style), (line[first:last], "match"))
            at = last
            if bounds[index][1] > end:
                break  # it goes on in the next piece
            index += 1
        result.append((line[at:end], style))
        start = end
    return [(text, style) for text, style in result if text]


def window(pieces: list[Piece], skip: int, width: int) -> tuple[list[Piece], bool]:
    """The columns from `skip` on, at most `width`, and whether the row continues; if so, the last column is left
    free for a mark."""
    result: list[Piece] = []
    used = 0
    for number, (text, style) in enumerate(pieces):
        size = cells(text)
        if skip >= size:
            skip -= size
            continue
        part = text[fitting(text, skip) :] if skip else text
        skip, size = 0, cells(part)
        last = number == len(pieces) - 1
        if used + size > width or (used + size == width and not last):
            result.append((part[: fitting(part, width - used - 1)], style))
            return result, True
        result.append((part, style))
        used += size
    return result, False
