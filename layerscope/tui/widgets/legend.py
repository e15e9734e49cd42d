"""The legend of the map: which colour is which layer."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.strip import Strip
from textual.widget import Widget

from layerscope.tui.paint import fit

MAX_LABEL, MIN_LABEL = 26, 5
"""Maximum and minimum number of cells for a layer's instruction."""
MIN_LAYERS = 4
"""Number of layers that are shown at least, with shorter texts if necessary."""
OTHER_CELLS = 14
"""Cells of an entry besides the instruction."""


class LegendEntry(Struct, frozen=True):
    """One layer; its words are safe for a terminal."""

    words: str
    bytes: str
    hue: Color | None
    """None if the layer shares the quiet colour with others."""


class Legend(Widget):
    """One line: layers by size, as many as fit."""

    DEFAULT_CSS = """
    Legend { height: 1; width: 1fr; background: $background; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._entries: Sequence[LegendEntry] = ()

    def show(self, entries: Sequence[LegendEntry]) -> None:
        """Show these layers, largest first."""
        self._entries = entries
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width, plain = self.size.width, self.rich_style
        quiet = Color.parse(self.app.theme_variables["quiet"]).rich_color
        share = width // max(min(len(self._entries), MIN_LAYERS), 1) - OTHER_CELLS
        room = max(MIN_LABEL, min(share, MAX_LABEL))
        segments, used = [], 0
        for number, entry in enumerate(self._entries):
            words = fit(entry.words, room).rstrip() if cell_len(entry.words) > room else entry.words
            words = f" {words} {entry.bytes} "
            left = len(self._entries) - number
            reserved = len(f" +{left:,} more") if left > 1 else 0
            if used + 2 + cell_len(words) + reserved > width:
                segments.append(Segment(f" +{left:,} more", plain + Style(color=quiet)))
                break
            color = quiet if entry.hue is None else entry.hue.rich_color
            segments += (Segment(" ■", plain + Style(color=color)), Segment(words, plain))
            used += 2 + cell_len(words)
        return Strip(segments).adjust_cell_length(width, plain)
