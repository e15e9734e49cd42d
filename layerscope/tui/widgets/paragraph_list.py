"""A list of paragraphs, wrapped to its width; those that stand for an image can be opened."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from layerscope.tui.paint import RowPainter, wrap
from layerscope.tui.widgets.line_list import LineList


class Paragraph(Struct, frozen=True):
    """A text that begins on its own line; it must be safe for a terminal."""

    text: str
    style: str = ""
    """A component class of `LineList`; empty for none."""
    indent: str = ""
    hang: str = ""
    """The indent of all lines but the first, if they are wrapped."""
    image: int | None = None
    """The number of the image that it stands for."""


class ParagraphList(LineList):
    """Wrapped paragraphs, with the cursor on a line."""

    def __init__(self, empty_message: str, *, id: str) -> None:
        """`empty_message` is the text of an empty list."""
        super().__init__(id=id)
        self._empty_message = empty_message
        self._paragraphs: Sequence[Paragraph] = ()
        self._lines: list[tuple[str, int]] = []
        """The wrapped lines, each with the index of its paragraph."""
        self._width = -1

    def show(self, paragraphs: Sequence[Paragraph], empty_message: str | None = None) -> None:
        """Show these paragraphs, from the top."""
        self._paragraphs, self._width = paragraphs, -1
        self._empty_message = self._empty_message if empty_message is None else empty_message
        self.rows_changed()
        self.go_to(0)

    @property
    def image(self) -> int | None:
        """The image of the line under the cursor."""
        return None if self._paragraph is None else self._paragraph.image

    @property
    def _paragraph(self) -> Paragraph | None:
        """The paragraph under the cursor."""
        lines = self._lines
        return self._paragraphs[lines[self.cursor][1]] if self.cursor < len(lines) else None

    def go_to_image(self) -> None:
        """Move the cursor to the first line that stands for an image."""
        images = (number for number, each in enumerate(self._paragraphs) if each.image is not None)
        self._go_to_paragraph(next(images, 0))

    def _go_to_paragraph(self, number: int) -> None:
        self.go_to(next((row for row, (_, owner) in enumerate(self._lines) if owner == number), 0))

    def rows_changed(self) -> None:
        """Wrap the paragraphs again if the width changed; the cursor stays on its paragraph."""
        width = self.scrollable_content_region.width
        if width == self._width:
            super().rows_changed()
            return
        at = self._lines[self.cursor][1] if self.cursor < len(self._lines) else 0
        self._width = width
        self._lines = [
            (f" {each.indent}{line}", number)
            for number, each in enumerate(self._paragraphs)
            for line in wrap(each.text, max(width - len(each.indent) - 2, 12), each.hang)
        ]
        super().rows_changed()
        self._go_to_paragraph(at)

    def row_count(self) -> int:
        return len(self._lines)

    def empty_text(self) -> str:
        return self._empty_message

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        line, at = self._lines[row]
        style = self._paragraphs[at].style
        painter.add(line, self.style_of(style) if style else None)

    def copyable(self) -> tuple[str, str] | None:
        return None if self._paragraph is None else (self._paragraph.text, "the line")
