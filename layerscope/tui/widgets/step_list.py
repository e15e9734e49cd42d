"""The steps of an image, one per row: size, waste, instruction; above them the final image, below them the metadata steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import Enum

from rich.cells import cell_len
from textual.message import Message

from layerscope import text
from layerscope.analysis.steps import step_kind
from layerscope.image.history import Step
from layerscope.image.summary import NOTHING_RECORDED, one_line, split_run
from layerscope.tui.paint import RowPainter, bar, fit
from layerscope.tui.session import Session
from layerscope.tui.widgets.line_list import LineList
from layerscope.words import DigestState, StepKind

NUMBER, SIZE, BAR, SHARE, WASTE = 4, 9, 6, 7, 9
BEFORE_INSTRUCTION = 1 + NUMBER + SIZE + 1 + BAR + WASTE + 2
"""Cells before the instruction, without the share."""
WITH_SHARE = 200
"""Minimum width of the terminal for a percentage beside the bar."""


class Extra(Enum):
    """A row that is not a step."""

    FINAL = "Final image"
    METADATA = "metadata steps"
    """Stands for all metadata steps while they are hidden."""


Row = Step | Extra


class StepList(LineList):
    """The final image, then the steps in the order of the history. A line marks the base image."""

    class BaseMoved(Message):
        """The end of the base image moved."""

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._session = session
        self.shows_metadata = False
        self.marked: int | None = None
        """The layer to compare with; -1 is before the first."""
        self._rows = self._all_rows()

    def _all_rows(self) -> list[Row]:
        image = self._session.image
        steps = [step for step in image.steps if self.shows_metadata or step.layer is not None]
        final: list[Row] = [Extra.FINAL] if image.layers else []
        hidden: list[Row] = [Extra.METADATA] if len(steps) < len(image.steps) else []
        return [*final, *steps, *hidden]

    def row_at(self, row: int) -> Row | None:
        """The step or extra row at a position; None if there is none."""
        return self._rows[row] if 0 <= row < len(self._rows) else None

    @property
    def selected(self) -> Row | None:
        """The step or extra row under the cursor."""
        return self.row_at(self.cursor)

    @property
    def step(self) -> Step | None:
        """The step under the cursor."""
        selected = self.selected
        return selected if isinstance(selected, Step) else None

    @property
    def metadata(self) -> Sequence[Step]:
        """The steps without a layer."""
        return [step for step in self._session.image.steps if step.layer is None]

    def show_metadata(self, shown: bool) -> None:
        """Show or hide metadata steps; the cursor stays on its step, or goes to the next visible one."""
        current = self.selected
        self.shows_metadata = shown
        self._rows = self._all_rows()
        self.rows_changed()
        if current is Extra.METADATA:
            current = next(iter(self.metadata), None)
        if current is not None:
            self.select(current)

    def mark(self, layer: int | None) -> None:
        """Mark the layer to compare with; None for none."""
        self.marked = layer
        self.rows_changed()

    def select(self, wanted: Row) -> None:
        """Put the cursor on a row; on the next visible step if it is hidden."""
        later = (
            number
            for number, row in enumerate(self._rows)
            if row == wanted
            or (isinstance(row, Step) and isinstance(wanted, Step) and row.index >= wanted.index)
        )
        self.go_to(next(later, len(self._rows) - 1))

    def select_layer(self, layer: int) -> None:
        """Put the cursor on the step that stores a layer."""
        self.select(self._session.image.steps[self._session.image.layers[layer].step])

    def select_costliest(self) -> None:
        """Put the cursor on the step that stores most of those read so far, without the base image."""
        session = self._session
        known = [session.stored_bytes(layer) for layer in range(len(session.indexes))]
        stored = [-1 if size is None else size for size in known]
        base = session.base_layers if session.base_layers < len(stored) else 0
        if stored:
            self.select_layer(max(range(base, len(stored)), key=stored.__getitem__))

    def move_base(self, by: int) -> None:
        """Move the end of the base image by `by` steps."""
        if self._session.move_base(by):
            self.base_moved()

    def base_moved(self) -> None:
        """Repaint after the end of the base image moved, and announce it."""
        self.rows_changed()
        self.post_message(self.BaseMoved())

    def copyable(self) -> tuple[str, str] | None:
        step = self.step
        if step is None:
            return None
        return (
            f"{step.instruction or ''} {step.arguments}".strip(),
            f"the instruction of step {step.index}",
        )

    def row_count(self) -> int:
        return len(self._rows)

    def empty_text(self) -> str:
        return "This image has no history and no layers."

    # painting

    @property
    def _share(self) -> int:
        """Cells of the percentage; 0 without room for it."""
        return SHARE if self.app.size.width >= WITH_SHARE else 0

    def column_titles(self) -> str:
        """Column titles."""
        share = fit("share", BAR + self._share)
        return f" {'#':<{NUMBER}}{'size':>{SIZE}} {share}{'waste':>{WASTE}}  instruction"

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        shown = self._rows[row]
        room = width - BEFORE_INSTRUCTION - self._share
        if shown is Extra.FINAL:
            self._paint_final(room, painter)
        elif shown is Extra.METADATA:
            words = fit(_counted(self.metadata), width - 2 - NUMBER)
            painter.add(f" {'·':<{NUMBER}} {words}", self.style_of("quiet"))
        elif isinstance(shown, Step):
            self._paint_step(row, shown, room, painter)

    def _paint_final(self, room: int, painter: RowPainter) -> None:
        opened, layers = self._session.opened, len(self._session.image.layers)
        painter.add(" " * (1 + NUMBER))
        if opened is None:
            painter.add(fit(f"{'…':>{SIZE}}", BEFORE_INSTRUCTION + self._share - NUMBER - 1))
        else:
            accounting = opened.accounting
            painter.add(f"{text.size(accounting.live):>{SIZE}}{'':{1 + BAR + self._share}}")
            self._paint_waste(accounting.wasted, painter)
            painter.add("  ")
        name = f"{Extra.FINAL.value} "
        painter.add(name, self.style_of("strong"))
        painter.add(
            fit(f"all {text.count_of(layers, 'layer')}", room - len(name)),
            self.style_of("quiet"),
        )

    def _paint_step(self, row: int, step: Step, room: int, painter: RowPainter) -> None:
        quiet = self.style_of("quiet")
        if step.layer is not None and step.layer == self.marked:
            painter.add("◆", self.style_of("waste"))
        else:
            painter.add(self._base_mark(row), quiet)
        instruction = text.safe_name(one_line(step))
        if step.layer is None:
            word = fit("metadata", SIZE + 1 + BAR + self._share + WASTE)
            painter.add(f"{'·':<{NUMBER}}{word}  {fit(instruction, room)}", quiet)
            return
        self._paint_layer(step.layer, painter)
        note = self._note(step.layer)
        style = quiet if instruction == NOTHING_RECORDED else None
        if note:
            painter.add(f"  {note} ", self.style_of("metadata"))
            room -= len(note) + 1
        else:
            painter.add("  ")
        word, space, rest = instruction.partition(" ")
        if step.instruction is None or len(word) >= room:
            painter.add(fit(instruction, room), style)
            return
        painter.add(word + space, self.style_of("strong"))
        room -= len(word + space)
        _, prelude, command = split_run(instruction)
        if prelude and cell_len(rest) > room:
            prelude = "… "
        painter.add(prelude, quiet)
        painter.add(fit(command if prelude else rest, room - cell_len(prelude)), style)

    def _base_mark(self, row: int) -> str:
        """The line beside the steps of the base image; its last step ends it."""
        base = self._session.base_steps
        here, below = self._rows[row], self.row_at(row + 1)
        if not isinstance(here, Step) or here.index >= base:
            return " "
        return "│" if isinstance(below, Step) and below.index < base else "╰"

    def _paint_layer(self, layer: int, painter: RowPainter) -> None:
        """Paint number, size, share and waste of a step with a layer."""
        session = self._session
        stored = session.stored_bytes(layer)
        painter.add(f"{layer:<{NUMBER}}", self.style_of("strong") if layer == self.marked else None)
        if stored is None:
            room = SIZE + 1 + BAR + self._share + WASTE
            sent = session.sent_bytes(layer)
            known = f"{'…':>{SIZE}}" if sent is None else f"{text.size(sent):>{SIZE}} compressed"
            painter.add(fit(known, room), self.style_of("quiet"))
            return
        total = session.opened.accounting.stored if session.opened else session.stored_so_far
        painter.add(f"{text.size(stored):>{SIZE}} ")
        painter.add(bar(stored / total if total else 0, BAR), self.style_of("bar"))
        if self._share:
            painter.add(f"{text.percent(stored, total):>{SHARE}}", self.style_of("quiet"))
        opened = session.opened
        self._paint_waste(
            None if opened is None else opened.accounting.layers[layer].wasted, painter
        )

    def _paint_waste(self, wasted: int | None, painter: RowPainter) -> None:
        """Paint wasted bytes; None if not known yet."""
        words = "…" if wasted is None else text.size(wasted) if wasted else "0"
        painter.add(f"{words:>{WASTE}}", self.style_of("waste" if wasted else "quiet"))

    def _note(self, layer: int) -> str:
        """The note before the instruction of a layer; may be empty."""
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


def _counted(steps: Sequence[Step]) -> str:
    """`+6 metadata: CMD, ENV ×2, …`, in the order of the history."""
    counts = Counter(text.safe_name(step.instruction or "other") for step in steps)
    named = ", ".join(name if count == 1 else f"{name} ×{count}" for name, count in counts.items())
    return f"+{len(steps)} metadata: {named}"
