"""The state of the explorer of many images: the fleet, once it is read, and what the user looks at."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct, field

from layerscope.errors import LayerscopeError
from layerscope.fleet.fleet import Fleet
from layerscope.fleet.run import Watch
from layerscope.progress import Progress
from layerscope.report.fleet_rows import PERIODS, FleetTables
from layerscope.report.fleet_table import FleetTable

Reader = Callable[[Progress, Watch], Fleet]
"""Reads the fleet, in other processes. Raises `LayerscopeError` and `CancelledError`."""


class Section(Struct, frozen=True):
    """A tab of the explorer: a table, or several with different groups of the same data."""

    title: str
    tables: Mapping[str, str]
    """The word for a row, by the name of the table."""


SECTIONS: dict[str, Section] = {
    "images": Section("Images", {"images": "image", "repositories": "repository"}),
    "layers": Section("Layers", {"layers": "layer"}),
    "findings": Section("Findings", {"rules": "rule", "lines": "Dockerfile line"}),
    "bases": Section("Bases", {"bases": "version"}),
    "duplicates": Section("Duplicates", {"builds": "layer", "duplicates": "file"}),
    "packages": Section("Packages", {"packages": "package"}),
    "growth": Section("Growth", {name: word for name, (word, _) in PERIODS.items()}),
    "failed": Section("Failed", {"failures": "image"}),
}
"""All tabs in order; their names are those of the commands that open them."""
NOTHING = {
    "rules": "No rule finds anything.",
    "bases": "No base image is known.",
    "builds": "No layer is stored again under another digest.",
    "duplicates": "No file is stored in several layers.",
    "packages": "No package is installed.",
    "repositories": "No repository has several images.",
    "failures": "All images were read completely.",
}
"""Texts of tables without rows."""


class TableState(Struct):
    """Order, filter and cursor of a table."""

    column: int | None = None
    """The column by which rows are sorted; None for the original order."""
    reverse: bool = False
    search: str = ""
    """Text that rows contain, ignoring case."""
    row: object = None
    """The subject (`FleetRow.about`) of the row under the cursor."""


class FleetState(Struct):
    """A fleet and what the user looks at. It is kept while one of the images is explored."""

    read: Reader
    tables: FleetTables | None = None
    """None until the fleet is read."""
    by_name: dict[str, FleetTable] = field(default_factory=dict)
    section: str = next(iter(SECTIONS))
    shown: dict[str, str] = field(default_factory=dict)
    """The table that each section shows; missing for its first one."""
    states: dict[str, TableState] = field(default_factory=dict)
    open_error: LayerscopeError | None = None
    """Why the last chosen image could not be opened."""

    def take(self, tables: FleetTables, by_name: dict[str, FleetTable]) -> None:
        """Set the fleet, once it is read. If no image could be read, the reasons are shown first."""
        self.tables, self.by_name = tables, by_name
        if by_name["failures"].rows and not by_name["images"].rows:
            self.section = "failed"
        days, most = by_name["days"].rows, 31
        if len(days) > most:
            self.shown["growth"] = "months" if len(by_name["months"].rows) <= most else "years"

    def table_name(self, section: str) -> str:
        """The name of the table that a section shows."""
        return self.shown.get(section) or next(iter(SECTIONS[section].tables))

    def state(self, table: str) -> TableState:
        """Order, filter and cursor of a table."""
        return self.states.setdefault(table, TableState())


def all_tables(tables: FleetTables) -> dict[str, FleetTable]:
    """All tables by name."""
    return {
        "images": tables.images(),
        "repositories": tables.repositories(),
        "layers": tables.layers(),
        "rules": tables.rules(),
        "lines": tables.lines(),
        "bases": tables.bases(),
        "builds": tables.builds(),
        "duplicates": tables.duplicates(),
        "packages": tables.packages(),
        **{period: tables.growth(period) for period in PERIODS},
        "failures": tables.failures(),
    }
