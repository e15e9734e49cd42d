"""The base of all headers: lines above a rule, with texts that run commands when clicked."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from layerscope.tui.run_commands import Clickable


class ScreenHeader(Clickable, Widget):
    """Paints the rule in its last line; subclasses paint the lines above it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "header--title",
        "header--quiet",
        "header--tab",
        "header--rule",
    }
    DEFAULT_CSS = """
    ScreenHeader {
        height: 3; background: $background;
        & > .header--title { text-style: bold; color: $emphasis; }
        & > .header--quiet { color: $quiet; }
        & > .header--tab { text-style: bold underline; color: $emphasis; }
        & > .header--rule { color: $rule; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.work = ""
        """The current work; empty if idle."""

    def show_work(self, work: str) -> None:
        """Show the current work; empty if idle."""
        if work != self.work:
            self.work = work
            self.refresh()

    def style_of(self, name: str) -> Style:
        """The style of a component class over the header's own style."""
        return self.rich_style + self.get_component_rich_style(f"header--{name}", partial=True)

    def paint_line(self, y: int) -> list[Segment]:
        """Paint a line above the rule; it is cut or filled to the header's width."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y == self.size.height - 1:
            return Strip([Segment("─" * width, self.style_of("rule"))])
        return Strip(self.paint_line(y)).adjust_cell_length(width, self.rich_style)

    def spread(self, left: list[Segment], right: list[Segment]) -> list[Segment]:
        """`left` and `right` at the two ends of a line; the left one is cut."""
        room = max(self.size.width - sum(segment.cell_length for segment in right), 0)
        return [*Strip(left).adjust_cell_length(room, self.rich_style), *right]
