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
    image: int | None = None
    """The number of the image that the line stands for."""


class WordsList(LineList):
    """What is known of something, in lines."""

    def __init__(self, nothing: str, *, id: str) -> None:
        """`nothing` is the text of an empty list."""
        super().__init__(id=id)
        self._nothing = nothing
        self._words: Sequence[Words] = ()
        self._lines: list[tuple[str, Words]] = []
        self._width = 0

    def show(self, words: Sequence[Words], nothing: str | None = None) -> None:
        """Show these words, from the top."""
        self._words, self._width = words, 0
        self._nothing = self._nothing if nothing is None else nothing
        self.rows_changed()
        self.go_to(0)

    @property
    def image(self) -> int | None:
        """The image of the line under the cursor."""
        return self._lines[self.cursor][1].image if self.row_count() else None

    def go_to_image(self) -> None:
        """Move the cursor to the first line that stands for an image."""
        self.row_count()
        images = (row for row, (_, words) in enumerate(self._lines) if words.image is not None)
        self.go_to(next(images, 0))

    def row_count(self) -> int:
        width = self.scrollable_content_region.width
        if width != self._width:
            self._width = width
            self._lines = [
                (f" {each.indent}{line}", each)
                for each in self._words
                for line in wrap(each.text, max(width - len(each.indent) - 2, 12))
            ]
        return len(self._lines)

    def empty_text(self) -> str:
        return self._nothing

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        line, words = self._lines[row]
        painter.add(line, self.style_of(words.style) if words.style else None)

    def copied(self) -> tuple[str, str] | None:
        return (self._lines[self.cursor][1].text, "the line") if self.row_count() else None
