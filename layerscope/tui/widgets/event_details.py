"""The details of one event of a path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from layerscope import text
from layerscope.analysis import life_words
from layerscope.analysis.life import Event, State
from layerscope.filesystem.inodes import Why
from layerscope.image.summary import one_line
from layerscope.layers.index import KIND_NAMES, Kind
from layerscope.tui.session import Session
from layerscope.words import Change


class EventDetails(VerticalScroll, can_focus=False):
    """Shows one event."""

    DEFAULT_CSS = """
    EventDetails { padding: 0 1; scrollbar-size-vertical: 1; background: $background; }
    EventDetails > Static { width: 1fr; }
    """

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._session = session
        self._body = Static(markup=False)

    def compose(self) -> ComposeResult:
        yield self._body

    def show(self, event: Event | None, hides: Sequence[Event] = ()) -> None:
        """Show an event, or nothing; `hides` are the events whose versions it replaces or deletes."""
        lines = [] if event is None else [*self._lines(event), *self._hides(hides)]
        self._body.update(Text("\n".join(lines)))
        self.scroll_home(animate=False)

    def _lines(self, event: Event) -> Iterator[str]:
        image = self._session.image
        step = image.steps[image.layers[event.layer].step]
        yield f"Layer {event.layer} · step {step.index} · {text.safe_name(one_line(step))}"
        yield self._change_words(event)
        for label, state in (("before", event.before), ("after ", event.after)):
            if state is not None and event.change is not None:
                yield f"{label}  {self._describe(state)}"
        differs = list(life_words.differences(event))
        if event.why & Why.MTIME and event.before is not None and event.after is not None:
            times = (event.before.mtime, event.after.mtime)
            old, new = map(text.time_of, times)
            if old == new:
                old, new = (text.time_of(time, exact=True) for time in times)
            differs[differs.index("mtime")] = f"mtime {old} → {new}"
        if differs:
            yield f"changed {' · '.join(differs)}"
        below = life_words.below_words(event)
        if below:
            yield f"inside  {below}"
        yield from self._outcome(event)

    def _hides(self, hides: Sequence[Event]) -> Iterator[str]:
        """The bytes of earlier events that this one turned into waste."""
        for event in hides:
            if event.loss is not None:
                why = event.loss.reason.word
                yield f"hides   {text.exact_size(event.loss.bytes)} from layer {event.layer}: {why}"

    def _change_words(self, event: Event) -> str:
        if event.brief:
            return "stored here, then replaced or deleted by the same layer"
        if life_words.only_contents(event):
            return f"only its contents change · {text.exact_size(event.total or 0)} afterwards"
        if event.change is None:
            return ""
        words = {
            Change.ADDED: "added",
            Change.MODIFIED: "modified",
            Change.METADATA: "same content, different attributes",
            Change.REMOVED: "deleted",
            Change.UNCHANGED: "stored again without a change",
        }[event.change]
        total = f" · {text.exact_size(event.total)} afterwards" if event.total is not None else ""
        return words + ("" if event.change is Change.REMOVED else total)

    def _describe(self, state: State) -> str:
        """Type, size, mode, owner and time of a path."""
        parts = [KIND_NAMES[state.kind].replace("-", " ")]
        if state.kind is Kind.FILE:
            parts.append(text.exact_size(state.bytes))
        if state.target:
            parts.append(f"→ {text.safe_name(state.target)}")
        if state.known:
            parts += (
                life_words.mode_words(state),
                life_words.owner_words(state),
                text.time_of(state.mtime),
            )
        else:
            parts.append("implicit parent directory: attributes unknown")
        return " · ".join(parts)

    def _outcome(self, event: Event) -> Iterator[str]:
        opened, loss = self._session.opened, event.loss
        if event.shown:
            yield "◀ in the final image"
        if loss is None or opened is None:
            return
        image = self._session.image
        step = image.steps[image.layers[loss.hidden_by].step]
        where = ""
        if loss.path != event.path:
            name = text.safe_name(opened.filesystem.table.full(loss.path))
            where = f", counted at its last path /{name}"
        yield (
            f"{text.exact_size(loss.bytes)} wasted{where}: {loss.reason.word}"
            f" by layer {loss.hidden_by}, {text.safe_name(one_line(step))}"
        )
