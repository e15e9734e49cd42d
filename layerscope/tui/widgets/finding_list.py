"""Findings in groups, with saving, confidence and layers; marked ones count as fixed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType

from layerscope import text
from layerscope.analysis.findings.finding import Finding, Findings
from layerscope.analysis.findings.grouping import FindingGroup, FindingsBy
from layerscope.tui.commands import bindings
from layerscope.tui.finding_words import group_title, where
from layerscope.tui.paint import RowPainter, bar, fit
from layerscope.tui.session import Session
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.outline_list import ARROW_ROOM, Outline, OutlineList
from layerscope.words import Severity

SIZE, BAR, STEPS, CONFIDENCE = 9, 6, 12, 10
WIDE = 100
"""Minimum width for bars and confidence."""
_BOX = 4


def column_titles(width: int) -> str:
    """Column titles for a list of this width."""
    room = _title_width(width)
    share = f"  {fit('', BAR)}" if width >= WIDE else ""
    confidence = f"{fit('confidence', CONFIDENCE)} " if width >= WIDE else ""
    return f" {'saves':>{SIZE}}{share}  {fit('done', _BOX + ARROW_ROOM)}{fit('  finding', room)} {confidence}{fit('layers', STEPS)}"


def _title_width(width: int) -> int:
    wide = BAR + 2 + CONFIDENCE + 1 if width >= WIDE else 0
    return max(width - 1 - SIZE - 2 - _BOX - ARROW_ROOM - 1 - STEPS - 1 - wide, 8)


def _before_box(width: int) -> int:
    """Cells before the box of a finding."""
    return 1 + SIZE + (BAR + 2 if width >= WIDE else 0) + 2 + ARROW_ROOM


class FindingList(OutlineList, inherit_bindings=False):
    """Groups of findings. `outline.toggle` is left out: its key belongs to `findings.tick`."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("list", "outline", but=["outline.toggle"])

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._session = session
        self.groups: Sequence[FindingGroup] = ()
        self.by = FindingsBy.SEVERITY

    class BoxClicked(LineList.RowMessage):
        """The box of the finding under the cursor was clicked."""

    @property
    def _findings(self) -> Findings | None:
        return self._session.findings

    def show_groups(self, groups: Sequence[FindingGroup], by: FindingsBy) -> None:
        """Show other groups, all expanded; the cursor stays on its finding, or goes to the first."""
        number = self.number
        self.groups, self.by = groups, by
        self.show_outline(Outline([len(group.members) for group in groups]))
        self.outline.open_all()
        self.rows_changed()
        if groups:
            self.select(groups[0].members[0] if number is None else number)

    def select(self, number: int) -> None:
        """Put the cursor on a finding."""
        for at, group in enumerate(self.groups):
            if number in group.members:
                self.outline.open(at)
                self.rows_changed()
                self.go_to(self.outline.row_of(at, group.members.index(number)))

    @property
    def number(self) -> int | None:
        """The finding under the cursor; None for a group."""
        here = self.current()
        if here is None or here[1] is None or here[0] >= len(self.groups):
            return None
        return self.groups[here[0]].members[here[1]]

    def numbers(self) -> tuple[int, ...]:
        """Numbers of the finding under the cursor, or of all in its group."""
        here = self.current()
        if here is None or here[0] >= len(self.groups):
            return ()
        members = self.groups[here[0]].members
        return members if here[1] is None else (members[here[1]],)

    def clicked(self, x: int, chain: int) -> None:
        box = _before_box(self.scrollable_content_region.width)
        if self.number is not None and box <= x < box + _BOX - 1:
            self.post_message(self.BoxClicked(self, self.cursor))
        else:
            super().clicked(x, chain)

    def copyable(self) -> tuple[str, str] | None:
        number, findings = self.number, self._findings
        if number is None or findings is None:
            return None
        return findings.found[number].fix, "the fix"

    def empty_text(self) -> str:
        if self._findings is not None and self._findings.applied:
            return "No findings."
        if self._findings is not None or self._session.options.rules is None:
            return "All rules are switched off."
        return "Available once all layers are read."

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        findings = self._findings
        if findings is None:
            return
        group, item = self.outline.at(row)
        if item is None:
            self._paint_group(self.groups[group], group, width, painter)
        else:
            number = self.groups[group].members[item]
            self._paint_finding(findings.found[number], number, width, painter)

    def _paint_size(self, size: int, width: int, painter: RowPainter) -> None:
        painter.add(f" {text.size(size):>{SIZE}}", self.style_of("waste"))
        if width >= WIDE and self._session.opened is not None:
            whole = max(self._session.opened.accounting.stored, 1)
            painter.add(f"  {bar(size / whole, BAR)}", self.style_of("bar"))
        painter.add("  ")

    def _paint_group(
        self, group: FindingGroup, number: int, width: int, painter: RowPainter
    ) -> None:
        title, sentence = group_title(group, self.by, self._session.image)
        self._paint_size(group.saving, width, painter)
        painter.add(self.arrow(number), self.style_of("quiet"))
        before = 1 + SIZE + 2 + ARROW_ROOM + (BAR + 2 if width >= WIDE else 0)
        room = width - before
        named = min(room, max(len(title), 12) if self.by is not FindingsBy.STEP else room - 14)
        painter.add(fit(title, named), self.style_of("strong"))
        painter.add(fit(f"  {sentence}", max(room - named, 0)), self.style_of("quiet"))

    def _paint_finding(
        self, finding: Finding, number: int, width: int, painter: RowPainter
    ) -> None:
        fixed = number in self._session.fixed
        quiet = self.style_of("quiet")
        self._paint_size(finding.bytes, width, painter)
        painter.add(" " * ARROW_ROOM)
        painter.add("[x] " if fixed else "[ ] ", self.style_of("added") if fixed else quiet)
        style = "removed" if finding.severity is Severity.ERROR else "waste"
        glyph = quiet if finding.severity is Severity.NOTE else self.style_of(style)
        painter.add(f"{finding.severity.glyph} ", glyph)
        room = _title_width(width) - 2
        painter.add(fit(text.safe_name(finding.title), room), quiet if fixed else None)
        painter.add(" ")
        if width >= WIDE:
            painter.add(f"{fit(finding.confidence.value, CONFIDENCE)} ", quiet)
        painter.add(fit(where(finding, self._session.image), STEPS), quiet)
