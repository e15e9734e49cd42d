"""Tiles of the map fill the box, are legible, and have neighbours."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from layerscope.analysis.treemap import (
    MAX_DEPTH,
    MAX_TILES,
    MIN_HEIGHT,
    MIN_WIDTH,
    Box,
    Place,
    Tile,
    arrange,
    neighbour,
    tiles_of,
)
from layerscope.filesystem.usage import Usage
from tests.filesystem.stacking import stack
from tests.images import Member, directory, file

ROOM = Box(0, 0, 120, 40)


def usage(members: list[Member]) -> Usage:
    return Usage.of(stack([members]).filesystem, 0)


def names(found: Usage, tiles: tuple[Tile, ...]) -> list[str]:
    """The entries of tiles; `+N` for merged ones."""
    table = found.filesystem.table
    return [f"+{tile.merged}" if tile.merged else table.name(tile.path).decode() for tile in tiles]


@given(
    st.lists(st.integers(1, 10**9), min_size=1, max_size=MAX_TILES),
    st.integers(8, 200),
    st.integers(1, 60),
)
def test_boxes_fill_the_space(weights: list[int], width: int, height: int) -> None:
    """Every cell belongs to exactly one box."""
    room = Box(3, 5, width, height)
    boxes = arrange(weights, room)
    assert sum(box.width * box.height for box in boxes) == width * height
    for box in boxes:
        assert room.x <= box.x <= box.x + box.width <= room.x + width
        assert room.y <= box.y <= box.y + box.height <= room.y + height
        assert box.width >= 0 <= box.height


def test_areas_are_proportional_to_sizes() -> None:
    """Twice the bytes take twice the area."""
    boxes = arrange([400, 200, 200], Box(0, 0, 80, 20))
    assert [box.width * box.height for box in boxes] == [800, 400, 400]


def test_small_files_are_merged() -> None:
    """A thousand tiny files share one tile, which opens the largest of them."""
    tiny = [file(f"d/tiny{number:04}", b"x" * (10 + number % 7)) for number in range(1000)]
    found = usage([file("d/large", b"x" * 100_000), file("d/half", b"x" * 50_000), *tiny])
    place = Place(found.filesystem.table.find(b"d") or 0)
    tiles = tiles_of(found, place, ROOM)
    assert names(found, tiles)[:2] == ["large", "half"]
    rest = tiles[-1]
    shown = len(tiles) - 1
    assert rest.merged == 1002 - shown
    assert rest.skip == shown
    assert sum(tile.bytes for tile in tiles) == found.bytes[0]
    further = tiles_of(found, rest.target, ROOM)
    assert sum(tile.bytes for tile in further) == rest.bytes
    assert not {tile.path for tile in further if not tile.merged} & {
        tile.path for tile in tiles if not tile.merged
    }


def test_every_tile_is_legible() -> None:
    """No tile of an entry is too narrow or too low for a few letters."""
    for width, height in ((40, 10), (80, 20), (160, 44)):
        found = usage([file(f"f{n:03}", b"x" * (n * n + 1)) for n in range(200)])
        for tile in tiles_of(found, Place(), Box(0, 0, width, height)):
            assert tile.box.width >= MIN_WIDTH
            assert tile.box.height >= MIN_HEIGHT


def test_directories_show_their_entries() -> None:
    """Nested tiles need space, and their depth is limited."""
    found = usage([file("a/b/c/d/e", b"x" * 100), file("z", b"y" * 10)])
    depth, tiles = 0, tiles_of(found, Place(), ROOM)
    while tiles:
        depth, tiles = depth + 1, tiles[0].inside
    assert depth == MAX_DEPTH


def test_empty_paths_have_no_tiles() -> None:
    """Empty files and directories take no space."""
    found = usage([file("a"), directory("b")])
    assert tiles_of(found, Place(), ROOM) == ()
    assert tiles_of(found, Place(), Box(0, 0, 0, 0)) == ()


def test_arrows_go_to_the_neighbour_and_back() -> None:
    """The height is kept; at the edge the tile stays selected."""
    boxes = [Box(0, 0, 10, 10), Box(10, 0, 10, 4), Box(10, 4, 10, 6)]
    tiles = [Tile(box, number, 1, 0) for number, box in enumerate(boxes)]
    assert neighbour(tiles, 0, (5, 2), (1, 0)) == 1
    assert neighbour(tiles, 0, (5, 5), (1, 0)) == 2
    assert neighbour(tiles, 1, (14, 2), (0, 1)) == 2
    assert neighbour(tiles, 2, (14, 6), (-1, 0)) == 0
    assert neighbour(tiles, 2, (14, 6), (1, 0)) == 2
