"""A list that paints only visible rows: as fast with a million rows as with ten."""

from __future__ import annotations

import math
import time
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.timer import Timer

from layerscope.tui.commands import bindings
from layerscope.tui.guard import Guarded
from layerscope.tui.paint import RowPainter, wrap
from layerscope.tui.pointing import Pointing, Pressable
from layerscope.tui.theme import thin_scrollbar

CACHED_ROWS = 512
"""Number of painted rows kept."""


class LineList(Guarded, Pointing, Pressable, ScrollView, can_focus=True):
    """Rows with a cursor. Subclasses return their number and paint one at a time."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = bindings("list")
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "row--cursor",
        "row--quiet",
        "row--waste",
        "row--bar",
        "row--added",
        "row--modified",
        "row--metadata",
        "row--removed",
        "row--directory",
        "row--strong",
        "row--match",
    }
    DEFAULT_CSS = """
    LineList {
        overflow-x: hidden;
        background: $background;
        scrollbar-corner-color: $background;
        & > .row--cursor { background: $cursor-blurred; }
        & > .row--quiet { color: $quiet; }
        & > .row--waste { color: $waste; }
        & > .row--bar { color: $bar; }
        & > .row--added { color: $added; }
        & > .row--modified { color: $modified; }
        & > .row--metadata { color: $metadata; }
        & > .row--removed { color: $removed; }
        & > .row--directory { color: $directory; }
        & > .row--strong { text-style: bold; }
        & > .row--match { color: $accent; text-style: bold underline; }
        &:focus > .row--cursor { background: $cursor; text-style: bold; }
        &:nocolor > .row--cursor { text-style: underline; }
        &:ansi > .row--cursor { text-style: underline; background: ansi_default; }
        &:nocolor:focus > .row--cursor { text-style: reverse; }
        &:ansi:focus > .row--cursor { text-style: reverse; background: ansi_default; }
    }
    """ + thin_scrollbar("LineList")

    cursor: var[int] = var(0)
    """Row under the cursor."""
    rest_seconds: ClassVar[float] = 0.12
    """Seconds without a move after which the cursor rests; longer than the interval at which a held key repeats."""

    class RowMessage(Message):
        """Something happened to a row."""

        def __init__(self, line_list: LineList, row: int) -> None:
            super().__init__()
            self.line_list = line_list
            self.row = row

        @property
        def control(self) -> LineList:
            return self.line_list

    class Highlighted(RowMessage):
        """The cursor moved to another row. While it keeps moving, only the first and the last row are announced."""

    class Opened(RowMessage):
        """The row under the cursor was opened, by Enter or a double click."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._painted: LRUCache[tuple[object, ...], Strip] = LRUCache(CACHED_ROWS)
        self._styles: dict[str, Style] = {}
        self._squeezed: tuple[int, int] | None = None
        """The first visible row before and after a lack of room moved it: a view that is being opened may have
        only a few lines for a moment."""
        self._moved_at = -math.inf
        """When the cursor moved last."""
        self._rest_timer: Timer | None = None
        """Timer until the cursor rests; None if its position was announced."""
        self._key = ""
        """The key that was pressed last."""

    # for subclasses

    def row_count(self) -> int:
        """How many rows there are."""
        raise NotImplementedError

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        """Paint one row, `width` cells wide."""
        raise NotImplementedError

    def empty_text(self) -> str:
        """The text shown when there are no rows; it may have several lines."""
        return ""

    # public

    def rows_changed(self) -> None:
        """Repaint all rows after they changed."""
        self._painted.clear()
        count = self.row_count()
        self._set_row_count(max(count, 1))
        if self.cursor >= count:
            self.cursor = max(count - 1, 0)
        self.refresh()

    def _set_row_count(self, count: int) -> None:
        """Make `count` rows scrollable. The layout is refreshed only if the scrollbar appears or disappears."""
        wanted = Size(self.scrollable_content_region.width, count)
        height = self.container_size.height
        scrolls = self.virtual_size.height > height
        if not (height and scrolls and count > height and self.show_vertical_scrollbar):
            self.virtual_size = wanted
        elif wanted != self.virtual_size:
            self.set_reactive(LineList.virtual_size, wanted)
            self.vertical_scrollbar.window_virtual_size = count
            self.scroll_to(y=min(self.scroll_y, self.max_scroll_y), animate=False, force=True)

    def go_to(self, row: int) -> None:
        """Move the cursor to a row and make it visible."""
        self.cursor = max(0, min(row, self.row_count() - 1))
        self._show_cursor()

    def style_of(self, name: str) -> Style:
        """Foreground of a component class, without background."""
        style = self._styles.get(name)
        if style is None:
            full = self.get_component_rich_style(f"row--{name}")
            style = self._styles[name] = Style(
                color=full.color,
                bold=full.bold,
                dim=full.dim,
                italic=full.italic,
                underline=full.underline,
            )
        return style

    # painting

    def render_line(self, y: int) -> Strip:
        row = y + self.scroll_offset.y
        width = self.scrollable_content_region.width
        count = self.row_count()
        if not count:
            paragraphs = self.empty_text().split("\n")
            lines = [line for words in paragraphs for line in wrap(words, width - 2)]
            line = f" {lines[y]}" if y < len(lines) else ""
            return self._line(line, width, self._base_style() + self.style_of("quiet"))
        if row >= count:
            return Strip.blank(width, self._base_style())
        at_cursor = row == self.cursor
        key = (row, width, at_cursor, at_cursor and self.has_focus)
        painted = self._painted.get(key)
        if painted is None:
            base = self._base_style()
            if at_cursor:
                base += self.get_component_rich_style("row--cursor")
            # Reversed rows lose their colours, which would become backgrounds.
            painter = RowPainter(base, plain=bool(base.reverse))
            try:
                self.paint_row(row, width, painter)
            except Exception as error:  # a failing row must not hide the others, or the dialog
                painter = RowPainter(base).add(" this row cannot be shown", self.style_of("waste"))
                self._report_error(error)
            painted = Strip(painter.segments).adjust_cell_length(width, base)
            self._painted[key] = painted
        return painted

    def _base_style(self) -> Style:
        """The widget's style, cached: Textual would compute it for each row."""
        style = self._styles.get("")
        if style is None:
            style = self._styles[""] = self.rich_style
        return style

    def _report_error(self, error: Exception) -> None:
        failed = getattr(self.app, "failed", None)
        if failed is None:
            raise error
        self.app.call_later(failed, error)

    def _line(self, text: str, width: int, style: Style) -> Strip:
        return Strip(RowPainter(style).add(text).segments).adjust_cell_length(width, style)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles.clear()
        self._painted.clear()

    def on_resize(self) -> None:
        self.rows_changed()
        top = self.scroll_offset.y
        if self._squeezed is not None and top == self._squeezed[1]:
            top = self._squeezed[0]
            self.scroll_to(y=top, animate=False, force=True, immediate=True)
        self._show_cursor()
        shown = self.scroll_offset.y
        self._squeezed = None if shown == top else (top, shown)

    def on_focus(self) -> None:
        self.refresh_row(self.cursor)

    def on_blur(self) -> None:
        self._announce_rest()
        self.refresh_row(self.cursor)

    def refresh_row(self, row: int) -> None:
        """Repaint one row if it is on screen."""
        line = row - self.scroll_offset.y
        if 0 <= line < self.size.height:
            self.refresh(Region(0, line, self.size.width, 1))

    # the cursor

    def watch_cursor(self, old: int, new: int) -> None:
        self.refresh_row(old)
        self.refresh_row(new)
        if self.is_mounted and self.row_count():
            self._announce_move()

    def _announce_move(self) -> None:
        """Announce the row under the cursor: immediately, or once a moving cursor rests."""
        now = time.monotonic()
        keeps_moving = now - self._moved_at < self.rest_seconds
        self._moved_at = now
        if not keeps_moving:
            self.post_message(self.Highlighted(self, self.cursor))
        elif self._rest_timer is None:
            self._rest_timer = self.set_timer(self.rest_seconds, self._announce_rest)
        else:
            self._rest_timer.reset()

    def _announce_rest(self) -> None:
        """Announce the position of the cursor, unless it was already announced."""
        if self._rest_timer is not None:
            self._rest_timer.stop()
            self._rest_timer = None
            self.post_message(self.Highlighted(self, self.cursor))

    def on_key(self, event: events.Key) -> None:
        """Announce the row before another key than the held one: it may act on what the panes show."""
        if event.key != self._key:
            self._key = event.key
            self._announce_rest()

    def _show_cursor(self) -> None:
        height = self.scrollable_content_region.height
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, force=True, immediate=True)
        elif height and self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, force=True, immediate=True)

    def action_move(self, by: int) -> None:
        self.go_to(self.cursor + by)

    def action_page(self, by: int) -> None:
        self.go_to(self.cursor + by * max(self.scrollable_content_region.height - 1, 1))

    def action_top(self) -> None:
        self.go_to(0)

    def action_bottom(self) -> None:
        self.go_to(self.row_count() - 1)

    def action_open(self) -> None:
        if self.row_count():
            self.post_message(self.Opened(self, self.cursor))

    def on_click(self, event: events.Click) -> None:
        row = event.y + self.scroll_offset.y
        if row >= self.row_count():
            return
        event.stop()
        self.go_to(row)
        self.clicked(event.x, event.chain)

    def clicked(self, x: int, chain: int) -> None:
        """A row was clicked at column `x`; `chain` is the number of consecutive clicks."""
        if chain == 2:
            self.action_open()
