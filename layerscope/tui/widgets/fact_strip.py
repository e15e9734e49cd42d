"""A few lines with details of the row under the cursor; their number is fixed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from layerscope.tui.paint import fit, wrap

LABEL_WIDTH = 11
"""Width of a label and the space after it, in cells."""


class FactStrip(Widget):
    """Labelled facts. Long ones share the lines fairly."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"facts--quiet"}
    DEFAULT_CSS = """
    FactStrip {
        height: 5; background: $background; border-top: solid $rule;
        & > .facts--quiet { color: $quiet; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.facts: Sequence[tuple[str, str]] = ()
        """Label and text of each fact, safe for a terminal."""

    def show(self, *facts: tuple[str, str]) -> None:
        """Show other facts."""
        if facts != self.facts:
            self.facts = facts
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        lines = fact_lines(self.facts, width - 2, self.size.height)
        if y >= len(lines):
            return Strip.blank(width, self.rich_style)
        label, words = lines[y]
        quiet = self.rich_style + self.get_component_rich_style("facts--quiet", partial=True)
        return Strip(
            [Segment(f" {label:<{LABEL_WIDTH}}", quiet), Segment(words, self.rich_style)]
        ).adjust_cell_length(width, self.rich_style)


def fact_lines(facts: Sequence[tuple[str, str]], width: int, height: int) -> list[tuple[str, str]]:
    """Label and text of each line. Every fact gets one line before any gets several."""
    wrapped = [
        (label, wrap(words[: width * height * 4], width - LABEL_WIDTH)) for label, words in facts
    ]
    wrapped = wrapped[:height]
    shown = [1] * len(wrapped)
    for _ in range(height - len(wrapped)):
        wanting = [n for n, (_, lines) in enumerate(wrapped) if shown[n] < len(lines)]
        if not wanting:
            break
        shown[min(wanting, key=lambda number: shown[number])] += 1
    result = []
    for (label, lines), count in zip(wrapped, shown, strict=True):
        kept = lines[:count]
        if count < len(lines):
            kept[-1] = fit(kept[-1], width - LABEL_WIDTH - 2).rstrip("… ") + " …"
        result += [(label if number == 0 else "", line) for number, line in enumerate(kept)]
    return result
