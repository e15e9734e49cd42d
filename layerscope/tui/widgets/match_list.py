"""The matches of a search: versions of paths, with size, layer and state."""

from __future__ import annotations

from layerscope import text
from layerscope.browse.filters import Filter
from layerscope.browse.search import NO_RESULT, Order, PathSearch, SearchResult, highlights
from layerscope.browse.version_states import State, state_of
from layerscope.layers.index import Kind
from layerscope.tui.paint import RowPainter, fit, fit_left
from layerscope.tui.pointing import Pointed
from layerscope.tui.session import Session
from layerscope.tui.waste_words import step_label, step_of
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.pane import column_at

SIZE, STATE = 9, 15
NUMBER_WIDTH = 5
"""Cells of the layer's number."""
INSTRUCTION_FROM = 110
"""Minimum width for the instructions of layers."""
_STYLES = {State.LIVE: "quiet", State.REMOVED: "removed", State.REPLACED: "modified"}


def column_titles(width: int, order: Order) -> str:
    """Column titles for a list of this width; the sorted column is marked."""
    size = f"size{' ▾' if order is Order.SIZE else ''}"
    path = f"path{' ▴' if order is Order.NAME else ''}"
    layer = f"layer{'▾' if order is Order.LAYER else ''}"
    return (
        f" {size:>{SIZE}}  {fit(path, _path_width(width))} {fit(layer, _layer_width(width) + 1)} "
        f"{fit('state', STATE)}"
    )


def order_at(width: int, x: int) -> Order | None:
    """The order of the column at cell `x`; None if it has none."""
    return column_at(
        (
            (1 + SIZE + 1, Order.SIZE),
            (1 + _path_width(width), Order.NAME),
            (1 + _layer_width(width) + 1, Order.LAYER),
        ),
        x,
    )


def _layer_width(width: int) -> int:
    """Cells for a layer: its number, and its instruction if there is room."""
    return NUMBER_WIDTH if width < INSTRUCTION_FROM else min((width - 70) // 2, 40)


def _path_width(width: int) -> int:
    return max(width - SIZE - _layer_width(width) - STATE - 7, 8)


class MatchList(LineList):
    """Versions that a search found."""

    points = True

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._session = session
        self._search: PathSearch | None = None
        self._filter = Filter("", ())
        self.result = NO_RESULT
        self.empty_message = ""
        """The text shown while there are no matches."""

    def show(self, filter: Filter, result: SearchResult, search: PathSearch | None) -> None:
        """Show a result, with the cursor on the first match."""
        self._filter, self.result, self._search = filter, result, search
        self.cursor = 0
        self.rows_changed()
        self.scroll_home(animate=False)

    @property
    def version(self) -> int | None:
        """The version under the cursor."""
        return int(self.result.rows[self.cursor]) if self.row_count() else None

    def row_count(self) -> int:
        return len(self.result.rows)

    def pointed(self) -> Pointed | None:
        version = self.version
        if version is None or self._search is None:
            return None
        return Pointed.at(self._search.filesystem, version)

    def empty_text(self) -> str:
        return self.empty_message

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        search = self._search
        if search is None:
            return
        filesystem, version = search.filesystem, int(self.result.rows[row])
        state, path = state_of(filesystem, version), int(filesystem.paths[version])
        directory = filesystem.kinds[version] == Kind.DIRECTORY
        style = self.style_of(_STYLES[state])
        painter.add(
            f" {text.size(search.size(version)):>{SIZE}}  ",
            None if state is State.LIVE else style,
        )
        self._paint_path(filesystem.table.full(path), _path_width(width), directory, painter)
        words = "live" if state is State.LIVE else f"{state.value} in {filesystem.died[version]}"
        layer, room = filesystem.layer_of(version), _layer_width(width)
        if directory:
            stored = [
                f"{number}: {text.size(size)}" for number, size in search.below.by_layer(path)
            ]
            state_words = [] if state is State.LIVE else [words]
            words = " · ".join([*state_words, ", ".join(stored or [f"{layer}: {text.size(0)}"])])
            painter.add(f" {fit(words, room + 2 + STATE)}", style)
            return
        label = str(layer)
        if room != NUMBER_WIDTH:
            label = step_label(step_of(self._session.image, layer), layer)
        painter.add(f" {fit(label, room)}", self.style_of("quiet"))
        painter.add(f"  {fit(words, STATE)}", style)

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
                for place in highlights(self._filter, b"/" + raw.lower())
                if place > hidden or not hidden
            ]
        match_style, painted = self.style_of("match"), 0
        for place in places:
            painter.add(shown[painted:place], plain)
            painter.add(shown[place], match_style)
            painted = place + 1
        painter.add(shown[painted:], plain)
