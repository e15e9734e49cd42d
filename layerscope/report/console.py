"""Lines of text with or without colours, cut and folded to a width."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import BinaryIO

from layerscope.text import cells, clip, fitting, without_ci_commands
from layerscope.words import Change

Part = tuple[str, str]
"""Safe text and its style, as rich names it; "" for none."""

_CHUNK = 2000
"""Lines that are written at once."""


class Paper:
    """Writes lines to a stream, UTF-8, without spaces at their ends."""

    def __init__(self, stream: BinaryIO, width: int, *, color: bool) -> None:
        self.width = width
        self._stream = stream
        self._paint = _painter() if color else None
        self._lines: list[str] = []

    def line(self, *parts: Part | str) -> None:
        """Write one line, however long."""
        parts = _harmless(parts)
        paint = self._paint
        if paint is None:
            self._put(
                "".join(part if isinstance(part, str) else part[0] for part in parts).rstrip(" ")
            )
            return
        styled = [(part, "") if isinstance(part, str) else part for part in parts]
        while styled and not styled[-1][0].rstrip(" "):
            styled.pop()
        if styled:
            styled[-1] = (styled[-1][0].rstrip(" "), styled[-1][1])
        self._put("".join(paint(text, style) if style else text for text, style in styled))

    def heading(self, title: str, *parts: Part | str) -> None:
        """Write the first line of a section, after an empty one."""
        self.line()
        self.line((clip(title, self.width), "bold"), *parts)

    def flow(self, parts: Iterable[Part], *, between: str = " · ", indent: int = 0) -> None:
        """Write parts side by side, on as many lines as they need; none is broken, one that is too long is cut."""
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
        """Write what is still held back."""
        if self._lines:
            self._lines.append("")
            self._stream.write("\n".join(self._lines).encode())
            self._lines = []

    def _put(self, line: str) -> None:
        self._lines.append(line)
        if len(self._lines) >= _CHUNK:
            self.flush()


def _harmless(parts: Sequence[Part | str]) -> tuple[Part | str, ...]:
    """A line that no CI service takes for an order: `::order` at its beginning, and what `without_ci_commands` names."""
    begins = "".join(part if isinstance(part, str) else part[0] for part in parts).lstrip()
    orders = begins.startswith("::")
    done: list[Part | str] = []
    for part in parts:
        text = part if isinstance(part, str) else part[0]
        text = without_ci_commands(text)
        if orders and ":" in text:
            text = text.replace(":", ": ", 1)
            orders = False
        done.append(text if isinstance(part, str) else (text, part[1]))
    return tuple(done)


def _folded(text: str, width: int) -> Iterator[str]:
    """Running text in rows of at most `width` columns; words that are longer are broken."""
    row = ""
    for word in text.split():
        if row and cells(row) + 1 + cells(word) > width:
            yield row
            row = ""
        row = f"{row} {word}" if row else word
        while cells(row) > width:
            taken = max(fitting(row, width), 1)
            yield row[:taken]
            row = row[taken:]
    if row:
        yield row


def _painter() -> Callable[[str, str], str]:
    """What puts text into the colours of a style: the sixteen that every terminal lets its user choose."""
    from rich.color import ColorSystem
    from rich.style import Style

    style_of = lru_cache(Style.parse)

    def paint(text: str, style: str) -> str:
        return style_of(style).render(text, color_system=ColorSystem.STANDARD)

    return paint


def left(text: str, width: int) -> str:
    """`text` with spaces up to `width` columns after it."""
    return text + " " * (width - cells(text))


def widest(texts: Sequence[str]) -> int:
    """Columns of the widest of these texts."""
    return max(map(cells, texts), default=0)


_CHANGE_STYLES = {
    Change.UNCHANGED: "dim",
    Change.ADDED: "green",
    Change.MODIFIED: "yellow",
    Change.METADATA: "cyan",
    Change.REMOVED: "red",
}


def change_glyph(change: Change) -> Part:
    """The glyph of a change in its colour."""
    return change.glyph, _CHANGE_STYLES[change]
