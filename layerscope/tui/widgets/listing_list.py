"""The instructions of an image as source, with stored and wasted bytes before each."""

from __future__ import annotations

from rich.style import Style

from layerscope import text
from layerscope.analysis.listing import Line, Listing, ListingLine
from layerscope.tui.paint import RowPainter, bar, fit, wrap
from layerscope.tui.session import Session
from layerscope.tui.widgets.line_list import LineList

NUMBER, STORED, BAR, WASTED = 4, 10, 8, 10
WIDE = 110
"""Minimum width for layer numbers, bars and notes."""
NOTE, NARROW_NOTE = 30, 11
MAX_WRAPPED_LINES = 5000
"""Maximum number of lines of a listing whose long lines are wrapped; in longer listings they are cut."""
TAB = " " * 4

NOTES = {
    Line.ABSENT: "not in this image",
    Line.STAGE: "another stage",
    Line.UNWRITTEN: "not in the Dockerfile",
}
SHORT_NOTES = {
    Line.ABSENT: "not here",
    Line.STAGE: "stage",
    Line.UNWRITTEN: "unwritten",
}


def column_titles(width: int) -> str:
    """Column titles for a list of this width."""
    number = f" {'#':<{NUMBER - 1}}" if width >= WIDE else ""
    share = f"  {'share':<{BAR}}" if width >= WIDE else ""
    return f"{number}{'stored':>{STORED}}{share}{'wasted':>{WASTED}} │ instruction"


class ListingList(LineList):
    """Lines of a `Listing`, long ones on several rows."""

    DEFAULT_CSS = """
    ListingList { scrollbar-gutter: stable; }
    """

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._session = session
        self.listing: Listing | None = None
        self.base: tuple[int, str] | None = None
        """The first step above the base image, and a label for it; None if unknown."""
        self._rows: list[tuple[int, str]] = []
        self._wrapped_at = 0
        self._first = 0

    def show_listing(self, listing: Listing, base: tuple[int, str] | None) -> None:
        """Show another listing, with the cursor on the first instruction with a step."""
        self.listing, self.base = listing, base
        self._first = next((n for n, line in enumerate(listing.lines) if line.steps), 0)
        self._wrapped_at = 0
        self.rows_changed()

    def rows_changed(self) -> None:
        width = self.scrollable_content_region.width
        if self.listing is not None and width and width != self._wrapped_at:
            line = self._rows[self.cursor][0] if self.cursor < len(self._rows) else self._first
            self._wrapped_at = width
            self._rows = self._wrap(self.listing, self._text_width(width))
            super().rows_changed()
            self.go_to(next((n for n, row in enumerate(self._rows) if row[0] >= line), 0))
            return
        super().rows_changed()

    @staticmethod
    def _wrap(listing: Listing, width: int) -> list[tuple[int, str]]:
        """Number of the line and text of each row."""
        rows: list[tuple[int, str]] = []
        for number, line in enumerate(listing.lines):
            shown = text.safe_name(line.text.replace("\t", TAB))
            if len(listing.lines) > MAX_WRAPPED_LINES or len(shown) > 100 * width:
                rows.append((number, shown[: 4 * width]))
                continue
            indent = shown[: len(shown) - len(shown.lstrip())][: width // 2] + TAB
            rows += ((number, piece) for piece in wrap(shown, width, indent))
        return rows

    @property
    def instruction(self) -> ListingLine | None:
        """The line that begins the instruction under the cursor."""
        if self.listing is None or self.cursor >= len(self._rows):
            return None
        number = self._rows[self.cursor][0]
        while number and self.listing.lines[number].kind is Line.MORE:
            number -= 1
        return self.listing.lines[number]

    def copyable(self) -> tuple[str, str] | None:
        line = self.instruction
        if line is None or self.listing is None:
            return None
        if self.listing.source is None and len(line.steps) == 1:
            # As recorded, without the line breaks added for reading.
            step = self._session.image.steps[line.steps.start]
            return f"{step.instruction or ''} {step.arguments}".strip(), "the instruction"
        lines = self.listing.lines
        first = next(number for number, other in enumerate(lines) if other is line)
        last = first + 1
        while last < len(lines) and lines[last].kind is Line.MORE:
            last += 1
        return "\n".join(other.text for other in lines[first:last]), "the instruction"

    def row_count(self) -> int:
        return len(self._rows)

    def empty_text(self) -> str:
        if self.listing is None:
            return "Listing instructions…"
        return "This image has no history and no layers."

    # painting

    @staticmethod
    def _gutter_width(width: int) -> int:
        return STORED + WASTED + 3 + (NUMBER + 2 + BAR if width >= WIDE else 0)

    @classmethod
    def _text_width(cls, width: int) -> int:
        note = NOTE if width >= WIDE else NARROW_NOTE
        return max(width - cls._gutter_width(width) - note - 1, 8)

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        if self.listing is None:
            return
        number, shown = self._rows[row]
        line = self.listing.lines[number]
        head = not row or self._rows[row - 1][0] != number
        quiet = self.style_of("quiet")
        if head and line.steps and line.kind is not Line.MORE:
            self._paint_figures(line, width, painter)
        else:
            painter.add(" " * (self._gutter_width(width) - 3))
        painter.add(" │ ", quiet)
        self._paint_text(line, shown, head, painter, self._text_width(width))
        note = NOTE if width >= WIDE else NARROW_NOTE
        last = row + 1 == len(self._rows) or self._rows[row + 1][0] != number
        painter.add(" " + fit(self._note(line, number, head, last, width >= WIDE), note), quiet)

    def _paint_figures(self, line: ListingLine, width: int, painter: RowPainter) -> None:
        quiet, wide = self.style_of("quiet"), width >= WIDE
        layers = [
            layer
            for step in self._session.image.steps[line.steps.start : line.steps.stop]
            if (layer := step.layer) is not None
        ]
        if wide:
            number = "–".join(str(layer) for layer in dict.fromkeys([*layers[:1], *layers[-1:]]))
            painter.add(f" {fit(number if layers else '·', NUMBER - 1)}", quiet)
        if not layers:
            painter.add(f"{'·':>{STORED}}{' ' * (BAR + 2 if wide else 0)}{'·':>{WASTED}}", quiet)
            return
        self._paint_sums(layers, wide, painter)

    def _paint_sums(self, layers: list[int], wide: bool, painter: RowPainter) -> None:
        """Paint the total bytes stored and wasted by layers, as far as they are read."""
        session = self._session
        known = [session.stored_bytes(layer) for layer in layers]
        stored = sum(size for size in known if size is not None)
        if None in known:
            painter.add(
                f"{'…':>{STORED}}{' ' * (BAR + 2 if wide else 0)}{'…':>{WASTED}}",
                self.style_of("quiet"),
            )
            return
        painter.add(f"{text.size(stored):>{STORED}}")
        if wide:
            total = session.opened.accounting.stored if session.opened else session.stored_so_far
            painter.add(f"  {bar(stored / total if total else 0, BAR)}", self.style_of("bar"))
        if session.opened is None:
            painter.add(f"{'…':>{WASTED}}", self.style_of("quiet"))
            return
        wasted = sum(session.opened.accounting.layers[layer].wasted for layer in layers)
        painter.add(
            f"{text.size(wasted) if wasted else '0':>{WASTED}}",
            self.style_of("waste" if wasted else "quiet"),
        )

    def _paint_text(
        self, line: ListingLine, shown: str, head: bool, painter: RowPainter, width: int
    ) -> None:
        style: Style | None = None
        remark = shown.lstrip().startswith("#")
        if remark or (not line.steps and line.kind is not Line.BASE):
            style = self.style_of("quiet")
        shown = fit(shown, width)
        word, space, rest = shown.partition(" ")
        if head and style is None and line.kind is not Line.MORE and word.isupper():
            painter.add(word, self.style_of("strong"))
            shown = space + rest
        painter.add(shown, style)

    def _base_word(self, wide: bool) -> str:
        return "" if self.base is None else self.base[1] if wide else "base"

    def _note(self, line: ListingLine, number: int, head: bool, last: bool, wide: bool) -> str:
        """The note behind a line: the bracket around the base image, or a text."""
        if self.listing is None:
            return ""
        begins = head and line.kind is not Line.MORE
        if self.base is not None and line.steps and line.steps.start < self.base[0]:
            if line.kind is Line.BASE:
                return self._base_word(wide) if begins else ""
            lines = self.listing.lines
            end = number + 1 == len(lines) or not lines[number + 1].steps
            ends = last and (end or lines[number + 1].steps.start >= self.base[0])
            first = begins and line.steps.start == 0
            bracket = "──" if first and ends else "─┐" if first else "─┘" if ends else " │"
            return f"{bracket} {self._base_word(wide)}" if first else bracket
        if not begins:
            return ""
        if line.kind in NOTES:
            return (NOTES if wide else SHORT_NOTES)[line.kind]
        if line.kind is Line.STEP and self._session.image.steps[line.steps.start].layer is None:
            return "metadata"
        return ""
