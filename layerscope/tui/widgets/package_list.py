"""Packages of the final image, and directories with files of no package."""

from __future__ import annotations

from enum import StrEnum

from layerscope import text
from layerscope.analysis.packages.model import Package
from layerscope.analysis.packages.usage import PackageUsage, UnownedDirectory
from layerscope.tui.paint import RowPainter, bar, fit, fit_middle
from layerscope.tui.session import Session
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.pane import column_at

SIZE, BAR, FILES, MANAGER, LAYER = 9, 6, 8, 8, 6
_VERSION_FROM = 72
"""Minimum width for a column of versions."""

Row = Package | UnownedDirectory


class PackageSort(StrEnum):
    """How rows are ordered."""

    SIZE = "by size"
    NAME = "by name"
    MANAGER = "by manager"
    FILES = "by files"
    LAYER = "by layer"


class PackageList(LineList):
    """Packages and directories, largest first."""

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._session = session
        self.usage: PackageUsage | None = None
        self.sort = PackageSort.SIZE
        self._rows: list[Row] = []

    def show(self, usage: PackageUsage) -> None:
        """Show these packages and directories."""
        self.usage = usage
        self.order(self.sort)

    def order(self, sort: PackageSort) -> None:
        """Show the rows in another order; the cursor stays on its row."""
        self.sort = sort
        if self.usage is None:
            return
        selected = self.selected
        rows: list[Row] = [*self.usage.packages, *self.usage.directories]
        rows.sort(key=lambda row: -row.bytes)
        if sort is PackageSort.NAME:
            rows.sort(key=self._name_of)
        elif sort is PackageSort.MANAGER:
            rows.sort(key=_manager)
        elif sort is PackageSort.FILES:
            rows.sort(key=lambda row: -_files(row))
        elif sort is PackageSort.LAYER:
            rows.sort(key=_layer, reverse=True)
        self._rows = rows
        self.rows_changed()
        self.go_to(next((at for at, row in enumerate(rows) if row is selected), 0))

    @property
    def selected(self) -> Row | None:
        """The package or directory under the cursor."""
        return self._rows[self.cursor] if self.cursor < len(self._rows) else None

    def row_count(self) -> int:
        return len(self._rows)

    def empty_text(self) -> str:
        session = self._session
        if self.usage is not None:
            return "The final image has no files."
        if session.opened is not None and session.options.rules is None:
            return "Not searched for: the rules are switched off."
        return "Available once all layers are read."

    def _name_of(self, row: Row) -> str:
        """The name of a package, or the path of a directory; safe to show."""
        if isinstance(row, Package):
            return text.safe_name(row.name)
        opened = self._session.opened
        path = "" if opened is None else text.safe_name(opened.filesystem.table.full(row.path))
        return f"/{path}"

    def _layout(self, width: int) -> tuple[int, int]:
        """Widths of name and version."""
        room = max(width - 1 - SIZE - 1 - BAR - 1 - FILES - 2 - MANAGER - LAYER, 12)
        if width < _VERSION_FROM:
            return room, 0
        return room - room // 2, room // 2

    def column_titles(self) -> str:
        """Column titles."""
        name, version = self._layout(self.scrollable_content_region.width)
        size, files, package, manager, layer = (
            f"{title}{mark}" if self.sort is sort else title for title, mark, sort in _TITLES
        )
        return (
            f" {size:>{SIZE}} {fit('share', BAR)} {files:>{FILES}}  {fit(package, name)}"
            f"{fit('version', version)}{fit(manager, MANAGER)}{layer:>{LAYER}}"
        )

    def sort_at(self, x: int) -> PackageSort | None:
        """The order of the column at cell `x`."""
        name, version = self._layout(self.scrollable_content_region.width)
        return column_at(
            (
                (1 + SIZE + 1 + BAR, PackageSort.SIZE),
                (1 + FILES + 1, PackageSort.FILES),
                (1 + name + version, PackageSort.NAME),
                (MANAGER, PackageSort.MANAGER),
                (LAYER, PackageSort.LAYER),
            ),
            x,
        )

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        shown, usage = self._rows[row], self.usage
        if usage is None:
            return
        quiet = self.style_of("quiet")
        package = shown if isinstance(shown, Package) else None
        painter.add(f" {text.size(shown.bytes):>{SIZE}} ")
        painter.add(bar(shown.bytes / usage.live if usage.live else 0, BAR), self.style_of("bar"))
        painter.add(f" {_files(shown):>{FILES},}  ", quiet)
        name, version = self._layout(width)
        if package is None:
            words = self._name_of(shown)
            painter.add(f"{fit_middle(words, name + version - 1)} ", self.style_of("directory"))
            painter.add(fit("no package", MANAGER + LAYER), quiet)
            return
        painter.add(f"{fit(self._name_of(package), name - 1)} ", self.style_of("strong"))
        painter.add(fit(text.safe_name(package.version), version), quiet)
        painter.add(f"{fit(package.kind, MANAGER)}{package.layer:>{LAYER}}", quiet)

    def copyable(self) -> tuple[str, str] | None:
        selected = self.selected
        if isinstance(selected, Package):
            return f"{selected.name} {selected.version}", "the package"
        return None if selected is None else (self._name_of(selected), "the directory")


_TITLES = (
    ("size", " ▾", PackageSort.SIZE),
    ("files", " ▾", PackageSort.FILES),
    ("package", " ▴", PackageSort.NAME),
    ("manager", "▴", PackageSort.MANAGER),
    ("layer", "▾", PackageSort.LAYER),
)
"""Titles of the columns, the marks that show their direction, and the orders."""


def _files(row: Row) -> int:
    return row.files if isinstance(row, Package) else len(row.paths)


def _layer(row: Row) -> int:
    return row.layer if isinstance(row, Package) else -1  # files of no package come last


def _manager(row: Row) -> str:
    return row.kind if isinstance(row, Package) else "~"  # files of no package come last
