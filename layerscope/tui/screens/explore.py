"""Explore: the steps, the files of the one that is selected, and what there is to know about it."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget

from layerscope import text
from layerscope.filesystem.modes import Mode
from layerscope.filesystem.ordering import Sort
from layerscope.filesystem.tree import TreeView
from layerscope.image.history import Step
from layerscope.image.summary import one_line
from layerscope.tui.commands import bindings
from layerscope.tui.session import Session
from layerscope.tui.view import View
from layerscope.tui.widgets import file_tree, step_list
from layerscope.tui.widgets.details import StepDetails
from layerscope.tui.widgets.file_tree import FileTree
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.pane import ColumnTitles, Pane, PaneTitle
from layerscope.tui.widgets.splitter import Splitter
from layerscope.tui.widgets.step_list import StepList

SORT_WORDS = {
    Sort.SIZE: "by size",
    Sort.NAME: "by name",
    Sort.CHANGE: "by change",
    Sort.LAYER: "by layer",
}

LEAST = (30, 4)
"""How narrow and how low a pane may become, in cells."""
PACE = 2
"""Cells by which a key moves the line between left and right."""


class ExploreView(View):
    """Steps and details on the left, files on the right; one above the other in a narrow terminal."""

    DEFAULT_CSS = """
    ExploreView { layout: horizontal; }
    ExploreView > #left { width: 45%; }
    ExploreView > #across { pointer: ew-resize; }
    ExploreView > #left > #steps-pane { height: 3fr; }
    ExploreView > #left > #above-details { width: 1fr; height: 1; pointer: ns-resize; }
    ExploreView > #left > #details-pane { height: 2fr; }
    ExploreView > #files-pane { width: 1fr; }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("explore", "steps")

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(session, id=id)
        self.steps = StepList(session, id="steps")
        self.files = FileTree(id="files")
        self.details = StepDetails(session, id="details")
        self._steps_title = PaneTitle("Steps", self._steps_word())
        self._steps_columns = ColumnTitles()
        self._files_title = PaneTitle("Files")
        self._files_columns = ColumnTitles()

    def compose(self) -> ComposeResult:
        with Vertical(id="left") as left:
            steps = Pane(self._steps_title, self._steps_columns, self.steps, id="steps-pane")
            yield steps
            yield Splitter(steps, LEAST, id="above-details")
            yield Pane(PaneTitle("Details"), None, self.details, id="details-pane")
        self._across = Splitter(left, LEAST, id="across")
        yield self._across
        yield Pane(self._files_title, self._files_columns, self.files, id="files-pane")

    def on_mount(self) -> None:
        first = next((step for step in self.session.image.steps if step.layer is not None), None)
        if first is not None:
            self.steps.select(first)
        self.details.show(self.steps.step)
        super().on_mount()

    def _name_columns(self) -> None:
        self._steps_columns.show(
            step_list.column_titles(self.steps.scrollable_content_region.width)
        )
        self._files_columns.show(
            file_tree.column_titles(self.files.scrollable_content_region.width)
        )

    def on_resize(self) -> None:
        self.call_after_refresh(self._name_columns)

    @on(Splitter.Moved)
    def _panes_resized(self, event: Splitter.Moved) -> None:
        event.stop()
        self._name_columns()

    def action_move_splitter(self, by: int) -> None:
        """Give the left panes more room, or the right one."""
        self._across.move(by * PACE)

    # what is known

    def layers_changed(self) -> None:
        self.steps.rows_changed()
        self.details.show(self.steps.step)

    def stacked(self) -> None:
        opened = self.session.opened
        if opened is None:
            return
        self.files.view = TreeView(opened.filesystem)
        self.steps.rows_changed()
        self._show_step(self.steps.step)

    # selection

    @on(LineList.Highlighted, "#steps")
    def _step_highlighted(self, event: LineList.Highlighted) -> None:
        event.stop()
        self._show_step(self.steps.step)

    def action_move_base(self, by: int) -> None:
        """Let the base image end earlier or later."""
        self.steps.move_base(by)

    @on(StepList.BaseMoved)
    def _base_moved(self, event: StepList.BaseMoved) -> None:
        event.stop()
        self._steps_title.show("Steps", self._steps_word())
        self.details.show(self.steps.step)

    def _steps_word(self) -> str:
        """What the title of the steps says: where the base image ends, and the metadata steps."""
        base = text.count_of(self.session.base_steps, "step")
        metadata = "m metadata" if self.steps.shows_metadata else "metadata hidden · m shows"
        return f"base {base} · {metadata}" if self.session.base_steps else metadata

    @on(LineList.Opened, "#steps")
    def _step_opened(self, event: LineList.Opened) -> None:
        event.stop()
        self.screen.set_focus(self.files)

    def _show_step(self, step: Step | None) -> None:
        self.details.show(step)
        view = self.files.view
        if step is None or view is None:
            self._say_title(step)
            return
        path = self.files.path
        if step.layer is not None:
            view.set_layer(step.layer)
        elif view.mode is Mode.UP_TO:
            view.set_layer(self._layer_below(step))
        self.files.nothing = self._nothing(step)
        self.files.view_changed(path)
        self._say_title(step)

    def _layer_below(self, step: Step) -> int:
        """The last layer at or below a step, -1 if there is none."""
        layers = [
            other.layer
            for other in self.session.image.steps[: step.index + 1]
            if other.layer is not None
        ]
        return layers[-1] if layers else -1

    def _nothing(self, step: Step) -> str:
        """What the tree says when it is empty."""
        view = self.files.view
        if view is not None and view.mode is Mode.UP_TO:
            return "The image is empty here."
        index = self.session.indexes[step.layer] if step.layer is not None else None
        if index is not None and not len(index):
            return "This layer is empty: it has no entries."
        return "This layer changes nothing: all its entries equal what lies below."

    def _say_title(self, step: Step | None) -> None:
        view = self.files.view
        if step is None or view is None:
            self._files_title.show("Files")
            return
        where = f"Layer {step.layer}" if step.layer is not None else f"Step {step.index}"
        mode = "changes in this layer" if view.mode is Mode.LAYER else "all layers up to here"
        if view.changed_only and view.mode is Mode.UP_TO:
            mode += ", changed only"
        rows = text.count_of(len(view.rows), "row")
        self._files_title.show(
            f"{where} · {text.safe_name(one_line(step))}",
            f"{mode} · {SORT_WORDS[view.sort]} · {rows}",
        )

    @on(FileTree.RowsChanged)
    def _rows_changed(self, event: FileTree.RowsChanged) -> None:
        event.stop()
        self._say_title(self.steps.step)
        self.call_after_refresh(self._name_columns)

    # commands

    def action_toggle_metadata(self) -> None:
        self.steps.show_metadata(not self.steps.shows_metadata)
        self._steps_title.show("Steps", self._steps_word())

    def action_toggle_mode(self) -> None:
        view = self.files.view
        if view is not None:
            view.set_mode(Mode.LAYER if view.mode is Mode.UP_TO else Mode.UP_TO)
            self._show_step(self.steps.step)

    def action_toggle_changed_only(self) -> None:
        view = self.files.view
        if view is not None:
            if view.mode is not Mode.UP_TO:
                view.set_mode(Mode.UP_TO)
                view.set_changed_only(True)
            else:
                view.set_changed_only(not view.changed_only)
            self._show_step(self.steps.step)

    def action_cycle_sort(self) -> None:
        view = self.files.view
        if view is not None:
            orders = list(SORT_WORDS)
            path = self.files.path
            view.set_sort(orders[(orders.index(view.sort) + 1) % len(orders)])
            self.files.view_changed(path)
            self._say_title(self.steps.step)

    def reveal(self, layer: int, path: int) -> None:
        """Show a path where a layer stores it."""
        view = self.files.view
        if view is None:
            return
        view.set_mode(Mode.LAYER)
        self.steps.select_layer(layer)
        self._show_step(self.steps.step)
        row = view.reveal(path)
        self.files.rows_changed()
        if row is not None:
            self.files.go_to(row)
        self._say_title(self.steps.step)
        self.screen.set_focus(self.files)

    def show_step(self, index: int) -> None:
        """Put the cursor on a step, also where metadata steps are hidden."""
        step = self.session.image.steps[index]
        if step.layer is None and not self.steps.shows_metadata:
            self.action_toggle_metadata()
        self.steps.select(step)
        self.steps.focus()

    def panes(self) -> list[Widget]:
        return [self.steps, self.files]
