"""Lines of text with or without color, clipped and folded to a width."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import BinaryIO

from layerscope.text import cells, clip, fitting, size, without_ci_commands
from layerscope.words import Change

Part = tuple[str, str]
"""Safe text and its style, as rich names it; "" for none."""

_BUFFERED_LINES = 2000
"""Lines that are written at once."""


class Console:
    """Writes lines to a stream as UTF-8, without trailing spaces."""

    def __init__(self, stream: BinaryIO, width: int, *, color: bool) -> None:
        self.width = width
        self._stream = stream
        self._paint = _painter() if color else None
        self._lines: list[str] = []

    def line(self, *parts: Part | str) -> None:
        """Write one line, however long."""
        parts = _without_ci_commands(parts)
        paint = self._paint
        if paint is None:
            self._add_line(
                "".join(part if isinstance(part, str) else part[0] for part in parts).rstrip(" ")
            )
            return
        styled = [(part, "") if isinstance(part, str) else part for part in parts]
        while styled and not styled[-1][0].rstrip(" "):
            styled.pop()
        if styled:
            styled[-1] = (styled[-1][0].rstrip(" "), styled[-1][1])
        self._add_line("".join(paint(text, style) if style else text for text, style in styled))

    def heading(self, title: str, *parts: Part | str) -> None:
        """Write an empty line, then the first line of a section."""
        self.line()
        self.line((clip(title, self.width), "bold"), *parts)

    def flow(self, parts: Iterable[Part], *, between: str = " · ", indent: int = 0) -> None:
        """Write parts side by side, wrapping between them; a part that is too long is clipped."""
        row: list[Part] = []
        used = indent
        for text, style in parts:
            text = clip(text, self.width - indent)
            need = cells(text) + (len(between) if row else 0)
            if row and used + need > self.width:
                self.line(" " * indent, *row)
                row, used, need = [], indent, cells(text)
            if row:
                row.append((between, "dim"))
            row.append((text, style))
            used += need
        if row:
            self.line(" " * indent, *row)

    def paragraph(self, text: str, style: str = "", *, indent: int = 0) -> None:
        """Write running text, folded between words."""
        for row in _folded(text, self.width - indent):
            self.line(" " * indent, (row, style))

    def flush(self) -> None:
        """Write the buffered lines."""
        if self._lines:
            self._lines.append("")
            self._stream.write("\n".join(self._lines).encode())
            self._lines = []

    def _add_line(self, line: str) -> None:
        self._lines.append(line)
        if len(self._lines) >= _BUFFERED_LINES:
            self.flush()


def _without_ci_commands(parts: Sequence[Part | str]) -> tuple[Part | str, ...]:
    """A line without commands that CI services recognize: `::command` at its start, and those that `without_ci_commands` removes."""
    start = "".join(part if isinstance(part, str) else part[0] for part in parts).lstrip()
    is_command = start.startswith("::")
    cleaned: list[Part | str] = []
    for part in parts:
        text = part if isinstance(part, str) else part[0]
        text = without_ci_commands(text)
        if is_command and ":" in text:
            text = text.replace(":", ": ", 1)
            is_command = False
        cleaned.append(text if isinstance(part, str) else (text, part[1]))
    return tuple(cleaned)


def _folded(text: str, width: int) -> Iterator[str]:
    """Text wrapped to `width` columns; longer words are broken."""
    row = ""
    for word in text.split():
        if row and cells(row) + 1 + cells(word) > width:
            yield row
            row = ""
        row = f"{row} {word}" if row else word
        while cells(row) > width:
            count = max(fitting(row, width), 1)
            yield row[:count]
            row = row[count:]
    if row:
        yield row


def _painter() -> Callable[[str, str], str]:
    """A function that colors text by a style, with the terminal's own sixteen colors."""
    from rich.color import ColorSystem
    from rich.style import Style

    style_of = lru_cache(Style.parse)

    def paint(text: str, style: str) -> str:
        return style_of(style).render(text, color_system=ColorSystem.STANDARD)

    return paint


def padded(text: str, width: int) -> str:
    """`text` padded with spaces to `width` columns."""
    return text + " " * (width - cells(text))


def widest(texts: Sequence[str]) -> int:
    """Columns of the widest text, 0 if there are none."""
    return max(map(cells, texts), default=0)


_CHANGE_STYLES = {
    Change.UNCHANGED: "dim",
    Change.ADDED: "green",
    Change.MODIFIED: "yellow",
    Change.METADATA: "cyan",
    Change.REMOVED: "red",
}


def change_glyph(change: Change) -> Part:
    """The glyph of a change, with its color."""
    return change.glyph, _CHANGE_STYLES[change]


def signed(count: int, *, binary: bool) -> str:
    """A size with its sign."""
    return f"{'+' if count > 0 else ''}{size(count, binary=binary)}"


def growth_style(count: float) -> str:
    """The style of a difference in bytes."""
    return "yellow" if count > 0 else "green" if count < 0 else "dim"


def counts_text(counts: Iterable[tuple[int, str]]) -> str:
    """Counts with their words, without zeros: 3 added, 1 removed."""
    return ", ".join(f"{count:,} {word}" for count, word in counts if count)


def write_heading(console: Console, title: str, *parts: Part | str) -> None:
    """Write an empty line, then the heading of a section, wrapped if it is too long."""
    console.line()
    styled = [(part, "") if isinstance(part, str) else part for part in parts]
    console.flow([(title, "bold"), *styled], between="  ")
