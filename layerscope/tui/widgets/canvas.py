"""A grid of cells to draw on: text, lines and rectangles; later ones cover earlier ones."""

from __future__ import annotations

from itertools import groupby

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from layerscope.tui.paint import fit


class Canvas:
    """A grid of cells, a character and a style each."""

    def __init__(self, width: int, height: int, style: Style) -> None:
        self.width = width
        self.height = height
        self._characters = [[" "] * width for _ in range(height)]
        self._styles = [[style] * width for _ in range(height)]

    def fill(self, x: int, y: int, width: int, height: int, character: str, style: Style) -> None:
        """Fill a rectangle with one character."""
        right = min(x + width, self.width)
        for row in range(max(y, 0), min(y + height, self.height)):
            self._characters[row][x:right] = [character] * (right - x)
            self._styles[row][x:right] = [style] * (right - x)

    def write(self, x: int, y: int, text: str, style: Style, room: int) -> int:
        """Write safe text in at most `room` cells; returns the number of cells used."""
        room = min(room, self.width - x)
        if room <= 0 or not text or not 0 <= y < self.height:
            return 0
        shown = fit(text, room) if cell_len(text) > room else text
        at = x
        for character in shown:
            wide = cell_len(character)
            if not wide:  # a combining character belongs to the one before it
                if at > x:
                    self._characters[y][at - 1] += character
                continue
            self._characters[y][at : at + wide] = [character, *[""] * (wide - 1)]
            self._styles[y][at : at + wide] = [style] * wide
            at += wide
        return at - x

    def strips(self) -> list[Strip]:
        """The drawing, line by line."""
        return [self._strip(row) for row in range(self.height)]

    def _strip(self, row: int) -> Strip:
        segments, at = [], 0
        for style, cells in groupby(self._styles[row]):
            count = sum(1 for _ in cells)
            segments.append(Segment("".join(self._characters[row][at : at + count]), style))
            at += count
        return Strip(segments, self.width)
