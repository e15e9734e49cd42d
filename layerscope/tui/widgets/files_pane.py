"""The files pane: the tree of a step, with its filter and title."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from textual import on

from layerscope.browse.choices import Mode, Sort
from layerscope.tui import tree_words
from layerscope.tui.session import Session
from layerscope.tui.tree_words import Place
from layerscope.tui.widgets import tree_columns
from layerscope.tui.widgets.file_tree import FileTree
from layerscope.tui.widgets.filter_bar import FilterBar, FilterInput
from layerscope.tui.widgets.pane import ColumnTitles, Pane, PaneTitle

if TYPE_CHECKING:
    from layerscope.browse.filters import Filter
    from layerscope.browse.tree import TreeView
    from layerscope.filesystem.model import Filesystem

SORTS = list(Sort)
FILTERING_DELAY = 0.3
"""Seconds until the title shows that a filter is still running."""


class PaneState(Struct, frozen=True):
    """What the pane shows, apart from the step."""

    mode: Mode
    typed: str
    """The text of the filter, which may be invalid."""
    filter: Filter | None
    flat: bool
    path: int | None
    """The path under the cursor; None in an expected tree, whose paths may have other numbers than the final one's."""


class FilesPane(Pane):
    """A `FileTree` under its titles and its `FilterBar`."""

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        self.files = FileTree(session.preferences.columns, id="files")
        self.filter_bar = FilterBar(id="filter-bar")
        self.mode = Mode.UP_TO if session.preferences.mode == "all" else Mode.LAYER
        """The mode while no layers are compared."""
        self._session = session
        self._place: Place | None = None
        self._marked: int | None = None
        self._title = PaneTitle("Files")
        self._columns = ColumnTitles()
        super().__init__(self._title, self.filter_bar, self._columns, self.files, id=id)

    def update_column_titles(self) -> None:
        """Update the column titles after a change of width or columns."""
        self._columns.show(self.files.column_titles())

    # what is shown

    def begin(self) -> None:
        """Show the files once all layers are stacked."""
        opened = self._session.opened
        if opened is None:
            return
        expected = self.files.target_view
        if expected is None:
            view = self._view(opened.filesystem)
        else:
            view = expected.for_filesystem(opened.filesystem)
        view.set_marks(self._session.marks)
        self.files.begin(view, opened.contents)

    def show_expected(self, filesystem: Filesystem) -> None:
        """Show the filesystem from the layers' tables of contents until the layers are read."""
        self.files.begin(self._view(filesystem), None)

    def _view(self, filesystem: Filesystem) -> TreeView:
        from layerscope.browse.tree import (
            TreeView,  # not before the first frame, like everything that needs numpy
        )

        view = TreeView(filesystem, mode=self.mode)
        view.set_sort(Sort(self._session.preferences.sort))
        return view

    def duplicates_found(self) -> None:
        """Show the numbers of duplicates beside the names."""
        self.files.copies = self._session.copies
        self.files.rows_changed()
        self.update_marks()

    def update_marks(self) -> None:
        """Update the results of the analysis for filters."""
        marks, view = self._session.marks, self.files.target_view
        if view is not None and view.filter and view.filter.uses_marks:
            self.files.change(lambda view: view.set_marks(marks))
        elif view is not None:
            view.set_marks(marks)

    def show_place(
        self, place: Place | None, marked: int | None, reveal: int | None = None
    ) -> None:
        """Show the files of a place, or its differences from the marked layer; the cursor goes to path `reveal`."""
        self._place, self._marked = place, marked
        if place is None:
            self.files.waiting_message = self.files.empty_message = "This image has no files."
            self.files.refresh()
            self.update_title()
            return
        layer, mode = place.layer, Mode.UP_TO if place.final else self.mode

        def apply(view: TreeView) -> None:
            if marked is not None:
                view.set_range(min(marked, layer), max(marked, layer))
            else:
                view.set_mode(mode)
                view.set_layer(layer)

        self.files.placeholder = place.no_files if marked is None and mode is Mode.LAYER else ""
        self.files.worker_is_idle = self._session.worker_is_idle
        self.files.change(apply, reveal)
        if not self.files.computing:
            self.update_title()  # in the same frame as the rows

    def reset(self) -> None:
        """Show the tree of one layer's changes, without a filter."""
        self.filter_bar.clear()
        self.mode = Mode.LAYER
        self.files.change(_clear_filter_and_list)

    def state(self) -> PaneState:
        """The current state."""
        view = self.files.target_view
        wanted = None if view is None else view.filter
        path = self.files.path if self.files.confirmed else None
        return PaneState(self.mode, self.filter_bar.field.value, wanted, self.flat, path)

    def restore(self, state: PaneState) -> None:
        """Return to an earlier state, with the step that is shown next."""
        self.mode = state.mode
        self.filter_bar.restore(state.typed)

        def apply(view: TreeView) -> None:
            view.set_filter(state.filter)
            view.set_flat(state.flat)

        self.files.change(apply)

    def cycle_sort(self) -> None:
        """Switch to the next order."""
        view = self.files.target_view
        if view is not None:
            self._sort(SORTS[(SORTS.index(view.sort) + 1) % len(SORTS)])

    def _sort(self, sort: Sort) -> None:
        self._session.preferences.save_sort(sort.value)
        self.files.change(lambda view: view.set_sort(sort))

    @on(ColumnTitles.Clicked)
    def _titles_clicked(self, event: ColumnTitles.Clicked) -> None:
        event.stop()
        sort = tree_columns.sort_at(self.files.columns, event.x)
        if sort is not None and self.files.target_view is not None and not self.flat:
            self._sort(sort)

    @property
    def flat(self) -> bool:
        """Whether the list of the largest files replaces the tree."""
        return self.files.target_view is not None and self.files.target_view.flat

    def toggle_flat(self) -> None:
        """List the largest files, or show the tree again."""
        flat = not self.flat
        if self.files.target_view is not None:
            self.files.change(lambda view: view.set_flat(flat))
            self.screen.set_focus(self.files)

    def toggle_changed_only(self) -> None:
        """Switch between all paths of the full tree and those that the layer changes."""
        view = self.files.target_view
        if view is not None:
            changed_only = self.mode is not Mode.UP_TO or not view.changed_only
            self.mode = Mode.UP_TO
            self.files.change(lambda view: view.set_changed_only(changed_only))

    def toggle_mode(self) -> None:
        """Switch between the layer's changes and all files after it."""
        self.mode = Mode.LAYER if self.mode is Mode.UP_TO else Mode.UP_TO

    # the title

    def update_title(self) -> None:
        """Update the title."""
        view, place = self.files.view, self._place
        if place is None or view is None:
            self._title.show("Files")
            return
        words = "filtering…" if self.files.computing else tree_words.view_words(view)
        if not self.files.confirmed:
            words = f"{words} · {tree_words.FROM_TOC}"
        self._title.show(
            # The lower of two compared layers is the old one, whichever is marked.
            place.title
            if self._marked is None
            else tree_words.comparison_title(*sorted((self._marked, place.layer))),
            "" if self.files.placeholder else words,
            keep_left=self._marked is not None,
        )

    @on(FileTree.RowsChanged)
    def _rows_changed(self) -> None:
        view, place = self.files.view, self._place
        if view is not None and place is not None:
            index = self._session.indexes[place.stored] if place.stored is not None else None
            self.files.empty_message = tree_words.empty_text(
                view, index, self._session.key("app.back")
            )
            if not self.files.row_count():
                self.files.refresh()
        self.update_title()
        # Not only in the view: Textual does not pass it messages that a handler of this pane caused.
        self.call_after_refresh(self.update_column_titles)
        self.refresh_bindings()

    # the filter

    def open_filter(self) -> None:
        """Open the filter field."""
        self.files.expect_filter()
        self.filter_bar.open()

    @on(FileTree.Hidden)
    def _hidden(self, event: FileTree.Hidden) -> None:
        event.stop()
        self.filter_bar.toggle(f"!change:{event.changes}")

    @property
    def filtered(self) -> bool:
        """Whether there is a filter, valid or not."""
        return bool(self.filter_bar.field.value)

    def back(self) -> bool:
        """Leave the field, then clear the filter; returns False if there is neither."""
        if self.filter_bar.typing:
            self._leave_filter()
            return True
        return self.filter_bar.clear()

    @on(FilterBar.Changed)
    def _filter_changed(self, event: FilterBar.Changed) -> None:
        event.stop()
        self.files.change(lambda view: view.set_filter(event.filter))
        if self.files.computing:
            self.set_timer(FILTERING_DELAY, self.update_title)

    @on(FileTree.FilterFailed)
    def _filter_failed(self, event: FileTree.FilterFailed) -> None:
        event.stop()
        self.filter_bar.show_error(event.words)

    @on(FilterBar.Done)
    def _filter_done(self, event: FilterBar.Done) -> None:
        event.stop()
        self._leave_filter()

    def _leave_filter(self) -> None:
        self.filter_bar.leave()
        self.screen.set_focus(self.files)

    @on(FilterInput.Moved)
    def _moved(self, event: FilterInput.Moved) -> None:
        event.stop()
        if event.pages:
            self.files.action_page(event.by)
        else:
            self.files.action_move(event.by)

    # the columns

    def choose_columns(self) -> None:
        """Ask which columns to show."""
        from layerscope.tui.screens.columns import ColumnsScreen

        self.app.push_screen(
            ColumnsScreen(self.files.chosen, self._choose_columns, self.files.fitting_columns)
        )

    def _choose_columns(self, chosen: tuple[str, ...]) -> None:
        self.files.choose(chosen)
        self._session.preferences.save_columns(chosen)


def _clear_filter_and_list(view: TreeView) -> None:
    view.set_filter(None)
    view.set_flat(False)
