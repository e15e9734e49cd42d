"""Explore: the steps, and the files and details of the selected one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget

from layerscope.image.base import layers_of
from layerscope.image.history import Step
from layerscope.tui import tree_words
from layerscope.tui.commands import bindings
from layerscope.tui.session import Session
from layerscope.tui.tree_words import Place
from layerscope.tui.view import ShowFinding, ShowLife, View
from layerscope.tui.widgets.details import StepDetails
from layerscope.tui.widgets.file_tree import FileTree
from layerscope.tui.widgets.files_pane import FilesPane
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.pane import Pane, PaneTitle
from layerscope.tui.widgets.splitter import Splitter
from layerscope.tui.widgets.step_list import Extra, Row, StepList
from layerscope.tui.widgets.steps_pane import StepsPane
from layerscope.tui.widgets.summary_list import SummaryList, WastedFile

if TYPE_CHECKING:
    from layerscope.filesystem.model import Filesystem

TITLE_LINES = 2
"""Lines above the steps."""
LOW_HEIGHT, SUMMARY_HEIGHT = 14, 8
"""Height below which the summary is hidden while the steps are shown; minimum height of the summary above that."""
MIN_PANE_SIZE = (30, 4)
"""Minimum width and height of a pane, in cells."""
SPLITTER_STEP = 2
"""Cells that one key press moves the splitter."""


class ExploreView(View):
    """Steps and details on the left, files on the right; one above the other in a narrow terminal."""

    DEFAULT_CSS = """
    ExploreView { layout: horizontal; }
    ExploreView > #left { width: 50%; }
    ExploreView > #across { pointer: ew-resize; }
    ExploreView > #left > #above { height: 2fr; }
    ExploreView #summary-pane { height: 1fr; padding-top: 1; }
    ExploreView.-alone #summary-pane { display: none; padding: 0; }
    ExploreView.-alone.-summary #summary-pane { display: block; }
    ExploreView.-alone.-summary #steps-pane { display: none; }
    ExploreView > #left > #above-details { width: 1fr; height: 1; pointer: ns-resize; }
    ExploreView > #left > #details-pane { height: 1fr; }
    ExploreView > #files-pane { width: 1fr; }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("explore", "steps")

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(session, id=id)
        self._steps_pane = StepsPane(session, id="steps-pane")
        self.steps = self._steps_pane.steps
        self._files_pane = FilesPane(session, id="files-pane")
        self.files = self._files_pane.files
        self.filter_bar = self._files_pane.filter_bar
        self.summary = SummaryList(session, id="summary")
        self.details = StepDetails(session, id="details")
        self._before_details: Widget | None = None
        self._user_acted = False
        """Whether a key or a mouse button was pressed; from then on the cursor does not move by itself."""

    def compose(self) -> ComposeResult:
        with Vertical(id="left") as left:
            with Vertical(id="above") as above:
                yield self._steps_pane
                yield Pane(PaneTitle("Summary"), None, self.summary, id="summary-pane")
            yield Splitter(above, MIN_PANE_SIZE, id="above-details")
            yield Pane(PaneTitle("Details"), None, self.details, id="details-pane")
        self._splitter = Splitter(left, MIN_PANE_SIZE, id="across")
        yield self._splitter
        yield self._files_pane

    def on_mount(self) -> None:
        self._show_costliest()
        self._show_details()
        super().on_mount()

    # results of the loader

    def layers_changed(self) -> None:
        self.steps.rows_changed()
        self._show_costliest()
        self._show_details()

    def stacked(self) -> None:
        self._files_pane.begin()
        self.steps.rows_changed()
        self.summary.collect()
        self._show_costliest()
        self._show_step()

    def show_expected(self, filesystem: Filesystem) -> None:
        """Show the filesystem from the layers' tables of contents until the layers are read."""
        self._files_pane.show_expected(filesystem)
        self._show_step()

    def duplicates_found(self) -> None:
        self._files_pane.duplicates_found()

    def findings_found(self) -> None:
        self.summary.collect()
        self._files_pane.update_marks()

    def base_moved(self) -> None:
        self.summary.collect()

    # selection

    def on_key(self) -> None:
        self._user_acted = True

    def on_mouse_down(self) -> None:
        self._user_acted = True

    def _show_costliest(self) -> None:
        """Keep the cursor on the costliest step until the user presses a key or a mouse button."""
        if not self._user_acted:
            self.steps.select_costliest()

    def _show_step(self, reveal: int | None = None) -> None:
        """Show the row under the cursor of the steps in the details and the tree."""
        self._show_details()
        self._files_pane.show_place(self._place(), self.steps.marked, reveal)

    def _show_details(self) -> None:
        self.details.show(self.steps.selected)

    def _place(self) -> Place | None:
        """The step or image that the tree shows; None in an image without steps."""
        selected, image = self.steps.selected, self.session.image
        last = len(image.layers) - 1
        if isinstance(selected, Step):
            layer = layers_of(image.steps, selected.index + 1) - 1
            return tree_words.place_of(selected, layer)
        if selected is Extra.METADATA:
            key = self.session.key("explore.metadata")
            return Place("Metadata steps", last, no_files=f"Steps without files. {key} lists them.")
        return Place("Final image", last, final=True) if selected is Extra.FINAL else None

    @on(LineList.Highlighted, "#steps")
    def _step_highlighted(self, event: LineList.Highlighted) -> None:
        event.stop()
        self._show_step()

    @on(LineList.Opened, "#steps")
    def _step_opened(self, event: LineList.Opened) -> None:
        event.stop()
        if self.steps.selected is Extra.METADATA:
            self.action_toggle_metadata()
        else:
            self.screen.set_focus(self.files)

    @on(LineList.Opened, "#summary")
    def _summary_opened(self, event: LineList.Opened) -> None:
        event.stop()
        selected = self.summary.selected
        if isinstance(selected, WastedFile):
            self.post_message(ShowLife(selected.pointed.path))
        elif selected is not None:
            self.post_message(ShowFinding(selected))

    def action_move_base(self, by: int) -> None:
        """Move the end of the base image."""
        self.steps.move_base(by)

    @on(StepList.BaseMoved)
    def _base_moved(self) -> None:
        self._show_details()

    def action_compare(self) -> None:
        """Mark the layer and focus the list to select the other one, or stop comparing."""
        place = self._place()
        if place is None:
            return
        marks = self.steps.marked is None
        self._compare_with(place.layer if marks else None)
        if marks and not self.steps.has_focus:
            self.go_to_pane(self.steps)

    def _compare_with(self, layer: int | None) -> None:
        """Compare the selected layer with `layer`; None stops comparing."""
        self._steps_pane.mark(layer)
        self._show_step()

    def reveal(self, layer: int, path: int) -> None:
        """Show a path where a layer stores it."""
        self._steps_pane.mark(None)
        self._files_pane.reset()
        self.steps.select_layer(layer)
        self._show_step(reveal=path)
        self.screen.set_focus(self.files)

    def restore_point(self) -> Callable[[], None]:
        steps_state, files_state = self._steps_state(), self._files_pane.state()

        def show() -> None:
            if (steps_state, files_state) == (self._steps_state(), self._files_pane.state()):
                return
            row, marked, metadata = steps_state
            if metadata != self.steps.shows_metadata:
                self.action_toggle_metadata()
            if row is not None:
                self.steps.select(row)
            self._steps_pane.mark(marked)
            self._files_pane.restore(files_state)
            self._show_step(reveal=files_state.path)

        return show

    def _steps_state(self) -> tuple[Row | None, int | None, bool]:
        """The row under the cursor of the steps, the marked layer, and whether metadata steps are shown."""
        return self.steps.selected, self.steps.marked, self.steps.shows_metadata

    def show_step(self, index: int) -> None:
        """Put the cursor on a step, showing metadata steps if necessary."""
        step = self.session.image.steps[index]
        if step.layer is None and not self.steps.shows_metadata:
            self.action_toggle_metadata()
        self._steps_pane.mark(None)
        self._files_pane.reset()
        self.steps.select(step)
        self._show_step()
        self.screen.set_focus(self.steps)

    # commands

    def action_toggle_metadata(self) -> None:
        self._steps_pane.toggle_metadata()

    def action_toggle_mode(self) -> None:
        self._files_pane.toggle_mode()
        self._compare_with(None)

    def action_toggle_changed_only(self) -> None:
        if self.files.target_view is not None:
            self._files_pane.toggle_changed_only()
            self._compare_with(None)

    def action_cycle_sort(self) -> None:
        self._files_pane.cycle_sort()

    def action_toggle_flat(self) -> None:
        self._files_pane.toggle_flat()

    def action_filter(self) -> None:
        self._files_pane.open_filter()

    def action_choose_columns(self) -> None:
        self._files_pane.choose_columns()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Do not open the filter from its own field, where a slash is text."""
        return not (action == "filter" and self.filter_bar.typing)

    @property
    def can_go_back(self) -> bool:
        pane = self._files_pane
        held = pane.filtered or pane.flat or self.steps.marked is not None
        return self.details.has_focus or held

    @property
    def back_words(self) -> str:
        first = self.details.has_focus or self._files_pane.filtered
        return "End" if self.steps.marked is not None and not first else ""

    def back(self) -> bool:
        if self.details.has_focus:
            self.action_toggle_details()
        elif self._files_pane.back():
            pass
        elif self.steps.marked is not None:
            self._compare_with(None)
        elif self._files_pane.flat:
            self.action_toggle_flat()
        else:
            return False
        return True

    def inactive_commands(self) -> set[str]:
        """In the details both `back` and `explore.details` return; the footer shows only `back`."""
        return {"explore.details"} if self.details.has_focus else set()

    # panes

    @property
    def searched_list(self) -> FileTree:
        return self.files

    def panes(self) -> list[Widget]:
        return [self.steps, self.files, self.summary, self.details]

    def go_to_pane(self, pane: Widget) -> None:
        """Focus a pane; the summary and the details replace the steps if there is no room for all."""
        self._show_beside_steps(pane)
        super().go_to_pane(pane)

    def _show_beside_steps(self, pane: Widget | None) -> None:
        self.set_class(pane is self.details, "-details")
        self.set_class(pane is self.summary, "-summary")

    def resize_panes(self) -> None:
        """Enlarge the upper panes while they are used, in a narrow terminal."""
        self._show_beside_steps(self.active_pane)
        self.set_class(self.active_pane is self.files, "-files")

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

    # room

    def on_resize(self) -> None:
        self.call_after_refresh(self._update_column_titles)

    @on(Splitter.Moved)
    def _panes_resized(self, event: Splitter.Moved) -> None:
        event.stop()
        self._update_column_titles()

    @on(FileTree.RowsChanged)
    def _rows_changed(self, event: FileTree.RowsChanged) -> None:
        event.stop()
        self.call_after_refresh(self._update_column_titles)

    def _update_column_titles(self) -> None:
        self._steps_pane.update_column_titles()
        self._files_pane.update_column_titles()
        self._set_steps_height()

    def _set_steps_height(self) -> None:
        """Set the height of the steps: the summary gets what they do not need; in a low view only one of them is shown."""
        above = self._steps_pane.parent
        room = above.size.height if isinstance(above, Widget) else 0
        alone = room < LOW_HEIGHT or self.screen.has_class("-narrow")
        self.set_class(alone, "-alone")
        most = max(room - SUMMARY_HEIGHT, room // 2)
        height = min(max(self.steps.row_count(), 1) + TITLE_LINES, most)
        self._steps_pane.styles.height = "1fr" if alone else height

    def action_move_splitter(self, by: int) -> None:
        """Enlarge or shrink the left panes."""
        self._splitter.move(by * SPLITTER_STEP)
