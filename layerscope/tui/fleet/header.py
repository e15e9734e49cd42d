"""The header of the explorer of many images: figures and tabs."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style

from layerscope import text
from layerscope.report.fleet_headline import Role
from layerscope.tui.commands import Keys, first_key
from layerscope.tui.fleet.state import SECTIONS
from layerscope.tui.run_commands import clickable
from layerscope.tui.widgets.header import ScreenHeader

_BETWEEN = " · "
_OPTIONAL = (Role.PLAIN, Role.WASTED, Role.GOOD, Role.AVOIDABLE)
"""Roles of the figures that are left out, in this order, if there is no room for all."""


class FleetHeader(ScreenHeader):
    """Two lines and a rule: figures, and tabs."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"header--{role}" for role in Role}
    DEFAULT_CSS = """
    FleetHeader {
        & > .header--count { color: $emphasis; text-style: bold; }
        & > .header--avoidable { color: $waste; text-style: bold; }
        & > .header--wasted { color: $waste; }
        & > .header--good { color: $added; }
        & > .header--failed { color: $removed; text-style: bold; }
    }
    """

    def __init__(self, keys: Keys) -> None:
        super().__init__()
        self._keys = keys
        self.figures: list[tuple[str, str, Role]] = []
        """Each figure as text, as shorter text, and its role; safe to show."""
        self.counts: dict[str, int] = {}
        """The number of rows of each section."""
        self.section = ""

    def paint_line(self, y: int) -> list[Segment]:
        return self._figures(self.size.width) if y == 0 else self._tabs(self.size.width)

    def _figures(self, width: int) -> list[Segment]:
        if not self.figures:
            return [Segment(f" {self.work}", self.style_of("quiet"))]
        for short in (False, True):
            for left_out in range(len(_OPTIONAL) + 1):
                fitting = [
                    (words[short], words[2])
                    for words in self.figures
                    if words[2] not in _OPTIONAL[:left_out]
                ]
                if sum(text.cells(words) + len(_BETWEEN) for words, _ in fitting) <= width:
                    return self._figure_segments(fitting)
        return self._figure_segments(fitting)

    def _figure_segments(self, parts: list[tuple[str, Role]]) -> list[Segment]:
        segments: list[Segment] = []
        for words, role in parts:
            segments.append(Segment(_BETWEEN if segments else " ", self.style_of("quiet")))
            style = self.style_of(role)
            if role is Role.FAILED:
                style += clickable("fleet.failed")
            elif role in (Role.AVOIDABLE, Role.GOOD):
                style += clickable("fleet.findings")
            segments.append(Segment(words, style))
        return segments

    def _tabs(self, width: int) -> list[Segment]:
        """The sections, with their numbers of rows if there is room. In even less room, all but the current one are only keys."""
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
            style = self.style_of("tab" if name == self.section else "quiet")
            if name == "failed" and self.counts.get(name):
                style = self.style_of("failed") + Style(underline=name == self.section or None)
            opens = clickable(f"fleet.{name}")
            segments.append(Segment(words, style + opens))
            segments.append(Segment(counts.get(name, ""), self.rich_style + opens))
            segments.append(Segment(" " * gap, self.rich_style))
        return segments
