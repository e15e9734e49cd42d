"""The files of one finding, largest first."""

from __future__ import annotations

from layerscope import text
from layerscope.analysis.findings.finding import Finding
from layerscope.tui.paint import RowPainter, fit_left
from layerscope.tui.pointing import Pointed
from layerscope.tui.session import Session
from layerscope.tui.widgets.line_list import LineList

SIZE = 9


class FindingFiles(LineList):
    """Paths with their sizes. Opening one shows it in the tree of a layer that has it."""

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._session = session
        self._finding: Finding | None = None

    def show_finding(self, finding: Finding | None) -> None:
        """Show the files of another finding."""
        if finding is not self._finding:
            self._finding = finding
            self.rows_changed()
            self.go_to(0)

    def row_count(self) -> int:
        return 0 if self._finding is None else len(self._finding.paths)

    def empty_text(self) -> str:
        return "" if self._finding is None else "This finding has no files."

    def pointed(self) -> Pointed | None:
        if self._finding is None or not self.row_count():
            return None
        return self._pointed(self._finding, int(self._finding.paths[self.cursor]))

    def _pointed(self, finding: Finding, path: int) -> Pointed | None:
        """The version of a path stored by a layer of the finding, otherwise its last one."""
        opened = self._session.opened
        if opened is None:
            return None
        filesystem = opened.filesystem
        rows = filesystem.rows_of(path)
        version = next(
            (row for row in range(rows.start, rows.stop) if filesystem.born[row] in finding.layers),
            rows.stop - 1,
        )
        # Added and deleted in one layer, it is never visible: the layer still shows its directory.
        last = max(int(filesystem.died[version]) - 1, int(filesystem.born[version]))
        return Pointed(path, version, min(last, filesystem.layer_count - 1))

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        opened = self._session.opened
        if opened is None or self._finding is None:
            return
        path = int(self._finding.paths[row])
        pointed = self._pointed(self._finding, path)
        size = 0 if pointed is None else int(opened.filesystem.stored[pointed.version])
        painter.add(f" {text.size(size):>{SIZE}}  ", self.style_of("quiet"))
        name = "/" + text.safe_name(opened.filesystem.table.full(path))
        painter.add(fit_left(name, max(width - SIZE - 3, 8)))
