"""Layout of a treemap in terminal cells, and navigation between its tiles."""

from __future__ import annotations

import math
from collections.abc import Sequence

import squarify
from msgspec import Struct

from layerscope.filesystem.usage import Usage, largest

MIN_WIDTH, MIN_HEIGHT = 8, 2
"""Minimum cells of a tile with a readable name."""
MIN_AREA = 24
"""Minimum cells of a tile; smaller entries are merged."""
MAX_TILES = 40
"""Maximum tiles of one directory."""
ALWAYS_SHOWN = (6, 2)
"""The largest entries that always get a tile, however small: of the place shown, and of directories inside it."""
EMPHASES = (1, 2, 4)
"""How many times the minimum area these tiles may get, until they are readable."""
MIN_INNER_WIDTH, MIN_INNER_HEIGHT = 22, 6
"""Minimum cells of a directory that shows its entries."""
MAX_DEPTH = 3
ASPECT = 2
"""Height of a cell / its width."""


class Box(Struct, frozen=True):
    """A rectangle of cells."""

    x: int
    y: int
    width: int
    height: int

    def __contains__(self, point: tuple[int, int]) -> bool:
        return (
            self.x <= point[0] < self.x + self.width and self.y <= point[1] < self.y + self.height
        )

    @property
    def middle(self) -> tuple[int, int]:
        """The cell in the middle."""
        return self.x + (self.width - 1) // 2, self.y + (self.height - 1) // 2


class Place(Struct, frozen=True):
    """The content of a map: a directory, or its entries without the largest ones."""

    path: int = 0
    skip: int = 0
    """How many of its largest entries are left out."""


class Tile(Struct, frozen=True):
    """A file, a directory, or all entries that are too small for separate tiles."""

    box: Box
    path: int
    """The path of the entry; for merged entries, the directory that contains them."""
    bytes: int
    """Content bytes of all its entries."""
    layer: int
    """The layer that stored most of them."""
    merged: int = 0
    """Number of merged entries; 0 for a single entry."""
    skip: int = 0
    """Number of larger entries that have separate tiles or are left out."""
    inside: tuple[Tile, ...] = ()
    """The tiles of a directory's entries."""

    @property
    def target(self) -> Place:
        """The place to show when the tile is opened."""
        return Place(self.path, self.skip if self.merged else 0)


def tiles_of(usage: Usage, place: Place, box: Box, depth: int = 1) -> tuple[Tile, ...]:
    """The tiles of a place, largest first, that fill a box; none if it has no bytes."""
    children = usage.children(place.path)
    sizes = usage.bytes[children]
    first = largest(sizes, place.skip + MAX_TILES)[place.skip :]
    first = first[sizes[first] > 0]
    if not len(first) or box.width < MIN_WIDTH or box.height < 1:
        return ()
    skipped = largest(sizes, place.skip)
    count = int(len(children) - len(skipped))
    total = int(sizes.sum() - sizes[skipped].sum())
    always = ALWAYS_SHOWN[depth > 1]
    shown, boxes = _fit([int(sizes[at]) for at in first], total, count, always, box)
    tiles = [
        _tile(usage, int(children[at]), boxes[number], depth)
        for number, at in enumerate(first[:shown])
    ]
    if len(boxes) > shown:
        tiled = sum(int(sizes[at]) for at in first[:shown])
        layers = usage.by_layer(place.path)
        for path in (*children[skipped], *children[first[:shown]]):
            layers = layers - usage.by_layer(int(path))
        tiles.append(
            Tile(
                boxes[shown],
                place.path,
                total - tiled,
                int(layers.argmax()),
                merged=count - shown,
                skip=place.skip + shown,
            )
        )
    return tuple(tiles)


def _tile(usage: Usage, path: int, box: Box, depth: int) -> Tile:
    inside: tuple[Tile, ...] = ()
    roomy = box.width >= MIN_INNER_WIDTH and box.height >= MIN_INNER_HEIGHT
    if roomy and depth < MAX_DEPTH and usage.is_directory(path):
        body = Box(box.x + 1, box.y + 1, box.width - 1, box.height - 1)
        inside = tiles_of(usage, Place(path), body, depth + 1)
    return Tile(box, path, int(usage.bytes[path]), usage.main_layer(path), inside=inside)


def _fit(
    sizes: Sequence[int], total: int, count: int, always: int, box: Box
) -> tuple[int, list[Box]]:
    """How many of the largest entries get a tile, at least `always`; and the boxes: theirs, and one for all other entries with
    bytes.
    """
    area = box.width * box.height
    least = total * MIN_AREA / area
    shown = sum(size >= least for size in sizes)
    always = min(len(sizes), always, max(area // (2 * MIN_AREA), 1))
    boxes: list[Box] = []
    for emphasis in EMPHASES:
        number = max(shown, always)
        while number >= always:
            weights = [max(size, least * emphasis) for size in sizes[:number]]
            rest = total - sum(sizes[:number])
            if rest and number < count:
                weights.append(max(rest, least * emphasis))
            boxes = arrange(weights, box)
            illegible = next((at for at, each in enumerate(boxes) if not _is_legible(each)), None)
            if illegible is None:
                return number, boxes
            number = min(number - 1, max(illegible, always))
    return always, boxes


def _is_legible(box: Box) -> bool:
    return box.width >= MIN_WIDTH and box.height >= MIN_HEIGHT


def arrange(weights: Sequence[float], box: Box) -> list[Box]:
    """Boxes with areas proportional to the weights, as square as possible, that fill `box`; in the order of the weights."""
    order = sorted(range(len(weights)), key=lambda number: -weights[number])
    width, height = float(box.width), float(box.height * ASPECT)
    sizes = squarify.normalize_sizes([weights[number] for number in order], width, height)
    boxes = [box] * len(weights)
    for number, rectangle in zip(order, squarify.squarify(sizes, 0, 0, width, height), strict=True):
        left, right = _cell(rectangle["x"]), _cell(rectangle["x"] + rectangle["dx"])
        top = _cell(rectangle["y"] / ASPECT)
        bottom = _cell((rectangle["y"] + rectangle["dy"]) / ASPECT)
        boxes[number] = Box(box.x + left, box.y + top, right - left, bottom - top)
    return boxes


def _cell(edge: float) -> int:
    """The cell edge nearest to `edge`; equal for edges that differ only by rounding errors."""
    return math.floor(edge + 0.5 + 1e-6)


def neighbour(
    tiles: Sequence[Tile], current: int, anchor: tuple[int, int], step: tuple[int, int]
) -> int:
    """The next tile from `current` in the direction `step`, at the row or column of `anchor`.

    The current one if there is none.
    """
    box = tiles[current].box
    x = {-1: box.x - 1, 0: anchor[0], 1: box.x + box.width}[step[0]]
    y = {-1: box.y - 1, 0: anchor[1], 1: box.y + box.height}[step[1]]
    return next((number for number, tile in enumerate(tiles) if (x, y) in tile.box), current)
