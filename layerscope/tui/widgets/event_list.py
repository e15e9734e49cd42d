"""The events of a path, one per row: layer, change, size, mode, owner, changes and outcome."""

from __future__ import annotations

from rich.style import Style

from layerscope import text
from layerscope.analysis import life_words
from layerscope.analysis.life import Event, Life
from layerscope.filesystem.inodes import Why
from layerscope.image.summary import one_line
from layerscope.tui.paint import RowPainter, fit
from layerscope.tui.pointing import Pointed
from layerscope.tui.session import Session
from layerscope.tui.waste_words import layers_width, layers_words
from layerscope.tui.widgets.line_list import LineList
from layerscope.words import Change

CHANGE, SIZE, MODE, OWNER = 12, 9, 10, 11
WIDE = 110
"""Minimum width for mode, owner and long texts."""


def column_titles(width: int, layers: int) -> str:
    """Column titles for a list of this width and an image of so many layers."""
    changes, outcome, _ = _room(width, layers)
    owner = f"  {'mode':<{MODE}}  {'owner':<{OWNER}}" if width >= WIDE else ""
    left = f" {'layer':<{_number_width(layers)}}{'change':<{CHANGE}}{'size':>{SIZE}}{owner}"
    return f"{left}  {fit('changed', changes)} {fit('outcome', outcome)} step"


def _number_width(layers: int) -> int:
    """Cells for the layers of an event, with a space after them."""
    return layers_width(layers) + 1


def _room(width: int, layers: int) -> tuple[int, int, int]:
    """Cells for changes, outcome and instruction."""
    rest = (
        width
        - 1
        - _number_width(layers)
        - CHANGE
        - SIZE
        - 2
        - 2
        - (4 + MODE + OWNER if width >= WIDE else 0)
    )
    changes = rest * 3 // 10
    outcome = 20 if width >= WIDE else 16
    return changes, outcome, max(rest - changes - outcome, 0)


class EventList(LineList):
    """Events of a life, oldest first."""

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._session = session
        self.life: Life | None = None
        self.empty_message = ""

    @property
    def event(self) -> Event | None:
        """The event under the cursor."""
        events = self.life.events if self.life is not None else ()
        return events[self.cursor] if self.cursor < len(events) else None

    def hides(self, event: Event) -> list[Event]:
        """The events whose versions end in the layer of this one."""
        events = self.life.events if self.life is not None and not event.brief else ()
        return [
            other
            for other in events
            if other.loss is not None and other.loss.hidden_by == event.layer and not other.brief
        ]

    def show(self, life: Life | None, empty_message: str) -> None:
        """Show a life, with the cursor on the version in the final image; without one, on the last event."""
        self.life, self.empty_message = life, empty_message
        self.cursor = 0
        self.rows_changed()
        if life is not None:
            shown = [row for row, event in enumerate(life.events) if event.shown]
            self.go_to(shown[-1] if shown else len(life.events) - 1)

    def row_count(self) -> int:
        return len(self.life.events) if self.life is not None else 0

    points = True

    def pointed(self) -> Pointed | None:
        opened, event = self._session.opened, self.event
        state = None if event is None else event.after or event.before
        return None if opened is None or state is None else Pointed.at(opened.filesystem, state.row)

    def empty_text(self) -> str:
        return self.empty_message

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        if self.life is None:
            return
        event = self.life.events[row]
        quiet = self.style_of("quiet")
        contents = life_words.only_contents(event)
        dim = quiet if event.change is Change.UNCHANGED and not contents else None
        layers = len(self._session.image.layers)
        hidden_by = None if event.loss is None else event.loss.hidden_by
        painter.add(f" {fit(layers_words(event.layer, hidden_by), _number_width(layers))}", dim)
        word = f"{life_words.glyph(event)} {life_words.change_word(event)}"
        painter.add(fit(word, CHANGE), dim or self._style_of_change(event))
        size = life_words.size_of(event)
        deleted = event.after is None
        painter.add(
            f"{'' if size is None else text.size(size):>{SIZE}}",
            self.style_of("removed") if deleted else dim,
        )
        if width >= WIDE:
            self._paint_attributes(event, painter, dim)
        changes, outcome, room = _room(width, layers)
        painter.add(f"  {fit(life_words.what_words(event), changes)} ", dim)
        self._paint_outcome(event, outcome, painter)
        step = self._session.image.steps[self._session.image.layers[event.layer].step]
        painter.add(f" {fit(text.safe_name(one_line(step)), room)}", dim)

    def _paint_attributes(self, event: Event, painter: RowPainter, dim: Style | None) -> None:
        """Paint mode and owner after the event; highlight those that changed."""
        state, quiet = event.after or event.before, self.style_of("quiet")
        if state is None:
            painter.add(" " * (4 + MODE + OWNER))
            return
        changed = self.style_of("metadata")
        mode = changed if event.why & Why.MODE else dim or quiet
        owner = changed if event.why & Why.OWNER else dim or quiet
        painter.add(f"  {life_words.mode_words(state):<{MODE}}  ", mode)
        painter.add(fit(life_words.owner_words(state), OWNER), owner)

    def _paint_outcome(self, event: Event, width: int, painter: RowPainter) -> None:
        if event.shown:
            words = "◀ in the final image" if width >= 20 else "◀ in the image"
            painter.add(fit(words, width), self.style_of("added"))
        elif event.loss is not None:
            painter.add(fit(f"{text.size(event.loss.bytes)} wasted", width), self.style_of("waste"))
        else:
            painter.add(" " * width)

    def _style_of_change(self, event: Event) -> Style | None:
        if event.change is None or event.change is Change.UNCHANGED:
            return self.style_of("quiet")
        return self.style_of(event.change.name.lower())
