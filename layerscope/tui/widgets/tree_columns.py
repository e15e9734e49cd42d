"""The columns of the file tree: names, widths and texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from layerscope import text
from layerscope.browse.choices import Sort
from layerscope.tui.paint import bar, fit
from layerscope.tui.widgets.pane import column_at
from layerscope.words import Change

if TYPE_CHECKING:
    from layerscope.browse.rows import TreeRow

NAME_ROOM = 30
"""Minimum width of the names. Columns are dropped to keep it, the last of `PRIORITY` first."""
SIZE = 9
GLYPH = 3


class Column(Struct, frozen=True):
    """A column that can be chosen."""

    name: str
    """The name in the settings."""
    title: str
    help: str
    width: int
    """Cells, with the space before it."""
    style: str
    """Component class of its text."""
    words: Callable[[TreeRow], str]
    left: bool = True
    """Whether it is left of the size."""
    to_the_right: bool = False

    def cell(self, words: str) -> str:
        """A text in the width of this column."""
        room = self.width - 1
        if self.to_the_right:
            return f" {words:>{room}}"
        return f" {fit(words, room)}"


def _mode(entry: TreeRow) -> str:
    from layerscope.layers.index import KIND_LETTERS  # not before the first frame

    letter = KIND_LETTERS.get(entry.kind, "?")
    return text.mode_text(entry.mode, letter) if entry.known else f"{letter}{'?' * 9}"


def _owner(entry: TreeRow) -> str:
    return f"{entry.uid}:{entry.gid}" if entry.known else "?"


def _time(entry: TreeRow) -> str:
    return text.time_of(entry.mtime) if entry.known else "?"


def _share(entry: TreeRow) -> str:
    return bar(0.0 if entry.removed else entry.share, 8)


def _percent(entry: TreeRow) -> str:
    return "" if entry.removed else text.whole_percent(entry.share, 1)


COLUMNS: tuple[Column, ...] = (
    Column("mode", "mode", "type and permissions, as ls writes them", 11, "quiet", _mode),
    Column("owner", "owner", "user and group, by number", 12, "quiet", _owner),
    Column("mtime", "modified", "time of the last change, in UTC", 17, "quiet", _time),
    Column("layer", "layer", "the layer that last wrote it", 6, "quiet", lambda entry: str(entry.layer), to_the_right=True),
    Column("share", "share", "a bar: its part of the directory", 10, "bar", lambda entry: f" {_share(entry)}", left=False),
    Column("percent", "%", "its part of the directory, in percent", 6, "quiet", _percent, left=False, to_the_right=True),
)  # fmt: skip
PRIORITY = ("share", "percent", "layer", "mode", "owner", "mtime")
"""Columns in the order in which they are kept, most important first."""
_ORDERS = {
    "layer": Sort.LAYER,
    "size": Sort.SIZE,
    "share": Sort.SIZE,
    "percent": Sort.SIZE,
    "change": Sort.CHANGE,
}
"""The order of each sortable column, except the name."""
_MARKS = {Sort.SIZE: "▾", Sort.NAME: "▴", Sort.CHANGE: "▾", Sort.LAYER: "▾"}


def layout(width: int, chosen: Iterable[str]) -> tuple[Column, ...]:
    """The chosen columns that fit a tree of this width."""
    wanted = set(chosen)
    room = width - SIZE - 1 - GLYPH - NAME_ROOM
    fitting = set()
    for name in PRIORITY:
        column = next(column for column in COLUMNS if column.name == name)
        if name in wanted and column.width <= room:
            fitting.add(name)
            room -= column.width
        elif name in wanted:
            break
    return tuple(column for column in COLUMNS if column.name in fitting)


def name_column(columns: Sequence[Column]) -> int:
    """The cell at which arrows and names begin, before their indent."""
    return sum(column.width for column in columns) + SIZE + 1 + GLYPH


def sort_at(columns: Sequence[Column], x: int) -> Sort | None:
    """The order of the column at cell `x`; None if there is none."""
    widths = (
        *((column.width, column.name) for column in columns if column.left),
        (SIZE + 1, "size"),
        *((column.width, column.name) for column in columns if not column.left),
        (GLYPH, "change"),
    )
    column = column_at(widths, x)
    return Sort.NAME if column is None else _ORDERS.get(column)


def titles(columns: Sequence[Column], sort: Sort) -> str:
    """Column titles; the sorted column is marked."""
    mark = _MARKS[sort]

    def marked(title: str, its: Sort) -> str:
        return f"{title} {mark}" if sort is its else title

    left = "".join(column.cell(column.title) for column in columns if column.left)
    right = "".join(
        column.cell(f" {column.title}" if column.name == "share" else column.title)
        for column in columns
        if not column.left
    )
    change = f" {mark} " if sort is Sort.CHANGE else " " * GLYPH
    name = marked("name", Sort.NAME) if sort is not Sort.LAYER else f"name, by layer {mark}"
    return f"{left}{marked('size', Sort.SIZE):>{SIZE + 1}}{right}{change}  {name}"


def size_of(entry: TreeRow) -> int:
    """The bytes of a row: of the file, of all files below a directory, or of the deleted version."""
    if entry.change is Change.REMOVED:
        return entry.removed_bytes
    return entry.total_bytes if entry.is_directory else entry.own_bytes
