"""The steps pane: the list, and a title that shows the base image or the comparison."""

from __future__ import annotations

from textual import on

from layerscope import text
from layerscope.tui.session import Session
from layerscope.tui.widgets.pane import ColumnTitles, Pane, PaneTitle
from layerscope.tui.widgets.step_list import StepList


class StepsPane(Pane):
    """A `StepList` under its titles."""

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        self.steps = StepList(session, id="steps")
        self._session = session
        self._title = PaneTitle("Steps", hints=("explore.metadata", "app.back"))
        self._columns = ColumnTitles()
        super().__init__(self._title, self._columns, self.steps, id=id)
        self._update_title()

    def update_column_titles(self) -> None:
        """Update the column titles after a change of width."""
        self._columns.show(self.steps.column_titles())

    def toggle_metadata(self) -> None:
        """Show or hide metadata steps."""
        self.steps.show_metadata(not self.steps.shows_metadata)
        self._update_title()

    def mark(self, layer: int | None) -> None:
        """Mark the layer to compare with; None for none."""
        self.steps.mark(layer)
        self._update_title()

    @on(StepList.BaseMoved)
    def _update_title(self) -> None:
        marked = self.steps.marked is not None
        self._title.show("Steps", self._comparing() if marked else self._words())

    def _comparing(self) -> str:
        return f"◆ compared · select another layer · {self._session.key('app.back')} ends"

    def _words(self) -> str:
        """The end of the base image, and whether metadata steps are shown."""
        base = text.count_of(self._session.base_steps, "step")
        key = self._session.key("explore.metadata")
        verb = "hides" if self.steps.shows_metadata else "shows"
        metadata = f"{key} {verb} metadata" if self.steps.metadata else ""
        bases = f"base {base}" if self._session.base_steps else ""
        return " · ".join(filter(None, (bases, metadata)))
