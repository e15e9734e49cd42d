"""The lists of a comparison: files, steps, findings, packages, config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Generic, TypeVar

from textual.binding import BindingType

from layerscope import text
from layerscope.analysis.compare.config import ConfigDifference
from layerscope.analysis.compare.packages import PackageChange
from layerscope.analysis.compare.steps import StepChange, StepPair
from layerscope.analysis.findings.finding import Finding
from layerscope.browse.compared_tree import ComparedRow, ComparedTree
from layerscope.image.history import Step
from layerscope.image.summary import one_line
from layerscope.report.diff_rows import config_row, package_row
from layerscope.tui.commands import bindings
from layerscope.tui.paint import RowPainter, fit
from layerscope.tui.pointing import copyable_path
from layerscope.tui.widgets.line_list import LineList
from layerscope.words import Change

SIZE, GROWTH = 10, 11
GLYPH, MANAGER, FIELD = 3, 8, 16
BEFORE_NAME = 2 * SIZE + GROWTH + GLYPH
"""Cells before the name of a row."""
_Item = TypeVar("_Item")
_STEP_CHANGES = {
    StepChange.ADDED: Change.ADDED,
    StepChange.REMOVED: Change.REMOVED,
    StepChange.CHANGED: Change.MODIFIED,
    StepChange.REBUILT: Change.METADATA,
    StepChange.SAME: Change.UNCHANGED,
}


def signed(amount: int) -> str:
    """A difference in bytes as text with its sign; empty for 0."""
    return f"{'+' if amount > 0 else '−'}{text.size(abs(amount))}" if amount else ""


class ComparedList(LineList):
    """Rows with sizes in both images, and their difference."""

    def paint_change(self, change: Change, painter: RowPainter) -> None:
        """Paint the glyph of a change."""
        unchanged = change is Change.UNCHANGED
        painter.add(f" {change.glyph} ", self.style_of("quiet" if unchanged else change.json_name))

    def paint_sizes(self, old: int | None, new: int | None, painter: RowPainter) -> None:
        """Paint bytes in both images, None where there is nothing, and the difference."""
        for size in (old, new):
            words = "" if size is None else text.size(size)
            painter.add(f"{words:>{SIZE}}", self.style_of("quiet") if size is None else None)
        growth = (new or 0) - (old or 0)
        painter.add(
            f"{signed(growth):>{GROWTH}}", self.style_of("removed" if growth > 0 else "added")
        )

    def column_titles(self) -> str:
        """Column titles."""
        return f"{'old':>{SIZE}}{'new':>{SIZE}}{self.growth_title:>{GROWTH}}   {self.subject}"

    growth_title = "change"
    subject = ""
    """Title of the last column."""


class ItemList(ComparedList, Generic[_Item]):
    """A list whose items all arrive together."""

    def __init__(self, empty_message: str, *, id: str) -> None:
        """`empty_message` is the text of an empty list."""
        super().__init__(id=id)
        self.items: Sequence[_Item] | None = None
        self._empty_message = empty_message

    def show(self, items: Sequence[_Item] | None, empty_message: str = "") -> None:
        """Show items; None if they could not be determined, with the reason in `empty_message`."""
        self.items = items
        self._empty_message = empty_message or self._empty_message
        self.rows_changed()

    def row_count(self) -> int:
        return len(self.items or ())

    def empty_text(self) -> str:
        return self._empty_message


class ComparedFiles(ComparedList):
    """One tree of both images: the directories and files that differ."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(
        "files", but=("files.added", "files.removed", "files.modified")
    )

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.compared: ComparedTree | None = None
        self._privileged: Mapping[int, str] = {}

    def column_titles(self) -> str:
        by_name = self.compared is not None and self.compared.by_name
        self.growth_title, self.subject = ("change", "path ▴") if by_name else ("change ▾", "path")
        return super().column_titles()

    def show(self, tree: ComparedTree, privileged: Mapping[int, str]) -> None:
        """Show a tree; `privileged` maps the paths of new setuid and setgid files to the word for each."""
        self.compared, self._privileged = tree, privileged
        self.rows_changed()

    def row_count(self) -> int:
        return 0 if self.compared is None else len(self.compared)

    def empty_text(self) -> str:
        if self.compared is None:
            return "Available once both images are read."
        if self.compared.text:
            return f"No path that differs contains {text.safe_name(self.compared.text)}."
        return "The files of both images are the same."

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        if self.compared is None:
            return
        entry = self.compared.row(row)
        new = None if entry.change is Change.REMOVED and not entry.new else entry.new
        old = None if entry.change is Change.ADDED and not entry.old else entry.old
        self.paint_sizes(old, new, painter)
        if entry.change is None:
            painter.add("   ")
        else:
            self.paint_change(entry.change, painter)
        arrow = ("▾ " if entry.expanded else "▸ ") if entry.has_children else "  "
        painter.add("  " * entry.depth + arrow, self.style_of("quiet"))
        name = text.safe_name(entry.name)
        style = "directory" if entry.change is None else entry.change.json_name
        painter.add(name, self.style_of(style))
        if entry.path in self._privileged:
            painter.add(f"  {self._privileged[entry.path]} now", self.style_of("removed"))
        if entry.has_children and not entry.expanded:
            count = text.count_of(entry.differing, "path")
            painter.add(f"  {count}", self.style_of("quiet"))

    def copyable(self) -> tuple[str, str] | None:
        if self.compared is None or not self.row_count():
            return None
        return copyable_path(self.compared.table.full(int(self.compared.rows[self.cursor])))

    # directories

    @property
    def entry(self) -> ComparedRow | None:
        """The row under the cursor."""
        if self.compared is None or not self.row_count():
            return None
        return self.compared.row(self.cursor)

    def action_open(self) -> None:
        """Open or close a directory, or open the diff of a file."""
        entry = self.entry
        if entry is not None and entry.has_children:
            self.action_toggle_directory()
        else:
            super().action_open()

    def action_toggle_directory(self) -> None:
        self._open(None)

    def action_expand(self) -> None:
        self._open(True)

    def action_collapse(self) -> None:
        self._open(False)

    def _open(self, opened: bool | None) -> None:
        """Open or close the directory under the cursor; None to toggle."""
        if self.compared is None or not self.row_count():
            return
        entry = self.compared.row(self.cursor)
        if entry.has_children and not self.compared.text:
            self.compared.open(entry.path, not entry.expanded if opened is None else opened)
            self.rows_changed()
        if opened is False and not (entry.has_children and entry.expanded):
            row = self.compared.row_of(int(self.compared.table.parents[entry.path]))
            self.go_to(self.cursor if row is None else row)

    def action_expand_all(self) -> None:
        self._open_all(True)

    def action_collapse_all(self) -> None:
        self._open_all(False)

    def _open_all(self, opened: bool) -> None:
        if self.compared is not None:
            self.compared.open_all(opened)
            self.rows_changed()

    def change(self, *, by_name: bool | None = None, search: str | None = None) -> None:
        """Change the order of the tree, or the text that paths must contain; the cursor stays on its path."""
        if self.compared is None:
            return
        path = int(self.compared.rows[self.cursor]) if self.row_count() else 0
        if by_name is not None:
            self.compared.sort_by_name(by_name)
        if search is not None:
            self.compared.search(search)
        self.rows_changed()
        self.go_to(self.compared.row_of(path) or 0)

    def clicked(self, x: int, chain: int) -> None:
        if chain == 2 or (chain == 1 and self._on_arrow(x)):
            self.action_open()

    def _on_arrow(self, x: int) -> bool:
        """Whether column `x` is the arrow of the row under the cursor."""
        if self.compared is None:
            return False
        before = BEFORE_NAME + 2 * self.compared.row(self.cursor).depth
        return before <= x < before + 2


class ComparedSteps(ItemList[StepPair]):
    """The steps of both images, aligned."""

    subject = "instruction, of the old image and of the new one where it differs"

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        pair = (self.items or ())[row]
        self.paint_sizes(
            None if pair.old is None or pair.old.layer is None else pair.old_bytes,
            None if pair.new is None or pair.new.layer is None else pair.new_bytes,
            painter,
        )
        self.paint_change(_STEP_CHANGES[pair.change], painter)
        same = pair.change in (StepChange.SAME, StepChange.REBUILT)
        quiet = self.style_of("quiet")
        room = width - BEFORE_NAME
        words = "rebuilt  " if pair.change is StepChange.REBUILT else ""
        painter.add(words, quiet)
        room -= len(words)
        old, new = _instruction(pair.old), _instruction(pair.new)
        if not old or not new or old == new:
            painter.add(fit(new or old, room), quiet if same else None)
            return
        half = (room - 3) // 2
        painter.add(f"{fit(old, half)} → ", quiet)
        painter.add(fit(new, room - half - 3))


def _instruction(step: Step | None) -> str:
    return "" if step is None else text.safe_name(one_line(step))


class ComparedFindings(ItemList[tuple[Finding, bool]]):
    """Findings that only one of the images has; True for those of the new one."""

    subject = "finding"

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        finding, new = (self.items or ())[row]
        self.paint_sizes(None if new else finding.bytes, finding.bytes if new else None, painter)
        # A new finding is bad news.
        painter.add(
            f"   {'new' if new else 'gone':<5}", self.style_of("removed" if new else "added")
        )
        painter.add(f"{finding.severity.glyph} ", self.style_of("waste"))
        painter.add(fit(text.safe_name(finding.title), width - BEFORE_NAME - 7))

    def copyable(self) -> tuple[str, str] | None:
        return (self.items[self.cursor][0].fix, "the fix") if self.items else None


class ComparedPackages(ItemList[PackageChange]):
    """Packages that were added, removed or changed version."""

    subject = "package"

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        change = (self.items or ())[row]
        old, new = change.old, change.new
        self.paint_sizes(
            None if old is None else old.bytes, None if new is None else new.bytes, painter
        )
        shown = package_row(change)
        self.paint_change(shown.change, painter)
        room = width - BEFORE_NAME
        named = max(room // 3, 12)
        painter.add(fit(shown.name, named), self.style_of("strong"))
        painter.add(f" {fit(shown.kind, MANAGER)}", self.style_of("quiet"))
        painter.add(fit(shown.versions, room - named - MANAGER - 1))


class ComparedConfig(ItemList[ConfigDifference]):
    """Config settings that differ."""

    def column_titles(self) -> str:
        return f"   {fit('field', FIELD)} old → new"

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        shown = config_row((self.items or ())[row])
        self.paint_change(shown.change, painter)
        painter.add(fit(shown.field, FIELD), self.style_of("quiet"))
        name = f"{shown.name}  " if shown.name else ""
        painter.add(name, self.style_of("strong"))
        room = width - GLYPH - FIELD - text.cells(name)
        painter.add(fit(" → ".join(shown.values), max(room, 0)))
