"""Grouped waste records: bytes, path, storing layer, hiding layer, reason."""

from __future__ import annotations

from layerscope import text
from layerscope.analysis.grouping import GroupBy, WasteGroups
from layerscope.tui.paint import RowPainter, bar, fit, fit_left
from layerscope.tui.pointing import Pointed
from layerscope.tui.session import Session
from layerscope.tui.waste_words import (
    WasteRecord,
    group_words,
    layers_width,
    layers_words,
    record_of,
    step_label,
    step_of,
)
from layerscope.tui.widgets.outline_list import ARROW_ROOM, Outline, OutlineList

SIZE, BAR, SHARE, COUNT = 9, 8, 6, 14
MIN_LABEL_WIDTH = 9
"""Minimum width for showing an instruction beside its number."""
WIDE = 110
"""Minimum width for percentages and whole reasons."""


def column_titles(width: int, layers: int) -> str:
    """Column titles for a list of this width and an image of so many layers."""
    label = _label_width(width)
    titles = f"{fit('stored in', label)} {fit('→ hidden by', label)}"
    titles = titles if label >= MIN_LABEL_WIDTH else fit("layers", _layers_width(width, layers))
    share = fit("share", BAR + (SHARE if width >= WIDE else 0))
    path = fit("  path", _path_width(width, layers) + ARROW_ROOM)
    return f" {'bytes':>{SIZE}}  {share} {path} {titles} why"


def _label_width(width: int) -> int:
    """Cells for a layer: its number, and its instruction if there is room."""
    return min(max((width - 80) // 4, 0) + 3, 24)


def _layers_width(width: int, layers: int) -> int:
    """Cells for both layers of a record."""
    label = _label_width(width)
    return 2 * label + 1 if label >= MIN_LABEL_WIDTH else max(layers_width(layers), 6)


def _why_width(width: int) -> int:
    return 25 if width >= WIDE else 15


def _path_width(width: int, layers: int) -> int:
    before = 1 + SIZE + 2 + BAR + (SHARE if width >= WIDE else 0) + 1 + ARROW_ROOM
    after = 1 + _layers_width(width, layers) + 1 + _why_width(width)
    return max(width - before - after, 8)


class WasteList(OutlineList):
    """Groups of waste records, largest first."""

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._session = session
        self.groups: WasteGroups | None = None

    @property
    def _layers(self) -> int:
        return len(self._session.image.layers)

    def show_groups(self, groups: WasteGroups) -> None:
        """Show other groups, the largest expanded; the cursor stays on its record, or goes to the largest."""
        record = self.record_row
        self.groups = groups
        self.show_outline(Outline(groups.counts))
        if len(groups):
            group, item = (0, 0) if record is None else groups.place(record)
            self.outline.open(group)
            self.rows_changed()
            self.go_to(self.outline.row_of(group, item))

    @property
    def record_row(self) -> int | None:
        """The row of the waste table under the cursor; None for a group."""
        here = self.current()
        if here is None or here[1] is None or self.groups is None:
            return None
        return self.groups.record(here[0], here[1])

    def record(self, row: int) -> WasteRecord | None:
        """One row of the waste table."""
        opened = self._session.opened
        return (
            None if opened is None else record_of(opened.filesystem, opened.accounting.waste, row)
        )

    def words(self, group: int) -> tuple[str, str]:
        """Title and sentence of a group."""
        opened = self._session.opened
        if opened is None or self.groups is None:
            return "", ""
        path = ""
        if self.groups.by is GroupBy.DIRECTORY:
            path = self.path_words(int(self.groups.keys[group]))
            path += "" if path == "/" else "/"
        return group_words(self.groups, group, self._session.image, path)

    def path_words(self, path: int) -> str:
        """A path as displayed."""
        opened = self._session.opened
        return "" if opened is None else "/" + text.safe_name(opened.filesystem.table.full(path))

    def empty_text(self) -> str:
        if self._session.opened is None:
            return "Available once all layers are read."
        return (
            "Grouping…"
            if len(self._session.opened.accounting.waste)
            else "Nothing is wasted in this image."
        )

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        if self.groups is None:
            return
        group, item = self.outline.at(row)
        if item is None:
            self._paint_group(group, width, painter)
        else:
            self._paint_record(self.groups.record(group, item), width, painter)

    def _paint_figures(self, size: int, width: int, painter: RowPainter) -> None:
        opened = self._session.opened
        whole = max(opened.accounting.wasted, 1) if opened is not None else 1
        painter.add(f" {text.size(size):>{SIZE}}  ", self.style_of("waste"))
        painter.add(bar(size / whole, BAR), self.style_of("bar"))
        if width >= WIDE:
            painter.add(f"{text.whole_percent(size, whole):>{SHARE}}", self.style_of("quiet"))
        painter.add(" ")

    def _paint_group(self, group: int, width: int, painter: RowPainter) -> None:
        if self.groups is None:
            return
        self._paint_figures(int(self.groups.bytes[group]), width, painter)
        title, sentence = self.words(group)
        count = text.count_of(int(self.groups.counts[group]), "file")
        room = width - (1 + SIZE + 2 + BAR + (SHARE if width >= WIDE else 0) + 1 + ARROW_ROOM)
        named = min(max(_path_width(width, self._layers), 18), max(room - COUNT - 1, 8))
        cut = fit_left if self.groups.by is GroupBy.DIRECTORY else fit
        painter.add(self.arrow(group), self.style_of("quiet"))
        painter.add(cut(title, named), self.style_of("strong"))
        left = room - named - 1 - COUNT
        painter.add(f" {fit(count, COUNT)}", self.style_of("quiet"))
        painter.add(fit(sentence, left) if left > COUNT else "", self.style_of("quiet"))

    def _paint_record(self, row: int, width: int, painter: RowPainter) -> None:
        record = self.record(row)
        if record is None:
            return
        self._paint_figures(record.bytes, width, painter)
        path = fit_left(self.path_words(record.path), _path_width(width, self._layers))
        painter.add(f"{' ' * ARROW_ROOM}{path} ")
        words = layers_words(record.stored_in, record.hidden_by)
        label = _label_width(width)
        if label >= MIN_LABEL_WIDTH:
            stored, hidden = (
                step_label(step_of(self._session.image, layer), layer)
                for layer in (record.stored_in, record.hidden_by)
            )
            words = f"{fit(stored, label)} {fit(f'→ {hidden}', label)}"
        painter.add(f"{fit(words, _layers_width(width, self._layers))} ")
        painter.add(fit(record.why, _why_width(width)), self.style_of("quiet"))

    points = True

    def pointed(self) -> Pointed | None:
        opened, row = self._session.opened, self.record_row
        if opened is None or row is None:
            return None
        waste, filesystem = opened.accounting.waste, opened.filesystem
        path = int(waste.paths[row])
        rows = filesystem.rows_of(path)
        matches = filesystem.inode_of[rows] == waste.inodes[row]
        version = rows.start + int(matches.argmax())
        return Pointed(path, version, int(filesystem.died[version]) - 1)
