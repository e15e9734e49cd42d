"""The files of the item under the cursor of another list, largest first."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from layerscope import text
from layerscope.tui.paint import RowPainter, fit_left
from layerscope.tui.pointing import Pointed
from layerscope.tui.session import Session
from layerscope.tui.widgets.line_list import LineList

SIZE = 9


class PathList(LineList):
    """Paths with their sizes. Opening one shows it in the tree of a layer that has it."""

    points = True

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._session = session
        self._paths: NDArray[np.int32] = np.zeros(0, np.int32)
        self._layers: Collection[int] = ()
        self._empty_message = ""

    def show_paths(
        self, paths: NDArray[np.int32], layers: Collection[int] = (), empty_message: str = ""
    ) -> None:
        """Show paths, in the version that one of `layers` stores, otherwise in their last one."""
        if paths is not self._paths or empty_message != self._empty_message:
            self._paths, self._layers, self._empty_message = paths, layers, empty_message
            self.rows_changed()
            self.go_to(0)

    def row_count(self) -> int:
        return len(self._paths)

    def empty_text(self) -> str:
        return self._empty_message

    def pointed(self) -> Pointed | None:
        return self._pointed(int(self._paths[self.cursor])) if self.row_count() else None

    def _pointed(self, path: int) -> Pointed | None:
        """The version of a path that one of the layers stores, otherwise its last one."""
        opened = self._session.opened
        if opened is None:
            return None
        filesystem = opened.filesystem
        rows = filesystem.rows_of(path)
        version = next(
            (row for row in range(rows.start, rows.stop) if filesystem.born[row] in self._layers),
            rows.stop - 1,
        )
        # A path that one layer adds and deletes is never visible, but the layer shows its directory.
        last = max(int(filesystem.died[version]) - 1, int(filesystem.born[version]))
        return Pointed(path, version, min(last, filesystem.layer_count - 1))

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        opened = self._session.opened
        if opened is None:
            return
        path = int(self._paths[row])
        pointed = self._pointed(path)
        size = 0 if pointed is None else int(opened.filesystem.stored[pointed.version])
        painter.add(f" {text.size(size):>{SIZE}}  ", self.style_of("quiet"))
        name = "/" + text.safe_name(opened.filesystem.table.full(path))
        painter.add(fit_left(name, max(width - SIZE - 3, 8)))
