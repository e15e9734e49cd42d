"""A table about many images: sorted, filtered, with the columns that fit."""

from __future__ import annotations

from collections.abc import Sequence

from textual.message import Message

from layerscope import text
from layerscope.fleet.answers.model import DistinctLayer, GrowthAnswer
from layerscope.report.fleet_table import Cell, Column, FleetRow, FleetTable
from layerscope.tui.fleet.state import TableState
from layerscope.tui.paint import RowPainter, bar, fit, fit_left
from layerscope.tui.widgets.line_list import LineList

GAP = 2
"""Cells between columns."""
BAR = 8
"""Cells of a bar."""
_BAR_COLUMN = -1
"""Stands for the bar among the numbers of columns."""
_MIN_TEXT = 26
"""Minimum width of a column of text; other columns are left out to keep it."""
_MIN_TEXT_WITH_BAR = 34
"""The same if there is a bar."""
_MAX_FIXED = 24
"""Maximum width of a column that does not grow."""
_STYLES = {"error": "removed", "warning": "waste", "lags": "waste"}


class FleetList(LineList):
    """The rows of a table."""

    class LaidOut(Message):
        """The widths of the columns changed."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._table: FleetTable | None = None
        self._state = TableState()
        self._rows: Sequence[FleetRow] = ()
        self._natural_widths: list[int] = []
        self._largest = 1.0
        self._empty_message = ""
        self._width = 0

    def show(self, table: FleetTable | None, state: TableState, empty_message: str) -> None:
        """Show a table as the user last saw it; `empty_message` is the text if it has no rows."""
        self._table, self._state, self._empty_message = table, state, empty_message
        if table is not None:
            self._natural_widths = [
                max(
                    (text.cells(row.cells[number][2]) for row in table.rows),
                    default=0,
                )
                for number in range(len(table.columns))
            ]
            values = [row.cells[table.order or 0][1] for row in table.rows]
            self._largest = max((one for one in values if isinstance(one, int | float)), default=1) or 1  # fmt: skip
        self.change()

    def change(self) -> None:
        """Show the rows in the order and with the filter of the state; the cursor stays on its row."""
        table, state = self._table, self._state
        rows = [] if table is None else list(table.rows)
        if state.search:
            words = state.search.casefold()
            rows = [row for row in rows if any(words in cell[2].casefold() for cell in _names(row))]
        if table is not None and state.column is not None:
            column = table.columns[state.column]
            rows.sort(
                key=lambda row: _value(row.cells[state.column or 0]),
                reverse=column.number and not column.rising,
            )
        if state.reverse:
            rows.reverse()
        about = state.row
        self._rows = rows
        self.rows_changed()
        self.go_to(next((at for at, row in enumerate(rows) if row.about is about), 0))
        self.keep_row()

    def keep_row(self) -> None:
        """Save the row under the cursor in the state."""
        self._state.row = None if self.current is None else self.current.about

    @property
    def current(self) -> FleetRow | None:
        """The row under the cursor."""
        return self._rows[self.cursor] if self.cursor < len(self._rows) else None

    def row_count(self) -> int:
        return len(self._rows)

    def empty_text(self) -> str:
        if self._state.search:
            return f"No row contains {text.safe_name(self._state.search)}."
        return self._empty_message

    # columns

    @property
    def sorted_by(self) -> int | None:
        """The column by which rows are sorted."""
        if self._state.column is not None:
            return self._state.column
        return None if self._table is None else self._table.order

    def next_column(self) -> int | None:
        """The visible column after the one by which rows are sorted."""
        width = self.scrollable_content_region.width
        shown = [at for at, _ in self._layout(width) if at >= 0 and self._column(at).title]
        if not shown:
            return None
        now = self.sorted_by
        return shown[(shown.index(now) + 1) % len(shown)] if now in shown else shown[0]

    def column_at(self, x: int) -> int | None:
        """The column at cell `x`; None for the bar, and right of the last column."""
        end = 1
        for number, width in self._layout(self.scrollable_content_region.width):
            end += width + GAP
            if x < end:
                return None if number == _BAR_COLUMN else number
        return None

    def column_titles(self) -> str:
        """Column titles."""
        titles = []
        for number, width in self._layout(self.scrollable_content_region.width):
            if number == _BAR_COLUMN:
                titles.append(" " * width)
                continue
            column = self._column(number)
            mark = self._mark(number)
            if column.number:
                titles.append(f"{column.brief + mark:>{width}}")
            else:
                titles.append(fit(f"{column.brief} {mark}" if mark else column.brief, width))
        return " " + (" " * GAP).join(titles)

    def _mark(self, number: int) -> str:
        if number != self.sorted_by or not self._rows:
            return ""
        column = self._column(number)
        falling = (column.number and not column.rising) != self._state.reverse
        return "▾" if falling else "▴"

    def _column(self, number: int) -> Column:
        assert self._table is not None  # noqa: S101  # for the types: rows are of a table
        return self._table.columns[number]

    def _layout(self, width: int) -> list[tuple[int, int]]:
        """The columns that fit, with their widths."""
        if self._table is None:
            return []
        columns, order = self._table.columns, self._table.order
        shown = list(range(len(columns)))
        while True:
            widths = {at: self._fixed_width(at) for at in shown if not columns[at].grow}
            growing = [at for at in shown if columns[at].grow]
            room = width - 2 - sum(widths.values()) - GAP * (len(shown) - 1)
            spare = max(shown, key=lambda at: columns[at].spare)
            if room >= self._text_width(growing, _MIN_TEXT) or not columns[spare].spare:
                break
            shown.remove(spare)
        if not growing:
            bar_width = room - GAP
        else:
            fits = room - BAR - GAP >= self._text_width(growing, _MIN_TEXT_WITH_BAR)
            bar_width = BAR if order is not None and fits else 0
            room -= (BAR + GAP) * bool(bar_width)
        widths |= self._grown_widths(growing, max(room, 0))
        layout = [(at, widths[at]) for at in shown]
        if bar_width >= BAR:
            place = len(shown) if order is None else shown.index(order) + 1
            layout.insert(place, (_BAR_COLUMN, bar_width))
        return layout

    def _text_width(self, growing: Sequence[int], most: int) -> int:
        """Cells for the texts of these columns, at most `most` for each."""
        return sum(
            min(max(self._natural_widths[at], len(self._column(at).brief) + 2), most)
            for at in growing
        )

    def _fixed_width(self, number: int) -> int:
        """The width of a column that does not grow, with room for the sort mark."""
        column = self._column(number)
        title = len(column.brief) + bool(column.brief)
        return min(max(title, self._natural_widths[number]), _MAX_FIXED)

    def _grown_widths(self, growing: Sequence[int], room: int) -> dict[int, int]:
        """The widths of columns that grow: none gets more than its text needs while another one is cut."""
        widths: dict[int, int] = {}
        left = sorted(growing, key=lambda at: self._natural_widths[at] / self._column(at).grow)
        for place, number in enumerate(left):
            parts = sum(self._column(at).grow for at in left[place:])
            part = room * self._column(number).grow // parts
            last = place == len(left) - 1
            most = max(self._natural_widths[number], len(self._column(number).brief) + 2)
            widths[number] = part if last else min(part, most)
            room -= widths[number]
        return widths

    # painting

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        if width != self._width:  # a scrollbar that appears or disappears is no resize event
            self._width = width
            self.post_message(self.LaidOut())
        shown = self._rows[row]
        painter.add(" ")
        quiet = self.style_of("quiet")
        for number, room in self._layout(width):
            if number == _BAR_COLUMN:
                self._paint_bar(shown, room, painter)
                continue
            kind, value, words = shown.cells[number]
            if kind == "number":
                painter.add(f"{words:>{room}}", None if value else quiet)
            elif kind == "word":
                style = self.style_of(_STYLES.get(words, "quiet"))
                grows = self._column(number).grow
                painter.add(fit(words, room), None if grows else style)
            elif kind == "path":
                painter.add(fit_left(words, room))
            else:
                first = number == next(at for at, one in enumerate(shown.cells) if one[0] not in ("number", "word"))  # fmt: skip
                painter.add(fit(words, room), None if first else quiet)
            painter.add(" " * GAP)

    def _paint_bar(self, row: FleetRow, room: int, painter: RowPainter) -> None:
        about = row.about
        if isinstance(about, GrowthAnswer):
            most = self._largest
            shown = bar(about.stored_once_bytes / most, room).rstrip()
            added = round(len(shown) * about.added_bytes / max(about.stored_once_bytes, 1))
            painter.add(shown[: len(shown) - added], self.style_of("bar"))
            painter.add(shown[len(shown) - added :], self.style_of("added"))
            return
        value = row.cells[0 if self._table is None else self._table.order or 0][1]
        share = value / self._largest if isinstance(value, int | float) else 0
        painter.add(bar(share, room), self.style_of("bar"))
        painter.add(" " * GAP)

    def copyable(self) -> tuple[str, str] | None:
        row, table = self.current, self._table
        if row is None or table is None:
            return None
        if isinstance(row.about, DistinctLayer):
            return row.about.digest, "the digest"
        named = (at for at, column in enumerate(table.columns) if column.grow)
        return row.cells[next(named, -1)][2], f"the {table.noun}"


def _names(row: FleetRow) -> list[Cell]:
    return [cell for cell in row.cells if cell[0] != "number"]


def _value(cell: Cell) -> float | str:
    _, value, words = cell
    return value if isinstance(value, int | float) else words.casefold()
