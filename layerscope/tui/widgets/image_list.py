"""The images to choose from, one per row: name, ID, age, platform, size and source."""

from __future__ import annotations

import datetime

from layerscope import text
from layerscope.tui.paint import RowPainter, fit, fit_middle
from layerscope.tui.picker_rows import PickerModel, Row
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.pane import column_at

WIDE = 110
"""Minimum width for whole IDs and platforms."""
AGE, SIZE = 10, 9
BOX = len("[ ] ")
"""Cells of a row's box and the space after it."""


def column_widths(width: int, longest_platform: int) -> tuple[int, int, int, int]:
    """Widths of name, ID, platform and source; long platforms take room from the source."""
    identifier, platform, place = (12, 14, 32) if width >= WIDE else (7, 8, 14)
    if width >= WIDE:
        more = min(max(longest_platform - platform, 0), 16)
        platform, place = platform + more, place - more
    name = max(width - BOX - identifier - platform - place - AGE - SIZE - 8, 12)
    return name, identifier, platform, place


def column_titles(width: int, longest_platform: int, sort: str = "") -> str:
    """Column titles for a list of this width; the sorted column is marked."""
    name, identifier, platform, place = column_widths(width, longest_platform)
    image, age, size = (f"{title} {mark}" if sort == its else title for title, mark, its in _TITLES)
    return (
        f" {' ' * BOX}{fit(image, name)} {fit('id', identifier)} {age:>{AGE}} "
        f"{fit('platform', platform)} {size:>{SIZE}}  {fit('where', place)}"
    )


_TITLES = (("image", "▴", "name"), ("age", "▴", "age"), ("size", "▾", "size"))
"""Titles of the sortable columns, the marks that show their direction, and the orders."""


def sort_at(width: int, longest_platform: int, x: int) -> str | None:
    """The order of the column at cell `x`; None if it has none."""
    name, identifier, platform, place = column_widths(width, longest_platform)
    widths = (
        (1 + BOX + name, "name"),
        (1 + identifier, ""),
        (1 + AGE, "age"),
        (1 + platform, ""),
        (1 + SIZE, "size"),
        (2 + place, ""),
    )
    return column_at(widths, x) or None


class ImageList(LineList):
    """Rows of a `PickerModel`."""

    class BoxClicked(LineList.RowMessage):
        """The box of the image under the cursor was clicked."""

    def __init__(
        self, model: PickerModel, now: datetime.datetime, *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self.model = model
        self.now = now
        self.looking = True
        """Whether the search is still running."""

    def row_count(self) -> int:
        return len(self.model.rows)

    def empty_text(self) -> str:
        if self.model.total:
            return f"No image matches {text.safe_name(self.model.search.strip())}"
        if self.looking:
            return "Looking for images…"
        return "No images here: start an engine, save an image into this folder, or try layerscope demo"  # fmt: skip

    def clicked(self, x: int, chain: int) -> None:
        if 1 <= x < BOX:
            self.post_message(self.BoxClicked(self, self.cursor))
        else:
            super().clicked(x, chain)

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        found = self.model.rows[row]
        image = found.image
        longest = self.model.longest_platform
        name, identifier, platform, place = column_widths(width, longest)
        quiet = self.style_of("quiet")
        marked = self.model.is_marked(found)
        painter.add(" [x] " if marked else " [ ] ", self.style_of("added") if marked else quiet)
        named = bool(image.tags) or found.saved
        painter.add(f"{fit_middle(found.name, name)} ", self.style_of("strong") if named else quiet)
        painter.add(fit(text.safe_name(image.id)[:identifier], identifier), quiet)
        painter.add(f" {fit_right(text.age_of(image.created, self.now), AGE)} ")
        words = found.platform if width >= WIDE else found.platform.removeprefix("linux/")
        painter.add(fit(words, platform), self.style_of("metadata"))
        size = "" if image.size is None else text.size(image.size)
        painter.add(f" {fit_right(size, SIZE)}  ")
        style = self.style_of("directory") if found.saved else quiet
        painter.add(fit_middle(place_words(found, width >= WIDE), place), style)


def place_words(row: Row, wide: bool) -> str:
    """The source of an image: its file, or the engines and stores that have it."""
    if row.saved:
        return text.safe_name(row.image.location)
    sources = ", ".join(row.sources)
    return f"{sources}  {text.safe_name(row.image.location)}" if wide else sources


def fit_right(words: str, width: int) -> str:
    """`words` in exactly `width` cells, aligned right."""
    return fit(words, width) if len(words) > width else words.rjust(width)
