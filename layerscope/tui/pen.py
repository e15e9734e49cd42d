"""Writes cells to the terminal in few bytes: the shortest moves, colour changes and erasures."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from itertools import compress
from operator import itemgetter, ne
from typing import NamedTuple

from layerscope.tui.cells import (
    ATTRIBUTES,
    CERTAIN,
    DEFAULT_BACKGROUND,
    DEFAULT_FOREGROUND,
    VISIBLE_ON_SPACE,
    Cell,
    Look,
    Palette,
)

ERASE_FROM = 4
"""Number of cells from which erasing to the end of the line is shorter than spaces."""
ERASE_WITHIN = 12
"""Number of cells from which erasing within a line and moving past them is shorter than spaces."""
_TEXT = itemgetter(0)
"""The text of a cell."""


class Pen:
    """One paint: the terminal's cursor, colours and attributes, and what was written so far."""

    def __init__(self, palette: Palette, width: int, *, erases_in_color: bool) -> None:
        """`erases_in_color`: whether erased cells take the current background, not the default one."""
        self._palette = palette
        self._width = width
        self._erases_in_color = erases_in_color
        self._written: list[str] = []
        self._x: int | None = None
        """The cursor's column; None if terminals may disagree about it."""
        self._y: int | None = None
        self._ink = Ink()
        self._look: Look | None = None
        """The look of the last written cells."""

    def finish(self) -> str:
        """Reset colours and attributes, and return the text of this paint."""
        if self._ink != Ink():
            self._written.append("\x1b[m")
        return "".join(self._written)

    def clear(self, background: str) -> Cell:
        """Erase the screen; returns what each cell is afterwards."""
        blank = self._palette.blank(background if self._erases_in_color else DEFAULT_BACKGROUND)
        self._set_look(blank[1])
        self._written.append("\x1b[2J")
        return blank

    def scroll(self, top: int, bottom: int, by: int) -> None:
        """Move the lines from `top` to `bottom` up by some lines, or down if `by` is negative."""
        command = f"{by}M" if by > 0 else f"{-by}L"
        self._written.append(f"\x1b[{top + 1};{bottom + 1}r\x1b[{top + 1}H\x1b[{command}\x1b[r")
        self._x = self._y = None

    # cells

    def line(self, y: int, old: Sequence[Cell | None], new: Sequence[Cell]) -> None:
        """Write line `y` where it differs from `old`, in which None is an unknown cell."""
        known = [cell for cell in old if cell]
        if not (CERTAIN.issuperset(map(_TEXT, new)) and CERTAIN.issuperset(map(_TEXT, known))):
            old = self._erase_line(y, new)
        changed = list(compress(range(len(new)), map(ne, old, new)))
        tail = bisect_left(changed, self._erasable_tail(new))
        if len(changed) - tail < ERASE_FROM:
            tail = len(changed)
        at = 0
        while at < tail:
            x, cell = changed[at], new[changed[at]]
            if not cell[0]:  # the second cell of a wide character
                at += 1
                continue
            blanks = self._erasable_blanks(x, new) if cell[1].blank else 0
            end = bisect_left(changed, x + blanks, at, tail)
            blanks = changed[end - 1] - x + 1 if blanks else 0
            if blanks >= ERASE_WITHIN:
                self._reach(x, y, new)
                self._set_look(cell[1])
                self._written.append(f"\x1b[{blanks}X")
            else:
                end = _end_of_run(changed, at, tail, new)
                self._reach(x, y, new)
                self._write(new[x : x + end - at])
            at = end
        if tail < len(changed):
            x = changed[tail]
            self._reach(x, y, new)
            self._set_look(new[x][1])
            self._written.append("\x1b[K")

    def _erase_line(self, y: int, new: Sequence[Cell]) -> Sequence[Cell | None]:
        """Erase a line before writing characters of uncertain width: narrower ones would leave old cells beside them.

        Returns the erased line.
        """
        self._move(0, y)
        last = new[-1]
        if self._can_erase(last):
            self._set_look(last[1])
        self._written.append("\x1b[2K")
        return [last if self._can_erase(last) else None] * len(new)

    def _erasable_tail(self, new: Sequence[Cell]) -> int:
        """The column from which the line can be erased to its end."""
        last, x = new[-1], len(new)
        if self._can_erase(last):
            while x and new[x - 1] == last:
                x -= 1
        return x

    def _erasable_blanks(self, x: int, new: Sequence[Cell]) -> int:
        """The number of equal blank cells from `x` on that can be erased; 0 if they cannot."""
        cell, stop = new[x], x
        if self._can_erase(cell):
            while stop < len(new) and new[stop] == cell:
                stop += 1
        return stop - x

    def _can_erase(self, cell: Cell) -> bool:
        look = cell[1]
        return look.blank and (self._erases_in_color or look.background == DEFAULT_BACKGROUND)

    def _write(self, cells: Sequence[Cell]) -> None:
        """Write cells of one look at the cursor."""
        words = "".join([text for text, _ in cells])
        self._set_look(cells[0][1])
        self._written.append(words)
        x = self._x
        certain = x is not None and x + len(cells) < self._width and CERTAIN.issuperset(words)
        self._x = x + len(cells) if certain and x is not None else None

    def _reach(self, x: int, y: int, new: Sequence[Cell]) -> None:
        """Bring the cursor to a cell: move, or rewrite the cells in between if that is shorter."""
        if (self._x, self._y) == (x, y):
            return
        move = self._shortest_move(x, y)
        if self._y == y and self._x is not None and 0 < x - self._x <= len(move):
            between = new[self._x : x]
            words = "".join(text for text, _ in between)
            if len(words.encode()) <= len(move) and all(
                self._ink_for(look) == self._ink for _, look in between
            ):
                self._written.append(words)
                self._x = x
                return
        self._move(x, y)

    # the cursor

    def _move(self, x: int, y: int) -> None:
        if (self._x, self._y) != (x, y):
            self._written.append(self._shortest_move(x, y))
            self._x, self._y = x, y

    def _shortest_move(self, x: int, y: int) -> str:
        """The shortest move to a cell."""
        ways = [f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H"]
        if self._y is None:
            return ways[0]
        down = y - self._y
        if not down:
            ways.append(f"\x1b[{x + 1}G" if x else "\r")
            ways += self._sideways(x)
        elif down == 1 and not x:
            ways.append("\r\n")
        elif self._x is not None:
            vertical = f"\x1b[{_count(abs(down))}{'B' if down > 0 else 'A'}"
            ways += [vertical + way for way in self._sideways(x)]
        return min(ways, key=len)

    def _sideways(self, x: int) -> list[str]:
        """Moves within the line; none if the cursor's column is unknown."""
        if self._x is None:
            return []
        by = x - self._x
        if by > 0:
            return [f"\x1b[{_count(by)}C"]
        return ["\b" * -by, f"\x1b[{_count(-by)}D"] if by else [""]

    # colours

    def _set_look(self, look: Look) -> None:
        """Set colours and attributes for a look."""
        if look is self._look:
            return
        self._look = look
        wanted = self._ink_for(look)
        if wanted == self._ink:
            return
        change = _change(self._ink, wanted)
        after_reset = Ink(background=look.background) if look.blank else wanted
        reset = (
            ";".join(filter(None, ("0", _change(Ink(), after_reset))))
            if after_reset != Ink()
            else ""
        )
        self._ink = wanted if len(change) <= len(reset) else after_reset
        self._written.append(f"\x1b[{min(change, reset, key=len)}m")

    def _ink_for(self, look: Look) -> Ink:
        """The ink for a look; for a blank cell, invisible attributes stay as they are."""
        if not look.blank:
            return Ink(look.foreground, look.background, look.attributes)
        return self._ink._replace(
            background=look.background, attributes=self._ink.attributes & ~VISIBLE_ON_SPACE
        )


def _end_of_run(changed: Sequence[int], at: int, end: int, new: Sequence[Cell]) -> int:
    """The end in `changed` of the columns that can be written together: adjacent ones of one look and known width."""
    x, look = changed[at], new[changed[at]][1]
    certain = new[x][0] in CERTAIN
    at += 1
    while certain and at < end and changed[at] == x + 1:
        x += 1
        certain = new[x][1] is look and new[x][0] in CERTAIN
        at += certain
    return at


class Ink(NamedTuple):
    """The current colours and attributes of the terminal."""

    foreground: str = DEFAULT_FOREGROUND
    background: str = DEFAULT_BACKGROUND
    attributes: int = 0


@lru_cache(4096)
def _change(before: Ink, after: Ink) -> str:
    """SGR codes that turn one ink into another."""
    lost = before.attributes & ~after.attributes
    off = dict.fromkeys(off for bit, (_, _, off) in enumerate(ATTRIBUTES) if lost >> bit & 1)
    on = [
        on
        for bit, (_, on, also_off) in enumerate(ATTRIBUTES)
        if after.attributes >> bit & 1 and (not before.attributes >> bit & 1 or also_off in off)
    ]
    colors = [color for color, was in zip(after[:2], before[:2], strict=True) if color != was]
    return ";".join([*off, *on, *colors])


def _count(number: int) -> str:
    """A parameter of an escape sequence; empty for 1, the default."""
    return "" if number == 1 else str(number)
