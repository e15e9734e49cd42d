"""Pictures of the HTML report: all steps as one bar, and what takes the room in the final image as tiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layerscope.analysis.treemap import Box, Place, Tile, tiles_of
from layerscope.filesystem.usage import Usage
from layerscope.opening.open import Opened
from layerscope.report.html_parts import dot, escaped, hues, section
from layerscope.report.options import ReportOptions
from layerscope.report.rows import safe_path, step_rows
from layerscope.text import clip, count_of, percent, safe_name, size

ROOMS = {"large": Box(0, 0, 148, 40), "small": Box(0, 0, 42, 46)}
"""Tiles are laid out in cells, twice: for wide screens and for telephones."""
_CELL = (8, 16)
"""Pixels of a cell."""
_SEGMENTS = 400
_LEGEND = 12
_TITLE = 300


def stack(opened: Opened, options: ReportOptions) -> str:
    """What each layer stores, side by side."""
    stored, colors = opened.accounting.stored, hues(opened)
    if not stored:
        return ""
    parts: list[str] = []
    at = 0
    for row in step_rows(opened):
        layer = row.step.layer
        if layer is None or not row.stored or len(parts) >= _SEGMENTS:
            continue
        told = f"{layer}  {size(row.stored, binary=options.binary_sizes)} ({percent(row.stored, stored)})  {row.text}"
        parts.append(
            f'<rect class="l{colors[layer]}" x="{1000 * at / stored:.2f}" width="{1000 * row.stored / stored:.2f}"'
            f' height="30"><title>{escaped(clip(told, _TITLE))}</title></rect>'
        )
        if row.wasted:
            parts.append(
                f'<rect class="lost" x="{1000 * at / stored:.2f}" width="{1000 * row.wasted / stored:.2f}"'
                f' y="22" height="8"><title>{escaped(f"{layer}  {size(row.wasted, binary=options.binary_sizes)} wasted")}</title></rect>'
            )
        at += row.stored
    return (
        '<svg class="stack" viewBox="0 0 1000 30" preserveAspectRatio="none" role="img" '
        f'aria-label="What each layer stores, and below it what is wasted">{"".join(parts)}</svg>'
    )


def map_section(opened: Opened, options: ReportOptions) -> str:
    """The final image, coloured by layer, with a legend; empty for an image without content."""
    last = len(opened.image.layers) - 1
    if last < 0 or not opened.accounting.live:
        return ""
    usage, colors = Usage.of(opened.filesystem, last), hues(opened)
    maps = [
        _map(name, room, _Painter(opened, usage, colors, options.binary_sizes))
        for name, room in ROOMS.items()
    ]
    note = f"{size(opened.accounting.live, binary=options.binary_sizes)} in the final image, coloured by layer"
    told = '<p id="pointed">Point at a tile.</p>'
    return section("Map", note, "\n".join([*maps, told, _legend(opened, usage, colors, options)]))


def _map(name: str, room: Box, painter: _Painter) -> str:
    width, height = room.width * _CELL[0], room.height * _CELL[1]
    tiles = painter.tiles(tiles_of(painter.usage, Place(), room))
    return (
        f'<svg class="map {name}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="What takes the room">\n{chr(10).join(tiles)}\n</svg>'
    )


def _legend(opened: Opened, usage: Usage, colors: Sequence[int], options: ReportOptions) -> str:
    """The layers that hold most of what is shown."""
    live = usage.by_layer(0)
    largest = sorted((layer for layer in range(len(live)) if live[layer]), key=lambda layer: -live[layer])  # fmt: skip
    texts = {row.step.layer: row.text for row in step_rows(opened)}
    items = [
        f"<li>{dot(colors[layer])}{layer} · {escaped(size(int(live[layer]), binary=options.binary_sizes))} "
        f"<code>{escaped(clip(texts[layer], 60))}</code></li>"
        for layer in largest[:_LEGEND]
    ]
    more = len(largest) - _LEGEND
    items += [f"<li>… and {count_of(more, 'more layer')}</li>"] if more > 0 else []
    return f'<ul class="legend">{"".join(items)}</ul>'


class _Painter:
    """Draws tiles as groups of an SVG."""

    def __init__(self, opened: Opened, usage: Usage, colors: Sequence[int], binary: bool) -> None:
        self.usage = usage
        self._opened, self._colors, self._binary = opened, colors, binary

    def tiles(self, tiles: Sequence[Tile]) -> Iterator[str]:
        """Each tile, then what is in it."""
        waiting = list(reversed(tiles))
        while waiting:
            tile = waiting.pop()
            yield self._tile(tile)
            waiting += reversed(tile.inside)

    def _tile(self, tile: Tile) -> str:
        box, amount = tile.box, size(tile.bytes, binary=self._binary)
        name, path = self._names(tile)
        x, y = box.x * _CELL[0], box.y * _CELL[1]
        told = f"{path}  {amount}  layer {tile.layer}"
        room = box.width - 1
        label = [f'<text x="{x + 5}" y="{y + 13}">{escaped(clip(name, room))}</text>']
        if tile.inside and len(name) + len(amount) + 2 <= room:
            shown = f"{name}  {amount}"
            label = [f'<text x="{x + 5}" y="{y + 13}">{escaped(shown)}</text>']
        elif not tile.inside and box.height > 1:
            label.append(f'<text class="amount" x="{x + 5}" y="{y + 28}">{escaped(clip(amount, room))}</text>')  # fmt: skip
        kind = ' class="dir"' if tile.inside else ""
        return (
            f"<g{kind}><title>{escaped(clip(told, _TITLE))}</title>"
            f'<rect class="l{self._colors[tile.layer]}" x="{x}" y="{y}" width="{box.width * _CELL[0]}" '
            f'height="{box.height * _CELL[1]}"/>{"".join(label)}</g>'
        )

    def _names(self, tile: Tile) -> tuple[str, str]:
        """The label of a tile, and its path."""
        path = safe_path(self._opened, tile.path)
        if tile.merged:
            return f"+{tile.merged:,} more", f"{count_of(tile.merged, 'more entry', 'more entries')} in {path}"  # fmt: skip
        name = safe_name(self._opened.filesystem.table.name(tile.path))
        return f"{name}/" if self.usage.is_directory(tile.path) else name, path
