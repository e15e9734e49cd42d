"""A pane: a title line, column titles and a list."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.strip import Strip
from textual.widget import Widget

from layerscope.tui.paint import fit

LEFT = 12
"""Minimum width of the left text, in cells."""


class PaneTitle(Widget):
    """A title line: the subject on the left, its state on the right."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"title--quiet", "title--name"}
    DEFAULT_CSS = """
    PaneTitle {
        height: 1;
        background: $background;
        & > .title--quiet { color: $quiet; }
        & > .title--name { text-style: bold; }
    }
    """

    def __init__(self, left: str = "", right: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.left = left
        self.right = right
        self.whole = False

    def show(self, left: str, right: str = "", *, whole: bool = False) -> None:
        """Change the texts; they must be safe for a terminal. `whole` cuts the right one first."""
        if (left, right, whole) != (self.left, self.right, self.whole):
            self.left, self.right, self.whole = left, right, whole
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        right = f" {self.right} " if self.right else ""
        room = width - (cell_len(self.left) + 1 if self.whole else LEFT)
        while len(right) > room and " · " in right:
            right = f" {right.partition(' · ')[2]}"  # the last part matters most
        if len(right) > room:
            right = ""
        left = fit(f" {self.left}", width - len(right))
        name, quiet = (
            self.rich_style + self.get_component_rich_style(f"title--{part}", partial=True)
            for part in ("name", "quiet")
        )
        return Strip([Segment(left, name), Segment(right, quiet)])


class ColumnTitles(PaneTitle):
    """Column titles of the list below."""

    def render_line(self, y: int) -> Strip:
        quiet = self.rich_style + self.get_component_rich_style("title--quiet", partial=True)
        return Strip([Segment(fit(self.left, self.size.width), quiet)])


class Pane(Vertical):
    """Title, column titles and a list; the title is bright where the focus is."""

    DEFAULT_CSS = """
    Pane, Pane:focus-within { background: $background; }
    Pane:focus-within > PaneTitle > .title--name { color: $emphasis; }
    """

    # The second selector, which changes nothing, is why Textual looks at the title again when the focus comes or goes.

    def __init__(self, *parts: Widget | None, id: str | None = None) -> None:
        """`parts` are title, column titles and list, from top to bottom; None for a missing one."""
        super().__init__(id=id)
        self._parts = [part for part in parts if part is not None]

    def compose(self) -> ComposeResult:
        yield from self._parts
