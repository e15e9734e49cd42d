"""The steps of an image, one per row: size, share, waste, instruction."""

from __future__ import annotations

from textual.message import Message

from layerscope import text
from layerscope.analysis.steps import step_kind
from layerscope.image.history import Step
from layerscope.image.summary import NOTHING_RECORDED, one_line
from layerscope.tui.paint import RowPainter, bar, fit
from layerscope.tui.session import Session
from layerscope.tui.widgets.line_list import LineList
from layerscope.words import DigestState, StepKind

NUMBER, SIZE, WASTE = 4, 9, 9
NARROW = 64
"""Below this width, the bar is short and the share is left out."""


def column_titles(width: int) -> str:
    """Column titles for a list of this width."""
    share = fit("share", _bar_width(width) + (0 if width < NARROW else 6))
    return f" {'#':<{NUMBER}}{'size':>{SIZE}}  {share}{'waste':>{WASTE}}  instruction"


def _bar_width(width: int) -> int:
    return 6 if width < NARROW else 8


class StepList(LineList):
    """Steps in the order of the history; metadata steps can be hidden. A line marks the base image."""

    class BaseMoved(Message):
        """The end of the base image moved."""

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._session = session
        self.shows_metadata = True
        self._steps: list[Step] = list(session.image.steps)
        self.marked: int | None = None
        """The layer to compare with; -1 is before the first."""

    def step_at(self, row: int) -> Step | None:
        """The step in a row."""
        return self._steps[row] if 0 <= row < len(self._steps) else None

    @property
    def step(self) -> Step | None:
        """The step under the cursor."""
        return self.step_at(self.cursor)

    def show_metadata(self, shown: bool) -> None:
        """Show or hide metadata steps; the cursor stays on its step, or the next visible one."""
        current = self.step
        self.shows_metadata = shown
        self._steps = [
            step for step in self._session.image.steps if shown or step.layer is not None
        ]
        self.rows_changed()
        if current is not None:
            self.select(current)

    def mark(self, layer: int | None) -> None:
        """Mark the layer to compare with; None for none."""
        self.marked = layer
        self.rows_changed()

    def select(self, step: Step) -> None:
        """Put the cursor on a step, or the next visible one."""
        row = next(
            (row for row, other in enumerate(self._steps) if other.index >= step.index),
            len(self._steps) - 1,
        )
        self.go_to(row)

    def select_layer(self, layer: int) -> None:
        """Put the cursor on the step that stores a layer."""
        self.select(self._session.image.steps[self._session.image.layers[layer].step])

    def move_base(self, by: int) -> None:
        """Move the end of the base image by `by` steps."""
        if self._session.move_base(by):
            self.rows_changed()
            self.post_message(self.BaseMoved())

    def copied(self) -> tuple[str, str] | None:
        step = self.step
        if step is None:
            return None
        return (
            f"{step.instruction or ''} {step.arguments}".strip(),
            f"the instruction of step {step.index}",
        )

    def row_count(self) -> int:
        return len(self._steps)

    def empty_text(self) -> str:
        return "This image has no history and no layers."

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        step = self._steps[row]
        quiet = self.style_of("quiet")
        if step.layer is not None and step.layer == self.marked:
            painter.add("◆", self.style_of("waste"))
        else:
            painter.add(self._base_mark(row), quiet)
        instruction = text.safe_name(one_line(step))
        share_width = _bar_width(width) + (0 if width < NARROW else 6)
        room = width - 1 - NUMBER - SIZE - 2 - share_width - WASTE - 2
        if step.layer is None:
            word = fit("metadata", share_width + WASTE)
            painter.add(f"{'·':<{NUMBER}}{'0 B':>{SIZE}}  {word}  {fit(instruction, room)}", quiet)
            return
        self._paint_layer(step.layer, width, painter)
        note = self._note(step.layer)
        style = quiet if instruction == NOTHING_RECORDED else None
        if note:
            painter.add(f"  {note} ", self.style_of("metadata"))
            room -= len(note) + 1
        else:
            painter.add("  ")
        word, space, rest = instruction.partition(" ")
        if step.instruction is not None and len(word) < room:
            painter.add(word + space, self.style_of("strong"))
            painter.add(fit(rest, room - len(word + space)), style)
        else:
            painter.add(fit(instruction, room), style)

    def _base_mark(self, row: int) -> str:
        """The line beside the steps of the base image, which ends at the last one."""
        base = self._session.base_steps
        if self._steps[row].index >= base:
            return " "
        below = self.step_at(row + 1)
        return "╰" if below is None or below.index >= base else "│"

    def _paint_layer(self, layer: int, width: int, painter: RowPainter) -> None:
        """Paint number, size, share and waste of a step with a layer."""
        session = self._session
        index = session.indexes[layer]
        painter.add(f"{layer:<{NUMBER}}", self.style_of("strong") if layer == self.marked else None)
        blocks = _bar_width(width)
        if index is None:
            painter.add(
                fit(f"{'…':>{SIZE}}", SIZE + 2 + blocks + (0 if width < NARROW else 6) + WASTE),
                self.style_of("quiet"),
            )
            return
        stored = int(index.columns.stored.sum())
        total = session.opened.accounting.stored if session.opened else session.stored_so_far
        painter.add(f"{text.size(stored):>{SIZE}}  ")
        painter.add(bar(stored / total if total else 0, blocks), self.style_of("bar"))
        if width >= NARROW:
            share = text.percent(stored, total)
            share = share if len(share) <= 6 else text.whole_percent(stored, total)
            painter.add(f"{share:>6}", self.style_of("quiet"))
        if session.opened is None:
            painter.add(f"{'…':>{WASTE}}", self.style_of("quiet"))
            return
        wasted = session.opened.accounting.layers[layer].wasted
        painter.add(
            f"{text.size(wasted) if wasted else '0':>{WASTE}}",
            self.style_of("waste" if wasted else "quiet"),
        )

    def _note(self, layer: int) -> str:
        """The remark before the instruction of a layer; may be empty."""
        session = self._session
        index = session.indexes[layer]
        if index is not None and index.broken is not None:
            return DigestState.DAMAGED.word.lower()
        if session.verified(layer) is False:
            return DigestState.MISMATCH.word.lower()
        repeated = session.image.layers[layer].repeat_of
        if repeated is not None:
            return f"same blob as {repeated}"
        if session.opened is None or index is None:
            return ""
        kind = step_kind(session.opened.filesystem, index, layer)
        return "" if kind is StepKind.FILES else kind.word
