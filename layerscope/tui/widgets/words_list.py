"""A list of lines of words, wrapped to its width; some of them can be opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from layerscope.tui.paint import RowPainter, wrap
from layerscope.tui.widgets.line_list import LineList


@dataclass(frozen=True, slots=True)
class Words:
    """Words on lines of their own."""

    text: str
    style: str = ""
    """A component class of `LineList`; empty for none."""
    indent: str = ""
    hang: str = ""
    """The indent of all lines but the first, if they are wrapped."""
    image: int | None = None
    """The number of the image that the line stands for."""


class WordsList(LineList):
    """What is known of something, in lines."""

    def __init__(self, nothing: str, *, id: str) -> None:
        """`nothing` is the text of an empty list."""
        super().__init__(id=id)
        self._nothing = nothing
        self._words: Sequence[Words] = ()
        self._lines: list[tuple[str, int]] = []
        """Lines, and the number of the words that each is of."""
        self._width = -1

    def show(self, words: Sequence[Words], nothing: str | None = None) -> None:
        """Show these words, from the top."""
        self._words, self._width = words, -1
        self._nothing = self._nothing if nothing is None else nothing
        self.rows_changed()
        self.go_to(0)

    @property
    def image(self) -> int | None:
        """The image of the line under the cursor."""
        return None if self._at_cursor is None else self._at_cursor.image

    @property
    def _at_cursor(self) -> Words | None:
        """The words under the cursor."""
        lines = self._lines
        return self._words[lines[self.cursor][1]] if self.cursor < len(lines) else None

    def go_to_image(self) -> None:
        """Move the cursor to the first line that stands for an image."""
        images = (number for number, each in enumerate(self._words) if each.image is not None)
        self._go_to_words(next(images, 0))

    def _go_to_words(self, number: int) -> None:
        self.go_to(next((row for row, (_, own) in enumerate(self._lines) if own == number), 0))

    def rows_changed(self) -> None:
        """Wrap the words if the width is another one; the cursor stays on its words."""
        width = self.scrollable_content_region.width
        if width == self._width:
            super().rows_changed()
            return
        at = self._lines[self.cursor][1] if self.cursor < len(self._lines) else 0
        self._width = width
        self._lines = [
            (f" {each.indent}{line}", number)
            for number, each in enumerate(self._words)
            for line in wrap(each.text, max(width - len(each.indent) - 2, 12), each.hang)
        ]
        super().rows_changed()
        self._go_to_words(at)

    def row_count(self) -> int:
        return len(self._lines)

    def empty_text(self) -> str:
        return self._nothing

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        line, at = self._lines[row]
        style = self._words[at].style
        painter.add(line, self.style_of(style) if style else None)

    def copyable(self) -> tuple[str, str] | None:
        return None if self._at_cursor is None else (self._at_cursor.text, "the line")
