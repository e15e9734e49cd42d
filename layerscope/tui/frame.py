"""Sends the terminal only cells that changed since the last paint."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from operator import itemgetter

from msgspec import Struct
from rich.color import ColorSystem
from rich.console import Console
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.geometry import Size
from textual.strip import Strip

from layerscope.tui.cells import DEFAULT_BACKGROUND, Cell, Palette
from layerscope.tui.pen import Pen

MIN_SCROLLED_LINES = 6
"""Minimum number of changed lines for which scrolling is considered."""
_SCROLLBAR_CELLS = 2
"""Cells at the end of a line that may stay when the line moves: a scrollbar."""
Line = Sequence[Cell | None]
"""The cells of a line; None where nothing is known."""


class Changes(CompositorUpdate):
    """An update as the text to send to the terminal."""

    def __init__(self, words: str) -> None:
        self.words = words

    def render_segments(self, console: Console) -> str:
        return self.words


class Frame:
    """The screen as the terminal shows it."""

    def __init__(self, size: Size, colors: ColorSystem, *, erases_in_color: bool) -> None:
        """`erases_in_color`: whether erased cells take the current background, see `erases_in_color()`."""
        self.size = size
        self._palette = Palette(colors)
        self._empty = [self._palette.blank(DEFAULT_BACKGROUND)] * size.width
        self._erases_in_color = erases_in_color
        self._lines: list[Sequence[Cell]] = []

    @property
    def known(self) -> bool:
        """Whether the terminal shows the last paint. If not, the next update must paint the whole screen."""
        return bool(self._lines)

    def forget(self) -> None:
        """Forget the cells, because something else wrote to the terminal or its size changed."""
        self._lines = []

    def paint(self, update: CompositorUpdate) -> Changes | None:
        """The changes to send for an update; None if there are none."""
        lines = self._updated(update)
        words = self._changes(lines) if self.known else self._repaint(lines)
        for y, line in lines.items():
            self._lines[y] = line
        return Changes(words) if words else None

    def _repaint(self, lines: Mapping[int, Sequence[Cell]]) -> str:
        """Return the text that erases the screen and writes all lines."""
        pen = self._pen()
        blank = pen.clear(_common_background(lines.values()))
        self._lines = [[blank] * self.size.width] * self.size.height
        return self._write(lines, self._lines, pen)

    def _changes(self, lines: Mapping[int, Sequence[Cell]]) -> str:
        """Return the text for the cells that differ from those on the terminal; it scrolls first if that is shorter."""
        words = self._write(lines, self._lines, self._pen())
        scroll = _scroll(self._lines, lines)
        if scroll is None:
            return words
        pen = self._pen()
        pen.scroll(scroll.top, scroll.bottom, scroll.by)
        target = dict(enumerate(self._lines)) | dict(lines)
        scrolled = self._write(target, scroll.moved(self._lines), pen)
        return min(words, scrolled, key=len)

    def _write(self, lines: Mapping[int, Sequence[Cell]], old: Sequence[Line], pen: Pen) -> str:
        """Return the text that writes lines where they differ from `old`."""
        for y, line in sorted(lines.items()):
            if line != old[y]:
                pen.line(y, old[y], line)
        return pen.finish()

    def _pen(self) -> Pen:
        return Pen(self._palette, self.size.width, erases_in_color=self._erases_in_color)

    def _updated(self, update: CompositorUpdate) -> dict[int, list[Cell]]:
        """The lines that an update touches, as they will be."""
        lines: dict[int, list[Cell]] = {}
        width, height = self.size
        for y, x, end, strip in _pieces(update):
            room = min(end, width) - x
            if y >= height or room <= 0:
                continue
            line = lines.get(y)
            if line is None:
                line = lines[y] = list(self._lines[y] if self._lines else self._empty)
            cut = strip if strip.cell_length <= room else strip.crop(0, room)
            self._replace(line, x, self._palette.cells(cut)[:room])
        return lines

    def _replace(self, line: list[Cell], x: int, cells: Sequence[Cell]) -> None:
        """Put cells into a line. Half of a wide character beside them becomes a space, as in the terminal."""
        end = x + len(cells)
        if cells and x and not line[x][0]:
            line[x - 1] = self._palette.space(line[x - 1][1])
        if end < len(line) and not line[end][0]:
            line[end] = self._palette.space(line[end][1])
        line[x:end] = cells


class Scroll(Struct, frozen=True):
    """Lines that the terminal moves together."""

    top: int
    bottom: int
    by: int
    """Lines up; negative for down."""

    def moved(self, lines: Sequence[Line]) -> list[Line]:
        """The lines of the screen afterwards."""
        top, bottom, by = self.top, self.bottom, self.by
        unknown: list[Line] = [[None] * len(lines[0])] * abs(by)
        kept = lines[top + max(by, 0) : bottom + 1 + min(by, 0)]
        both = [*kept, *unknown] if by > 0 else [*unknown, *kept]
        return [*lines[:top], *both, *lines[bottom + 1 :]]


def _scroll(old: Sequence[Sequence[Cell]], new: Mapping[int, Sequence[Cell]]) -> Scroll | None:
    """The scroll that explains most of the changed lines; None if it explains too few."""
    changed = {y: _text(line) for y, line in new.items() if line != old[y]}
    if len(changed) < MIN_SCROLLED_LINES:
        return None
    texts = [_text(line) for line in old]
    places = defaultdict(list)
    for y, words in enumerate(texts):
        if not words.isspace():
            places[words].append(y)
    moves = Counter(place - y for y, words in changed.items() for place in places[words])
    by, lines = max(moves.items(), key=itemgetter(1), default=(0, 0))
    if not by or 2 * lines < len(changed):
        return None
    moved = [y for y, words in changed.items() if y + by in places[words]]
    return Scroll(min(moved) + min(by, 0), max(moved) + max(by, 0), by)


def _pieces(update: CompositorUpdate) -> Iterator[tuple[int, int, int, Strip]]:
    """The strips of an update: line, first column, column after the last, and strip."""
    if isinstance(update, ChopsUpdate):
        for y, first, after in update.spans:
            for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                if strip is not None and x < after and end > first:
                    yield y, x, end, strip
    elif isinstance(update, LayoutUpdate):
        for y, strips in enumerate(update.strips, update.region.y):
            x = update.region.x
            for strip in strips:
                yield y, x, x + strip.cell_length, strip
                x += strip.cell_length


def _text(line: Sequence[Cell]) -> str:
    """The characters of a line that would move with it."""
    return "".join(map(itemgetter(0), line[:-_SCROLLBAR_CELLS]))


def _common_background(lines: Iterable[Iterable[Cell]]) -> str:
    """The background of most blank cells."""
    backgrounds = Counter(look.background for _, look in chain.from_iterable(lines) if look.blank)
    return max(backgrounds, key=backgrounds.__getitem__, default=DEFAULT_BACKGROUND)


@cache
def erases_in_color() -> bool:
    """Whether erased cells take the current background: according to terminfo, and always in tmux, whose terminfo lacks it."""
    if "TMUX" in os.environ and "STY" not in os.environ:
        return True
    try:
        import curses
    except ImportError:
        return False
    try:
        curses.setupterm(fd=2)
    except curses.error:  # a terminal that terminfo does not know
        return False
    return curses.tigetflag("bce") > 0
