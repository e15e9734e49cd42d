"""The matches of a search, best first: each path with its last change and layer."""

from __future__ import annotations

import numpy as np

from layerscope import text
from layerscope.browse.last_changes import LastChanges
from layerscope.browse.search import Found, Query
from layerscope.image.summary import one_line
from layerscope.layers.index import Kind
from layerscope.tui.paint import RowPainter, fit, fit_left
from layerscope.tui.pointing import Pointed
from layerscope.tui.session import Session
from layerscope.tui.widgets.line_list import LineList
from layerscope.words import Change

SIZE = 9
NOTHING = Found(np.zeros(0, np.int32), 0)


def column_titles(width: int) -> str:
    """Column titles for a list of this width."""
    label = _label_width(width)
    title = "last changed in" if label > 15 else "#"
    return f"   {'size':>{SIZE}}  {fit('path', _path_width(width))} {fit(title, label)}"


def _label_width(width: int) -> int:
    """Cells for a layer: its number, and its instruction if there is room."""
    return 3 if width < 100 else min((width - 70) // 2 + 4, 40)


def _path_width(width: int) -> int:
    return max(width - 3 - SIZE - 2 - 1 - _label_width(width), 8)


class MatchList(LineList):
    """Paths that a search found."""

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._session = session
        self._last_changes: LastChanges | None = None
        self._query = Query()
        self.found = NOTHING
        self.nothing = ""
        """The text shown while there are no matches."""

    def show(self, query: Query, found: Found, last_changes: LastChanges | None) -> None:
        """Show the matches of a query, with the cursor on the best."""
        self._query, self.found, self._last_changes = query, found, last_changes
        self.cursor = 0
        self.rows_changed()
        self.scroll_home(animate=False)

    @property
    def path(self) -> int | None:
        """The path under the cursor."""
        return int(self.found.paths[self.cursor]) if self.row_count() else None

    def row_count(self) -> int:
        return len(self.found.paths)

    points = True

    def pointed(self) -> Pointed | None:
        opened, path = self._session.opened, self.path
        if opened is None or path is None or self._last_changes is None:
            return None
        return Pointed.at(opened.filesystem, self._last_changes.version(path))

    def empty_text(self) -> str:
        return self.nothing

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        opened, path = self._session.opened, int(self.found.paths[row])
        if opened is None or self._last_changes is None:
            return
        ending = self._last_changes.of(path)
        change = ending.change
        gone = change in (Change.REMOVED, None)
        style = self.style_of("removed" if gone else change.name.lower() if change else "quiet")
        painter.add(f" {'×' if change is None else change.glyph} ", style)
        size = "" if ending.bytes is None else text.size(ending.bytes)
        painter.add(f"{size:>{SIZE}}  ", self.style_of("removed") if gone else None)
        raw = opened.filesystem.table.full(path)
        self._paint_path(raw, _path_width(width), ending.kind is Kind.DIRECTORY, painter)
        label = _label_width(width)
        where = self._label(ending.layer) if label > 15 else str(ending.layer)
        painter.add(f" {fit(where, label)}", self.style_of("quiet"))

    def _paint_path(self, raw: bytes, width: int, directory: bool, painter: RowPainter) -> None:
        """Paint a path, cut at its front, with the match highlighted."""
        name = "/" + text.safe_name(raw)
        shown = fit_left(name, width)
        plain = self.style_of("directory") if directory else None
        places: list[int] = []
        if name.isascii() and len(name) == len(raw) + 1:
            hidden = max(len(name) - width, 0)
            places = [
                place - hidden
                for place in self._query.positions(b"/" + raw.lower())
                if place > hidden or not hidden
            ]
        hit, done = self.style_of("match"), 0
        for place in places:
            painter.add(shown[done:place], plain)
            painter.add(shown[place], hit)
            done = place + 1
        painter.add(shown[done:], plain)

    def _label(self, layer: int) -> str:
        image = self._session.image
        return f"{layer} {text.safe_name(one_line(image.steps[image.layers[layer].step]))}"
