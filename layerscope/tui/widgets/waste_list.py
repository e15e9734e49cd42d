"""Every wasted byte: how many, which path, stored where, hidden by what, and why."""

from __future__ import annotations

from layerscope import text
from layerscope.analysis.accounting import REASONS, Reason
from layerscope.image.history import Step
from layerscope.tui.paint import RowPainter, bar, fit, fit_left
from layerscope.tui.pointing import Pointed
from layerscope.tui.session import Session
from layerscope.tui.widgets.line_list import LineList

SIZE, BAR, WHY = 9, 8, 15
REASON_WORDS = {
    Reason.DELETED: "deleted later",
    Reason.TYPE_CHANGED: "type changed",
    Reason.OVERWRITTEN: "overwritten",
    Reason.METADATA_ONLY: "attributes only",
    Reason.IDENTICAL: "nothing differs",
}


def column_titles(width: int) -> str:
    """Titles over the columns, for a list of this width."""
    label = _label_width(width)
    stored, hidden = ("stored in", "hidden by") if label >= 9 else ("in", "by")
    titles = f"{fit(stored, label)} {fit(hidden, label)} why"
    return f" {'bytes':>{SIZE}}  {'share':<{BAR}} {fit('path', _path_width(width))} {titles}"


def _label_width(width: int) -> int:
    """Cells for a layer: its number alone where there is no room for its instruction."""
    return min(max((width - 72) // 4, 0) + 3, 24)


def _path_width(width: int) -> int:
    return max(width - 1 - SIZE - 2 - BAR - 1 - 1 - 2 * (_label_width(width) + 1) - WHY, 8)


class WasteList(LineList):
    """Waste records, largest first."""

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._session = session

    def row_count(self) -> int:
        return len(self._session.opened.accounting.waste) if self._session.opened else 0

    def empty_text(self) -> str:
        return (
            "Nothing is wasted in this image."
            if self._session.opened
            else "Waste is known once all layers are read."
        )

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        opened = self._session.opened
        if opened is None:
            return
        waste = opened.accounting.waste
        size = int(waste.bytes[row])
        path = "/" + text.safe_name(opened.filesystem.table.full(int(waste.paths[row])))
        painter.add(f" {text.size(size):>{SIZE}}  ", self.style_of("waste"))
        painter.add(bar(size / max(opened.accounting.wasted, 1), BAR), self.style_of("bar"))
        painter.add(f" {fit_left(path, _path_width(width))} ")
        label = _label_width(width)
        for layer in (int(waste.stored_in[row]), int(waste.hidden_by[row])):
            painter.add(f"{fit(self._label(layer), label)} ")
        painter.add(
            fit(REASON_WORDS[REASONS[int(waste.reasons[row])]], WHY), self.style_of("quiet")
        )

    def pointed(self) -> Pointed | None:
        opened = self._session.opened
        if opened is None or not self.row_count():
            return None
        waste, filesystem = opened.accounting.waste, opened.filesystem
        path = int(waste.paths[self.cursor])
        rows = filesystem.rows_of(path)
        own = filesystem.inode_of[rows] == waste.inodes[self.cursor]
        version = rows.start + int(own.argmax())
        return Pointed(path, version, int(filesystem.died[version]) - 1)

    def _label(self, layer: int) -> str:
        return step_label(self._session.image.steps[self._session.image.layers[layer].step], layer)


def step_label(step: Step, layer: int) -> str:
    """A layer with the first words of its instruction: `4 RUN apt-get`."""
    words = text.safe_name(f"{step.instruction or ''} {step.arguments[:80]}".strip())
    return f"{layer} {words}".strip()
