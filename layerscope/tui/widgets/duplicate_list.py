"""Duplicates, with their paths and the bytes that removing all but one would save."""

from __future__ import annotations

from rich.cells import cell_len

from layerscope import text
from layerscope.analysis.duplicates import NO_DUPLICATES, Duplicate, Duplicates
from layerscope.tui.paint import RowPainter, fit, fit_left
from layerscope.tui.pointing import Pointed
from layerscope.tui.session import Session
from layerscope.tui.waste_words import step_label, step_of
from layerscope.tui.widgets.outline_list import ARROW_ROOM, Outline, OutlineList

SAVING, COPIES, SIZE, LABEL = 10, 8, 9, 24
WIDE = 110
"""Minimum width for showing the instruction that stored a duplicate."""
_BEFORE = SAVING + COPIES + SIZE + 2 + ARROW_ROOM


def column_titles(width: int) -> str:
    """Column titles for a list of this width."""
    titles = f"{'saving':>{SAVING}}{'copies':>{COPIES}}{'each':>{SIZE}}  "
    path = "  first path"
    if width < WIDE:
        return titles + path
    return f"{titles}{fit(path, width - _BEFORE - LABEL - 1 + ARROW_ROOM)} in layer"


class DuplicateList(OutlineList):
    """Duplicates, largest saving first; expanded ones list all their paths."""

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._session = session
        self.duplicates = NO_DUPLICATES

    def show_duplicates(self, duplicates: Duplicates) -> None:
        """Show these duplicates, all collapsed."""
        self.duplicates = duplicates
        self.show_outline(Outline(duplicates.copies))

    def duplicate_at_cursor(self) -> tuple[Duplicate, int] | None:
        """The duplicate under the cursor, and the path; on a heading, its first path."""
        here = self.current()
        if here is None:
            return None
        duplicate = self.duplicates[here[0]]
        return duplicate, duplicate.paths[here[1] or 0]

    def layer_of(self, path: int) -> int:
        """The layer that created the final version of a path."""
        opened = self._session.opened
        if opened is None:
            return 0
        last = opened.filesystem.rows_of(path).stop - 1
        return int(opened.filesystem.born[last])

    def path_words(self, path: int) -> str:
        """A path as displayed."""
        opened = self._session.opened
        return "" if opened is None else "/" + text.safe_name(opened.filesystem.table.full(path))

    points = True

    def pointed(self) -> Pointed | None:
        opened, selected = self._session.opened, self.duplicate_at_cursor()
        if opened is None or selected is None:
            return None
        filesystem = opened.filesystem
        return Pointed.after(filesystem, selected[1], filesystem.layer_count - 1)

    def empty_text(self) -> str:
        if not self._session.options.duplicates:
            return "Duplicates were not searched for (--no-duplicates)."
        if self._session.duplicates is None:
            return "Looking for duplicates…"
        return "No two files have the same content."

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        group, item = self.outline.at(row)
        duplicate = self.duplicates[group]
        quiet = self.style_of("quiet")
        room = max(width - _BEFORE - (LABEL + 2 if width >= WIDE else 1), 8)
        if item is None:
            painter.add(f"{text.size(duplicate.saving):>{SAVING}}", self.style_of("waste"))
            painter.add(f"{f'{len(duplicate.paths):,} ×':>{COPIES}}")
            painter.add(f"{text.size(duplicate.bytes):>{SIZE}}  ", quiet)
            painter.add(self.arrow(group), quiet)
            more = f" and {len(duplicate.paths) - 1:,} more"
            path = duplicate.paths[0]
            shown = fit_left(self.path_words(path), room - len(more)).rstrip()
            painter.add(shown).add(fit(more, room - cell_len(shown)), quiet)
        else:
            path = duplicate.paths[item]
            painter.add(" " * _BEFORE)
            painter.add(fit_left(self.path_words(path), room))
        if width >= WIDE:
            layer = self.layer_of(path)
            painter.add(
                f"  {fit(step_label(step_of(self._session.image, layer), layer), LABEL)}", quiet
            )
