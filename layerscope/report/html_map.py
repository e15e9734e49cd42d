"""Data of the pictures in the HTML report: the bar of all steps, and the treemap of the final image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layerscope.analysis.treemap import Box, Place, Tile, tiles_of
from layerscope.filesystem.usage import Usage
from layerscope.opening.opened import Opened
from layerscope.report.options import ReportOptions
from layerscope.report.rows import safe_path, step_rows
from layerscope.text import clip, count_of, percent, safe_name, size

HUES = 12
"""Layer colors: the classes `.l0` to `.l11` of the style sheet."""
MAP_SIZES = {"large": Box(0, 0, 148, 40), "small": Box(0, 0, 42, 46)}
"""Size of the map in cells, for wide screens and for phones."""
_CELL = (8, 16)
"""Pixels of a cell."""
_SEGMENTS = 400
_LEGEND = 12
_TITLE = 300


def hues(opened: Opened) -> list[int]:
    """The color of each layer; layers with content cycle through them, so that neighbors differ."""
    colors, used = [], 0
    for layer in opened.accounting.layers:
        colors.append(used % HUES)
        used += layer.stored > 0
    return colors


def stack(opened: Opened, options: ReportOptions) -> list[dict[str, object]]:
    """The stored bytes of each layer as parts of a bar of 1,000 units, with the wasted part below."""
    stored, colors, binary = opened.accounting.stored, hues(opened), options.binary_sizes
    parts: list[dict[str, object]] = []
    at = 0
    for row in step_rows(opened):
        layer = row.step.layer
        if layer is None or not row.stored or len(parts) >= _SEGMENTS:
            continue
        stored_title = f"{layer}  {size(row.stored, binary=binary)} ({percent(row.stored, stored)})  {row.text}"
        for style, amount, title in (
            (f"l{colors[layer]}", row.stored, clip(stored_title, _TITLE)),
            ("lost", row.wasted, f"{layer}  {size(row.wasted, binary=binary)} wasted"),
        ):
            if amount:
                parts.append(
                    {
                        "style": style,
                        "x": f"{1000 * at / stored:.2f}",
                        "width": f"{1000 * amount / stored:.2f}",
                        "wasted": style == "lost",
                        "title": title,
                    }
                )
        at += row.stored
    return parts


def maps(
    opened: Opened, options: ReportOptions
) -> Iterator[tuple[str, int, int, list[dict[str, object]]]]:
    """Name, width and height in pixels, and tiles of each map of the final image."""
    usage = Usage.of(opened.filesystem, len(opened.image.layers) - 1)
    colors = hues(opened)
    for name, room in MAP_SIZES.items():
        tiles: list[dict[str, object]] = []
        pending = list(reversed(tiles_of(usage, Place(), room)))
        while pending:
            tile = pending.pop()
            tiles.append(_tile(opened, usage, tile, colors, binary=options.binary_sizes))
            pending += reversed(tile.inside)
        yield name, room.width * _CELL[0], room.height * _CELL[1], tiles


def legend(opened: Opened) -> tuple[list[dict[str, object]], int]:
    """The layers with the most live bytes, and how many others there are."""
    usage, colors = Usage.of(opened.filesystem, len(opened.image.layers) - 1), hues(opened)
    live = usage.by_layer(0)
    largest = sorted(
        (layer for layer in range(len(live)) if live[layer]), key=lambda layer: -live[layer]
    )
    texts = {row.step.layer: row.text for row in step_rows(opened)}
    items: list[dict[str, object]] = [
        {
            "hue": colors[layer],
            "layer": layer,
            "bytes": int(live[layer]),
            "text": clip(texts[layer], 60),
        }
        for layer in largest[:_LEGEND]
    ]
    return items, len(largest) - len(items)


def _tile(
    opened: Opened, usage: Usage, tile: Tile, colors: Sequence[int], *, binary: bool
) -> dict[str, object]:
    box, amount = tile.box, size(tile.bytes, binary=binary)
    name, path = _names(opened, usage, tile)
    room = box.width - 1
    label, second = clip(name, room), ""
    if tile.inside and len(name) + len(amount) + 2 <= room:
        label = f"{name}  {amount}"
    elif not tile.inside and box.height > 1:
        second = clip(amount, room)
    return {
        "inside": bool(tile.inside),
        "title": clip(f"{path}  {amount}  layer {tile.layer}", _TITLE),
        "hue": colors[tile.layer],
        "x": box.x * _CELL[0],
        "y": box.y * _CELL[1],
        "width": box.width * _CELL[0],
        "height": box.height * _CELL[1],
        "label": label,
        "amount": second,
    }


def _names(opened: Opened, usage: Usage, tile: Tile) -> tuple[str, str]:
    """The label of a tile, and its path."""
    path = safe_path(opened, tile.path)
    if tile.merged:
        more = count_of(tile.merged, "more entry", "more entries")
        return f"+{tile.merged:,} more", f"{more} in {path}"
    name = safe_name(opened.filesystem.table.name(tile.path))
    return f"{name}/" if usage.is_directory(tile.path) else name, path
