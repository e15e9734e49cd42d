"""The summary: the findings to fix first, and the largest wasted files."""

from __future__ import annotations

from msgspec import Struct

from layerscope import text
from layerscope.opening.opened import Opened
from layerscope.tui.paint import RowPainter, fit, fit_left
from layerscope.tui.pointing import Pointed
from layerscope.tui.session import Session
from layerscope.tui.widgets.line_list import LineList
from layerscope.words import Change, Severity

FINDINGS, FILES = 5, 5
"""Maximum numbers of findings and wasted files."""
ADDED_RECORDS = 50
"""Number of the largest waste records that are added up by path."""
SIZE, LAYERS = 9, 14


class WastedFile(Struct, frozen=True):
    """A path, with the sum of bytes wasted there."""

    pointed: Pointed
    bytes: int
    stored_in: int
    """The first layer that stored it."""
    hidden_by: int
    """The last layer that hid it."""


class SummaryList(LineList):
    """The first findings, starting with secrets, then the largest wasted files."""

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._session = session
        self._rows: list[int | WastedFile] = []

    def collect(self) -> None:
        """List findings and wasted files, as far as available."""
        session = self._session
        findings = session.findings
        numbers: list[int] = []
        if findings is not None:
            from layerscope.analysis.findings.grouping import is_base  # not before the first frame

            base = session.base_steps
            numbers = findings.order_to_fix(lambda finding: is_base(finding, base))
        wasted = [] if session.opened is None else _largest(session.opened)
        self._rows = [*numbers[:FINDINGS], *wasted]
        self.rows_changed()

    @property
    def selected(self) -> int | WastedFile | None:
        """The number of the finding under the cursor, or the file."""
        return self._rows[self.cursor] if self.cursor < len(self._rows) else None

    def row_count(self) -> int:
        return len(self._rows)

    def empty_text(self) -> str:
        session = self._session
        if session.opened is None or (
            session.findings is None and session.options.rules is not None
        ):
            return "Available once all layers are read."
        return (
            "Nothing is wasted."
            if session.findings is None
            else "No findings, and nothing is wasted."
        )

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        shown = self._rows[row]
        if isinstance(shown, WastedFile):
            self._paint_wasted(shown, width, painter)
        else:
            self._paint_finding(shown, width, painter)

    def _paint_finding(self, number: int, width: int, painter: RowPainter) -> None:
        session = self._session
        if session.findings is None:
            return
        from layerscope.analysis.findings.grouping import is_base
        from layerscope.tui.finding_words import where

        finding = session.findings.found[number]
        base = is_base(finding, session.base_steps)
        quiet = self.style_of("quiet")
        critical = finding.severity is Severity.ERROR
        loud = self.style_of("removed" if critical else "waste")
        painter.add(f" {text.size(finding.bytes):>{SIZE}} ", quiet if base else loud)
        painter.add(f" {finding.severity.glyph} ", quiet if base and not critical else loud)
        room = width - SIZE - 6 - LAYERS
        painter.add(fit(text.safe_name(finding.title), room), quiet if base else None)
        note = "base image" if base else where(finding, session.image)
        painter.add(f" {fit(note, LAYERS)}", quiet)

    def _paint_wasted(self, wasted: WastedFile, width: int, painter: RowPainter) -> None:
        opened = self._session.opened
        if opened is None:
            return
        painter.add(f" {text.size(wasted.bytes):>{SIZE}} ", self.style_of("waste"))
        painter.add(f" {Change.REMOVED.glyph} ", self.style_of("removed"))
        path = "/" + text.safe_name(opened.filesystem.table.full(wasted.pointed.path))
        painter.add(fit_left(path, width - SIZE - 6 - LAYERS))
        painter.add(
            f" {fit(f'{wasted.stored_in} → {wasted.hidden_by}', LAYERS)}", self.style_of("quiet")
        )

    # the row under the cursor

    points = True

    def pointed(self) -> Pointed | None:
        selected = self.selected
        return selected.pointed if isinstance(selected, WastedFile) else None

    def copyable(self) -> tuple[str, str] | None:
        selected, findings = self.selected, self._session.findings
        if findings is None or not isinstance(selected, int):
            return None
        return findings.found[selected].fix, "the fix"


def _largest(opened: Opened) -> list[WastedFile]:
    """The files of the largest waste records; records of the same path are added up."""
    from layerscope.tui.waste_words import record_of

    waste, files = opened.accounting.waste, dict[int, WastedFile]()
    for row in range(min(len(waste), ADDED_RECORDS)):
        record = record_of(opened.filesystem, waste, row)
        pointed = Pointed.after(opened.filesystem, record.path, record.shown_in)
        if pointed is None:
            continue
        known = files.get(record.path)
        files[record.path] = WastedFile(
            pointed,
            record.bytes + (known.bytes if known else 0),
            min(record.stored_in, known.stored_in if known else record.stored_in),
            max(record.hidden_by, known.hidden_by if known else record.hidden_by),
        )
    return sorted(files.values(), key=lambda file: -file.bytes)[:FILES]
