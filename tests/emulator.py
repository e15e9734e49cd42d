"""A terminal in memory, to check what it shows after some bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyte
from pyte.screens import Char, wcwidth


class _Screen(pyte.Screen):
    """pyte's screen, which erases all cells of the screen, not only those written to, and may erase them without colours."""

    erases_in_color = True

    def erase_in_display(self, how: int = 0, *_: Any, **__: Any) -> None:
        lines = {0: range(self.cursor.y + 1, self.lines), 1: range(self.cursor.y)}
        for y in lines.get(how, range(self.lines)):
            self._erase(y, range(self.columns))
        if how < 2:
            self.erase_in_line(how)

    def erase_in_line(self, how: int = 0, *_: Any) -> None:
        x = self.cursor.x
        columns = {0: range(x, self.columns), 1: range(x + 1)}
        self._erase(self.cursor.y, columns.get(how, range(self.columns)))

    def erase_characters(self, count: int | None = None) -> None:
        x = self.cursor.x
        self._erase(self.cursor.y, range(x, min(x + (count or 1), self.columns)))

    def _erase(self, y: int, columns: Iterable[int]) -> None:
        for x in columns:
            self.buffer[y][x] = self.cursor.attrs if self.erases_in_color else self.default_char


class Emulator:
    """A terminal, with line wrap off as Textual sets it."""

    def __init__(self, width: int, height: int, *, erases_in_color: bool = True) -> None:
        self._screen = _Screen(width, height)
        self._screen.erases_in_color = erases_in_color
        self._stream = pyte.ByteStream(self._screen)
        self.send("\x1b[?7l")

    def send(self, words: str) -> None:
        """Process text of a program; line ends get the carriage return that the terminal driver adds."""
        self.receive(words.replace("\n", "\r\n").encode())

    def receive(self, data: bytes) -> None:
        """Process bytes from the terminal driver; a character may be split between calls."""
        self._stream.feed(data)

    def cells(self) -> list[list[tuple[object, ...]]]:
        """The visible attributes of each cell, line by line."""
        width, height = self._screen.columns, self._screen.lines
        return [
            self._line([self._screen.buffer[y][x] for x in range(width)]) for y in range(height)
        ]

    def _line(self, cells: list[Char]) -> list[tuple[object, ...]]:
        """Half of a wide character is a space: pyte leaves it."""
        whole = []
        for x, cell in enumerate(cells):
            wide = wcwidth(cell.data[:1]) == 2 if cell.data else False
            halved = wide and (x + 1 == len(cells) or cells[x + 1].data)
            second = not cell.data and not (x and wcwidth(cells[x - 1].data[:1]) == 2)
            whole.append(_visible(cell._replace(data=" ") if halved or second else cell))
        return whole

    def row_on(self, background: str) -> int | None:
        """The first line whose first cell has this background; None if there is none."""
        buffer = self._screen.buffer
        rows = range(self._screen.lines)
        return next((y for y in rows if buffer[y][0].bg == background), None)

    def lines(self) -> list[str]:
        """The screen, line by line."""
        return [line.rstrip() for line in self._screen.display]


def _visible(cell: Char) -> tuple[object, ...]:
    if cell.data == " " and not cell.reverse:
        return " ", cell.bg, cell.underscore, cell.strikethrough
    return tuple(cell)
