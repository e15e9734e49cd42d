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
from layerscope.tui import tree_title
from layerscope.tui.commands import bindings
from layerscope.tui.session import Session
from layerscope.tui.view import View
from layerscope.tui.widgets import step_list
from layerscope.tui.widgets.details import StepDetails, what_it_sets
from layerscope.tui.widgets.file_tree import FileTree
from layerscope.tui.widgets.filter_bar import FilterBar, FilterInput
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.pane import ColumnTitles, Pane, PaneTitle
from layerscope.tui.widgets.splitter import Splitter
from layerscope.tui.widgets.step_list import StepList

SORTS = list(Sort)

LEAST = (30, 4)
"""How narrow and how low a pane may become, in cells."""
SOON = 0.3
"""Seconds after which it is said that a filter is still being worked out."""
COMPARING = "◆ compared · select another layer · Esc ends"
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
        self.files = FileTree(session.preferences.columns, id="files")
        self.details = StepDetails(session, id="details")
        self.filter_bar = FilterBar(id="filter-bar")
        self._mode = Mode.UP_TO if session.preferences.mode == "all" else Mode.LAYER
        self._before_details: Widget | None = None
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
        yield Pane(
            self._files_title, self.filter_bar, self._files_columns, self.files, id="files-pane"
        )

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
        self._files_columns.show(self.files.column_titles())

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
        view = TreeView(opened.filesystem, mode=self._mode)
        view.set_sort(Sort(self.session.preferences.sort))
        self.files.begin(view, opened.contents)
        self.steps.rows_changed()
        self._show_step(self.steps.step)

    def duplicates_found(self) -> None:
        self.files.copies = self.session.copies
        self.files.rows_changed()

    # selection

    @on(LineList.Highlighted, "#steps")
    def _step_highlighted(self, event: LineList.Highlighted) -> None:
        event.stop()
        self._show_step(self.steps.step)

    def action_move_base(self, by: int) -> None:
        """Let the base image end earlier or later."""
        self.steps.move_base(by)

    @on(StepList.BaseMoved)
    def _base_moved(self) -> None:
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

    def _show_step(self, step: Step | None, reveal: int | None = None) -> None:
        """Show a step in details and tree."""
        self.details.show(step)
        if step is None:
            if not self.session.image.steps:
                self.files.waiting = self.files.nothing = "This image is empty: it holds no files."
                self.files.refresh()
            self._say_title()
            return
        layer = self._layer_below(step) if step.layer is None else step.layer
        marked = self.steps.marked
        mode = self._mode

        def look(view: TreeView) -> None:
            if marked is not None:
                view.set_range(min(marked, layer), max(marked, layer))
            else:
                view.set_mode(mode)
                view.set_layer(layer)

        writes_nothing = step.layer is None and marked is None and mode is Mode.LAYER
        self.files.blank = (
            f"This step writes no layer: it {what_it_sets(step)}." if writes_nothing else ""
        )
        self.files.change(look, reveal)

    def _layer_below(self, step: Step) -> int:
        """The last layer at or below a step, -1 if there is none."""
        layers = [
            other.layer
            for other in self.session.image.steps[: step.index + 1]
            if other.layer is not None
        ]
        return layers[-1] if layers else -1

    def _say_title(self) -> None:
        view, step = self.files.view, self.steps.step
        if step is None or view is None:
            self._files_title.show("Files")
            return
        words = "filtering…" if self.files.working else tree_title.shown(view)
        self._files_title.show(
            self._place(step),
            "" if self.files.blank else words,
            whole=self.steps.marked is not None,
        )

    def _place(self, step: Step) -> str:
        """Which layer is shown, or which two are compared: whichever was marked, the lower one is the old one."""
        marked = self.steps.marked
        if marked is None:
            return tree_title.place(step)
        return tree_title.compared(*sorted((marked, self._layer_below(step))))

    @on(FileTree.RowsChanged)
    def _rows_changed(self, event: FileTree.RowsChanged) -> None:
        event.stop()
        view, step = self.files.view, self.steps.step
        if view is not None and step is not None:
            index = self.session.indexes[step.layer] if step.layer is not None else None
            self.files.nothing = tree_title.nothing(view, index)
            if not self.files.row_count():
                self.files.refresh()
        self._say_title()
        self.refresh_bindings()
        self.call_after_refresh(self._name_columns)

    # the filter

    def action_filter(self) -> None:
        self.files.expect_filter()
        self.filter_bar.open()

    @on(FilterBar.Changed)
    def _filter_changed(self, event: FilterBar.Changed) -> None:
        event.stop()
        self.files.change(lambda view: view.set_filter(event.wanted))
        if self.files.working:
            self.set_timer(SOON, self._say_title)

    @on(FileTree.FilterFailed)
    def _filter_failed(self, event: FileTree.FilterFailed) -> None:
        event.stop()
        self.filter_bar.say(event.words)

    @on(FilterBar.Done)
    def _filter_done(self, event: FilterBar.Done) -> None:
        event.stop()
        self.filter_bar.leave()
        self.screen.set_focus(self.files)

    @on(FilterInput.Moved)
    def _moved(self, event: FilterInput.Moved) -> None:
        event.stop()
        if event.pages:
            self.files.action_page(event.by)
        else:
            self.files.action_move(event.by)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In the field a slash is text."""
        return not (action == "filter" and self.filter_bar.typing)

    @property
    def can_go_back(self) -> bool:
        wanted = self.files.wanted
        flat = wanted is not None and wanted.flat
        held = bool(self.filter_bar.field.value) or self.steps.marked is not None
        return self.details.has_focus or held or flat

    def back(self) -> bool:
        if self.details.has_focus:
            self.action_toggle_details()
            return True
        if self.filter_bar.typing:
            self.filter_bar.leave()
            self.screen.set_focus(self.files)
            return True
        if self.filter_bar.clear():
            return True
        if self.steps.marked is not None:
            self._compare_with(None)
            return True
        if self.files.wanted is not None and self.files.wanted.flat:
            self.action_toggle_flat()
            return True
        return False

    # commands

    def action_toggle_metadata(self) -> None:
        self.steps.show_metadata(not self.steps.shows_metadata)
        self._steps_title.show("Steps", self._steps_word())

    def action_toggle_mode(self) -> None:
        self._mode = Mode.LAYER if self._mode is Mode.UP_TO else Mode.UP_TO
        self._compare_with(None)

    def action_toggle_changed_only(self) -> None:
        view = self.files.wanted
        if view is None:
            return
        changed_only = self._mode is not Mode.UP_TO or not view.changed_only
        self._mode = Mode.UP_TO
        self.files.change(lambda view: view.set_changed_only(changed_only))
        self._compare_with(None)

    def action_cycle_sort(self) -> None:
        view = self.files.wanted
        if view is not None:
            sort = SORTS[(SORTS.index(view.sort) + 1) % len(SORTS)]
            self.session.preferences.remember_sort(sort.value)
            self.files.change(lambda view: view.set_sort(sort))

    def action_toggle_flat(self) -> None:
        view = self.files.wanted
        if view is not None:
            flat = not view.flat
            self.files.change(lambda view: view.set_flat(flat))
            self.screen.set_focus(self.files)

    def action_compare(self) -> None:
        step = self.steps.step
        if step is None:
            return
        self._compare_with(None if self.steps.marked is not None else self._layer_below(step))

    def _compare_with(self, layer: int | None) -> None:
        """Compare what is selected with a layer; None for nothing."""
        self.steps.mark(layer)
        self._steps_title.show(
            "Steps",
            self._steps_word() if layer is None else COMPARING,
        )
        self._show_step(self.steps.step)

    def action_choose_columns(self) -> None:
        from layerscope.tui.screens.columns import ColumnsScreen

        self.app.push_screen(
            ColumnsScreen(self.files.chosen, self._choose_columns, self.files.columns_seen)
        )

    def _choose_columns(self, chosen: tuple[str, ...]) -> None:
        self.files.choose(chosen)
        self.session.preferences.remember_columns(chosen)

    def reveal(self, layer: int, path: int) -> None:
        """Show a path where a layer stores it."""
        self.filter_bar.clear()
        self.steps.mark(None)
        self._mode = Mode.LAYER
        self.files.change(_plain_tree)
        self.steps.select_layer(layer)
        self._show_step(self.steps.step, reveal=path)
        self.screen.set_focus(self.files)

    def show_step(self, index: int) -> None:
        """Put the cursor on a step, also where metadata steps are hidden."""
        step = self.session.image.steps[index]
        if step.layer is None and not self.steps.shows_metadata:
            self.action_toggle_metadata()
        self.steps.select(step)
        self.screen.set_focus(self.steps)

    def panes(self) -> list[Widget]:
        return [self.steps, self.files, self.details]

    def go_to_pane(self, pane: Widget) -> None:
        """Details stand in place of the steps where there is not room for both."""
        self.set_class(pane is self.details, "-details")
        super().go_to_pane(pane)

    def share_room(self) -> None:
        """In a narrow terminal: the panes above have more room while keys work in them."""
        self.set_class(self.roomy is self.details, "-details")
        self.set_class(self.roomy not in (self.steps, self.details), "-files")

    def action_toggle_details(self) -> None:
        if self.details.has_focus:
            self.go_to_pane(self._before_details or self.steps)
        else:
            focused = self.screen.focused
            self._before_details = focused if focused in self.panes() else None
            self.go_to_pane(self.details)

    @on(StepDetails.Opened)
    def _details_opened(self, event: StepDetails.Opened) -> None:
        event.stop()
        self.go_to_pane(self.files)


def _plain_tree(view: TreeView) -> None:
    view.set_filter(None)
    view.set_flat(False)
