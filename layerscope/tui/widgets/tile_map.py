"""The map: tiles by size, coloured by layer, with a cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msgspec import Struct
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.color import Color
from textual.message import Message
from textual.reactive import var
from textual.strip import Strip
from textual.widget import Widget

from layerscope import text
from layerscope.analysis.treemap import Box, Place, Tile, neighbour, tiles_of
from layerscope.filesystem.usage import Usage
from layerscope.tui.commands import bindings
from layerscope.tui.pointing import Pointed, Pointing
from layerscope.tui.theme import hues
from layerscope.tui.widgets.canvas import Canvas

FILL, LIT = 0.16, 0.34
"""Shares of a layer's colour in the background of its tiles, and of the selected tile."""


MIN_MIDDLE_CUT = 12
"""Minimum number of cells for cutting a file's name in the middle instead of at its end."""


class _Ink(Struct, frozen=True):
    """The styles of one tile."""

    line: Style
    name: Style
    words: Style
    ground: Style


class TileMap(Pointing, Widget, can_focus=True):
    """Draws a place of a `Usage` as tiles, which contain smaller ones. The cursor is on one of the outer tiles."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = bindings("map")
    DEFAULT_CSS = """
    TileMap { height: 1fr; width: 1fr; background: $background; }
    """

    cursor: var[int] = var(0)
    """The tile under the cursor."""

    class Highlighted(Message):
        """The cursor or the tiles changed."""

    class Opened(Message):
        """The tile under the cursor was opened, by Enter or a double click."""

        def __init__(self, tile: Tile) -> None:
            super().__init__()
            self.tile = tile

    class ParentRequested(Message):
        """Request to go to the parent directory."""

    class LayerMoved(Message):
        """Request to show another layer."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.usage: Usage | None = None
        self.place = Place()
        self.tiles: Sequence[Tile] = ()
        self.empty_message = ""
        """The text shown when there are no tiles."""
        self.ranks: dict[int, int] = {}
        """Colour rank by layer; layers without a rank share the quiet colour."""
        self._anchor = (0, 0)
        self._strips: list[Strip] | None = None

    @property
    def tile(self) -> Tile | None:
        """The tile under the cursor."""
        return self.tiles[self.cursor] if 0 <= self.cursor < len(self.tiles) else None

    points = True

    def pointed(self) -> Pointed | None:
        tile = self.tile
        if self.usage is None or tile is None or tile.merged:
            return None
        return Pointed.after(self.usage.filesystem, tile.path, self.usage.layer)

    def show(self, usage: Usage, place: Place, at: Place | None = None) -> None:
        """Show a place, with the cursor on the tile of `at`, otherwise on the largest."""
        self.usage, self.place = usage, place
        self._arrange(at)

    def _arrange(self, at: Place | None) -> None:
        if self.usage is None:
            return
        self.tiles = tiles_of(self.usage, self.place, Box(0, 0, self.size.width, self.size.height))
        targets = [tile.target for tile in self.tiles]
        self._select(targets.index(at) if at in targets else 0)

    def on_resize(self) -> None:
        self._arrange(None if self.tile is None else self.tile.target)

    # the cursor

    def _select(self, number: int, anchor: tuple[int, int] | None = None) -> None:
        self.cursor = number
        if self.tile is not None:
            self._anchor = anchor or self.tile.box.middle
        self.post_message(self.Highlighted())
        self.redraw()

    def action_step(self, x: int, y: int) -> None:
        """Move to the adjacent tile."""
        if self.tile is None:
            return
        number = neighbour(self.tiles, self.cursor, self._anchor, (x, y))
        if number != self.cursor:
            middle = self.tiles[number].box.middle
            # Only the coordinate along the move changes, so that moving back returns to the same tile.
            self._select(
                number, (middle[0] if x else self._anchor[0], middle[1] if y else self._anchor[1])
            )

    def action_open(self) -> None:
        if self.tile is not None:
            self.post_message(self.Opened(self.tile))

    def action_out(self) -> None:
        self.post_message(self.ParentRequested())

    def action_move_layer(self, by: int) -> None:
        self.post_message(self.LayerMoved(by))

    def on_click(self, event: events.Click) -> None:
        number = next(
            (number for number, tile in enumerate(self.tiles) if (event.x, event.y) in tile.box),
            None,
        )
        if number is None:
            return
        event.stop()
        self._select(number, (event.x, event.y))
        if event.chain == 2:
            self.action_open()

    # painting

    def redraw(self) -> None:
        """Redraw after tiles, cursor or colours changed."""
        self._strips = None
        self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips = None

    def on_focus(self) -> None:
        self.redraw()

    def on_blur(self) -> None:
        self.redraw()

    def render_line(self, y: int) -> Strip:
        if self._strips is None or (
            self._strips and self._strips[0].cell_length != self.size.width
        ):
            self._strips = self._draw()
        blank = Strip.blank(self.size.width, self.rich_style)
        return self._strips[y] if y < len(self._strips) else blank

    def _draw(self) -> list[Strip]:
        canvas = Canvas(self.size.width, self.size.height, self.rich_style)
        if not self.tiles:
            canvas.write(1, 0, self.empty_message, self.rich_style, self.size.width - 1)
        for number, tile in enumerate(self.tiles):
            self._draw_tile(canvas, tile, self.hue(tile.layer), at_cursor=number == self.cursor)
        return canvas.strips()

    def hue(self, layer: int) -> Color | None:
        """The colour of a layer; None if it shares the quiet colour."""
        rank = self.ranks.get(layer)
        known = hues(self.app.current_theme)
        return None if rank is None or rank >= len(known) else Color.parse(known[rank])

    def _ink(self, hue: Color | None, *, lit: bool, cursor: bool) -> _Ink:
        plain = self.rich_style
        variables = self.app.theme_variables
        line = Color.parse(variables["quiet"]) if hue is None else hue
        ground = plain
        flat = self.app.native_ansi_color or self.app.no_color
        if not flat:
            mixed = self.background_colors[1].blend(line, LIT if lit else FILL)
            ground = plain + Style(bgcolor=mixed.rich_color)
        edge = ground + Style(color=line.rich_color)
        if cursor:
            edge += Style(bold=True, reverse=flat and self.has_focus)
            name = ground + Style(bold=True, reverse=flat and self.has_focus)
            return _Ink(edge, name, ground, ground)
        return _Ink(edge, ground, ground, ground)

    def _draw_tile(
        self, canvas: Canvas, tile: Tile, hue: Color | None, *, at_cursor: bool, lit: bool = False
    ) -> None:
        ink = self._ink(hue, lit=lit or at_cursor, cursor=at_cursor)
        box = tile.box
        corner, across, down = "┏━┃" if at_cursor else "┌─│"
        canvas.fill(box.x, box.y, box.width, box.height, " ", ink.ground)
        canvas.fill(box.x, box.y, 1, box.height, down, ink.line)
        canvas.fill(box.x, box.y, box.width, 1, across, ink.line)
        canvas.write(box.x, box.y, corner, ink.line, 1)
        size_in_title = self._draw_title(canvas, tile, ink)
        if tile.inside:
            for inner in tile.inside:
                self._draw_tile(
                    canvas, inner, self.hue(inner.layer), at_cursor=False, lit=lit or at_cursor
                )
            return
        words = [self.share_of(tile), f"layer {tile.layer}"]
        if not size_in_title:
            words.insert(0, text.size(tile.bytes))
        for number, line in enumerate(_lines(words, box.width - 3, box.height - 1), 1):
            canvas.write(box.x + 2, box.y + number, line, ink.words, box.width - 3)

    def _draw_title(self, canvas: Canvas, tile: Tile, ink: _Ink) -> bool:
        """Draw the name, and the size if there is room; returns whether there was."""
        box = tile.box
        room = box.width - 3
        size = text.size(tile.bytes)
        directory = self.usage is not None and self.usage.is_directory(tile.path)
        name_style = ink.name + Style(bold=True) if directory and not tile.merged else ink.name
        name = self.name_of(tile)
        if not directory and not tile.merged and room >= MIN_MIDDLE_CUT:
            name = text.clip_middle(name, room - 1)
        took = canvas.write(box.x + 1, box.y, f" {name} ", name_style, room + 1)
        fits = took + len(size) + 2 <= room
        if fits:
            canvas.write(box.x + 1 + took, box.y, f"{size} ", ink.words, room)
        return fits

    def name_of(self, tile: Tile) -> str:
        """The name of a tile, safe for a terminal."""
        if self.usage is None:
            return ""
        if tile.merged:
            return f"{tile.merged:,} smaller"
        name = text.safe_name(self.usage.filesystem.table.name(tile.path))
        return f"{name}/" if self.usage.is_directory(tile.path) else name

    def share_of(self, tile: Tile) -> str:
        """A tile's share of the shown bytes."""
        return text.percent(tile.bytes, sum(each.bytes for each in self.tiles))


def _lines(words: Sequence[str], width: int, count: int) -> list[str]:
    """Texts on separate lines if there is room, otherwise joined on the last line; texts that do not fit are left out."""
    lines: list[str] = []
    for word in words:
        if len(word) > width:
            continue
        if len(lines) < count:
            lines.append(word)
        elif lines and len(lines[-1]) + 3 + len(word) <= width:
            lines[-1] += f" · {word}"
    return lines
