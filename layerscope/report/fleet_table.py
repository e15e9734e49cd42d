"""A table of a fleet: its columns and rows. All texts are safe to show."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from layerscope.fleet.messages import Failure

Cell = tuple[str, object, str]
"""Kind, value and text. Kinds are number, which is sorted by its value, word, text, code and path."""


class Column(Struct, frozen=True):
    """A column of a table."""

    title: str
    number: bool = False
    short: str = ""
    """Its title in a terminal; empty if that is the same."""
    grow: int = 0
    """Its share of the width left by the other columns; 0 if it is as wide as its cells."""
    spare: int = 0
    """Columns with the largest number are left out first if there is not enough room; 0 for never."""
    rising: bool = False
    """Whether the smallest number comes first if rows are sorted by it."""

    @property
    def brief(self) -> str:
        """Its title in a terminal."""
        return self.short or self.title


class FleetRow(Struct, frozen=True):
    """A row of a table."""

    cells: Sequence[Cell]
    about: object
    """The answer that it shows, or the number of an image."""


class FailedImage(Struct, frozen=True):
    """An image that could not be read completely, and why."""

    image: int
    failure: Failure


class FleetTable(Struct, frozen=True):
    """An answer as a table."""

    title: str
    note: str
    columns: Sequence[Column]
    rows: Sequence[FleetRow]
    noun: str
    """What a row is."""
    nouns: str | None = None
    """Its plural, if irregular."""
    more: int = 0
    """Number of rows that are left out of `rows`."""
    order: int | None = None
    """The column by which rows are sorted, largest first; None if they are sorted otherwise."""
