"""The header of the explorer of many images: their figures, and the tabs."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from layerscope import text
from layerscope.report.fleet_headline import Role
from layerscope.tui.commands import Keys, first_key
from layerscope.tui.fleet.known import SECTIONS
from layerscope.tui.run_commands import Clickable, clickable

_BETWEEN = " · "
_LATER = (Role.PLAIN, Role.WASTED, Role.GOOD, Role.AVOIDABLE)
"""Figures that are left out where there is no room for all, the first ones first."""


class FleetHeader(Clickable, Widget):
    """Three lines: figures, tabs, a rule."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"header--{role}" for role in Role),
        "header--quiet",
        "header--tab",
        "header--rule",
    }
    DEFAULT_CSS = """
    FleetHeader {
        height: 3; background: $background;
        & > .header--count { text-style: bold; color: $emphasis; }
        & > .header--avoidable { color: $waste; text-style: bold; }
        & > .header--wasted { color: $waste; }
        & > .header--good { color: $added; }
        & > .header--failed { color: $removed; text-style: bold; }
        & > .header--quiet { color: $quiet; }
        & > .header--tab { color: $emphasis; text-style: bold underline; }
        & > .header--rule { color: $rule; }
    }
    """

    def __init__(self, keys: Keys) -> None:
        super().__init__()
        self._keys = keys
        self.figures: list[tuple[str, str, Role]] = []
        """Words, shorter words and what they are; all are safe."""
        self.counts: dict[str, int] = {}
        """Rows of the sections."""
        self.section = ""
        self.work = ""
        """The current work; empty if idle."""

    def _style(self, name: str) -> Style:
        return self.rich_style + self.get_component_rich_style(f"header--{name}", partial=True)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y == 2:
            return Strip([Segment("─" * width, self._style("rule"))])
        line = Strip(self._figures(width) if y == 0 else self._tabs(width))
        return line.adjust_cell_length(width, self.rich_style)

    def _figures(self, width: int) -> list[Segment]:
        if not self.figures:
            return [Segment(f" {self.work}", self._style("quiet"))]
        for short in (False, True):
            for left_out in range(len(_LATER) + 1):
                kept = [
                    (words[short], words[2])
                    for words in self.figures
                    if words[2] not in _LATER[:left_out]
                ]
                if sum(text.cells(words) + len(_BETWEEN) for words, _ in kept) <= width:
                    return self._joined(kept)
        return self._joined(kept)

    def _joined(self, parts: list[tuple[str, Role]]) -> list[Segment]:
        segments: list[Segment] = []
        for words, role in parts:
            segments.append(Segment(_BETWEEN if segments else " ", self._style("quiet")))
            style = self._style(role)
            if role is Role.FAILED:
                style += clickable("fleet.failed")
            elif role in (Role.AVOIDABLE, Role.GOOD):
                style += clickable("fleet.findings")
            segments.append(Segment(words, style))
        return segments

    def _tabs(self, width: int) -> list[Segment]:
        """The sections, with their numbers of rows if there is room; without room for all, the others are only their keys."""
        keys = {name: first_key(f"fleet.{name}", self._keys) for name in SECTIONS}
        titles = {name: f"{keys[name]} {section.title}" for name, section in SECTIONS.items()}
        counts = {name: f" {count:,}" for name, count in self.counts.items() if count}

        def room(gap: int) -> int:
            return width - sum(len(words) + gap for words in titles.values()) - 1 + gap

        if room(2) < sum(map(len, counts.values())):
            counts = {}
        gap = 2 if room(2) >= 0 else 1
        if room(gap) < 0:
            titles = {name: words if name == self.section else keys[name] for name, words in titles.items()}  # fmt: skip
            gap = 2
        segments = [Segment(" ", self.rich_style)]
        for name, words in titles.items():
            style = self._style("tab" if name == self.section else "quiet")
            if name == "failed" and self.counts.get(name):
                style = self._style("failed") + Style(underline=name == self.section or None)
            opens = clickable(f"fleet.{name}")
            segments.append(Segment(words, style + opens))
            segments.append(Segment(counts.get(name, ""), self.rich_style + opens))
            segments.append(Segment(" " * gap, self.rich_style))
        return segments
