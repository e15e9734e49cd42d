"""The border between two panes, which can be dragged."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget


class Splitter(Widget):
    """Divides a container between the panes before and after it: a vertical line, or a horizontal one if styled so.

    The user's choice is kept as a share of the container for each orientation, so that it survives a resize.
    """

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"splitter--line", "splitter--held"}
    DEFAULT_CSS = """
    Splitter {
        width: 1; height: 1fr;
        background: $background;
        & > .splitter--line { color: $rule; }
        & > .splitter--held { color: $emphasis; }
    }
    """

    class Moved(Message):
        """The panes beside it were resized."""

    def __init__(self, before: Widget, least: tuple[int, int], *, id: str | None = None) -> None:
        """`least` is the minimum width and height of either pane, in cells."""
        super().__init__(id=id)
        self._before = before
        self._least = least
        self._shares: dict[bool, float] = {}
        self._level = False
        self._held = False

    def on_resize(self, event: events.Resize) -> None:
        """After a change of orientation, apply the share chosen for it."""
        level = event.size.width > event.size.height
        if level != self._level:
            self._level = level
            self._before.styles.width = self._before.styles.height = None
            if level in self._shares:
                self._apply(self._shares[level])
            self.refresh()

    def move(self, cells: int) -> None:
        """Enlarge the pane before it by some cells; negative shrinks it."""
        self._place(self._extent(self._before.outer_size) + cells)

    def _place(self, extent: int) -> None:
        """Give the pane before it `extent` cells, within limits."""
        container = self.parent
        available = self._extent(container.size) if isinstance(container, Widget) else 0
        least = min(self._least[self._level], (available - 1) // 2)
        extent = max(least, min(extent, available - 1 - least))
        if available <= 2 or extent == self._extent(self._before.outer_size):
            return
        share = self._shares[self._level] = (extent + 0.5) / available
        self._apply(share)
        self.call_after_refresh(self.post_message, self.Moved())

    def _apply(self, share: float) -> None:
        percent = f"{100 * share:.4f}%"
        if self._level:
            self._before.styles.height = percent
        else:
            self._before.styles.width = percent

    def _extent(self, size: Size) -> int:
        return size.height if self._level else size.width

    # the mouse

    def on_mouse_down(self, event: events.MouseDown) -> None:
        event.stop()
        self._held = True
        self.capture_mouse()
        self.refresh()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        event.stop()
        self._held = False
        self.release_mouse()
        self.refresh()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._held:
            event.stop()
            region = self._before.region
            x, y = event.screen_offset
            self._place(y - region.y if self._level else x - region.x)

    def on_enter(self) -> None:
        self.refresh()

    def on_leave(self) -> None:
        self.refresh()

    def render_line(self, y: int) -> Strip:
        name = "splitter--held" if self._held or self.mouse_hover else "splitter--line"
        style = self.rich_style + self.get_component_rich_style(name, partial=True)
        return Strip([Segment("─" * self.size.width if self._level else "│", style)])
