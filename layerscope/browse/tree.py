"""The file tree as a list of rows: mode, filter, order and open directories."""

from __future__ import annotations

from copy import copy
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from layerscope.browse.candidates import ShownVersions
from layerscope.browse.choices import Mode, Sort
from layerscope.browse.filters import Filter
from layerscope.browse.marks import Marks
from layerscope.browse.matching import Finder, PathTexts
from layerscope.browse.modes import Selection, select, unread
from layerscope.browse.ordering import Display, largest_first, sort_keys
from layerscope.browse.rows import TreeRow, make_row
from layerscope.filesystem.model import Filesystem
from layerscope.layers.index import Kind
from layerscope.words import Change


class TreeView:
    """The visible rows of a filesystem, in order. Rows are numbered from 0.

    Changing the view is instant: rows are computed when they are next needed. Open directories are stored by path and so survive any
    change. While a filter is set, all directories are open except those closed since.
    """

    def __init__(self, filesystem: Filesystem, *, layer: int = 0, mode: Mode = Mode.LAYER) -> None:
        self.filesystem = filesystem
        self.layer = min(layer, filesystem.layer_count - 1)
        """The layer shown, counted from 0; -1 is before the first layer."""
        self.mode = mode
        self.since = -1
        """The layer after which a range starts."""
        self.sort = Sort.SIZE
        self.filter: Filter | None = None
        self.finder: Finder | None = None
        """Searches for the filter's regular expressions; None to search in this thread."""
        self.marks = Marks()
        """Results of the analysis that the filter can test."""
        self.changed_only = False
        """Whether mode `UP_TO` shows only paths that the layer adds or changes."""
        self.flat = False
        """Whether rows are a flat list without directories, largest first."""
        self.expanded = np.zeros(len(filesystem.table), bool)
        """Mask of open directories, by path."""
        self._closed = np.zeros(len(filesystem.table), bool)
        """Mask of directories closed while the filter is set, by path."""
        self._selection: Selection | None = None
        self._unfiltered: Display | None = None
        self._matches: NDArray[np.bool_] | None = None
        self._matched: Selection | None = None
        self._display: Display | None = None
        self._rows: NDArray[np.int32] | None = None

    def copy(self) -> TreeView:
        """A copy to change in a thread while this one is painted.

        Open directories are shared, but not those closed under the filter.
        """
        other = copy(self)
        other._closed = self._closed.copy()
        other._rows = None
        return other

    def for_filesystem(self, filesystem: Filesystem) -> TreeView:
        """The same view of another filesystem. Directories stay open if both have the same paths."""
        other = self.copy()
        other.filesystem = filesystem
        if not filesystem.table.same_as(self.filesystem.table):
            other.expanded = np.zeros(len(filesystem.table), bool)
            other._closed = np.zeros(len(filesystem.table), bool)
            other.__dict__.pop("texts", None)
        other.marks = Marks()
        other.refresh()
        return other

    # mode, filter and order

    def set_layer(self, layer: int) -> None:
        """Show another layer; -1 is before the first layer. Raises IndexError."""
        if not -1 <= layer < self.filesystem.layer_count:
            raise IndexError(f"there is no layer {layer}")
        self.layer = layer
        self.refresh()

    def set_mode(self, mode: Mode) -> None:
        """Change the mode."""
        self.mode = mode
        self.refresh()

    def set_range(self, since: int, layer: int) -> None:
        """Show the differences between the trees after two layers; -1 is before the first layer."""
        self.mode, self.since = Mode.RANGE, since
        self.set_layer(layer)

    def set_changed_only(self, changed_only: bool) -> None:
        """Show all paths in mode `UP_TO`, or only those that the layer adds or changes."""
        self.changed_only = changed_only
        self.refresh()

    def set_sort(self, sort: Sort) -> None:
        """Change the order of siblings."""
        self.sort = sort
        self._unfiltered = self._display = self._rows = None

    def set_filter(self, new_filter: Filter | None) -> None:
        """Show only matching paths, with the directories above them open; None removes the filter."""
        self.filter = new_filter or None
        self._closed[:] = False
        self._reset_filter()

    def set_marks(self, marks: Marks) -> None:
        """Update the results of the analysis."""
        self.marks = marks
        if self.filter and self.filter.uses_marks:
            self._reset_filter()

    def _reset_filter(self) -> None:
        self._matches = self._matched = self._display = self._rows = None

    def set_flat(self, flat: bool) -> None:
        """Switch between flat list and tree."""
        self.flat = flat
        self._rows = None

    def refresh(self) -> None:
        """Compute rows again, for example after contents were compared."""
        self._selection = self._unfiltered = None
        self._reset_filter()

    # open directories

    def toggle(self, row: int) -> None:
        """Open or close the directory in a row."""
        path = int(self.rows[row])
        self._open(path, not self._is_open(path))

    def expand(self, row: int) -> None:
        """Open the directory in a row."""
        self._open(int(self.rows[row]), True)

    def collapse(self, row: int) -> None:
        """Close the directory in a row."""
        self._open(int(self.rows[row]), False)

    def expand_all(self) -> None:
        """Open every directory."""
        self._open(slice(None), True)

    def collapse_all(self) -> None:
        """Close every directory."""
        self._open(slice(None), False)

    def reveal(self, path: int) -> int | None:
        """Open all directories above a path and return its row; None if mode or filter exclude it."""
        if self.flat or path not in self.display:
            return self.index_of(path)
        parent = int(self.filesystem.table.parents[path])
        while parent:
            self._open(parent, True)
            parent = int(self.filesystem.table.parents[parent])
        return self.index_of(path)

    # rows

    @property
    def rows(self) -> NDArray[np.int32]:
        """The paths shown, from top to bottom."""
        if self._rows is None:
            self._rows = self._flat_rows() if self.flat else self.display.rows(self._opened)
        return self._rows

    def __len__(self) -> int:
        return len(self.rows)

    def depth(self, row: int) -> int:
        """The indentation of a row in directories."""
        return 0 if self.flat else int(self.filesystem.table.depths[self.rows[row]]) - 1

    def index_of(self, path: int) -> int | None:
        """The row of a path; None if it is not shown."""
        rows = np.flatnonzero(self.rows == path)
        return int(rows[0]) if len(rows) else None

    def nearest(self, path: int) -> int | None:
        """The row of a path, or of its innermost parent that is shown; None if there is none. Used for the cursor."""
        visible = np.zeros(len(self.filesystem.table), bool)
        visible[self.rows] = True
        while path and not visible[path]:
            path = int(self.filesystem.table.parents[path])
        return self.index_of(path)

    def row(self, row: int) -> TreeRow:
        """The contents of one row."""
        path = int(self.rows[row])
        return make_row(
            self.matched,
            path,
            children=not self.flat and self.display.has_children(path),
            opened=self._is_open(path),
            flat=self.flat,
        )

    @property
    def present(self) -> int:
        """Number of rows with all directories open and no filter."""
        present = self.selection.present
        return int(np.count_nonzero(self._in_flat_list(present) if self.flat else present))

    @property
    def matching(self) -> int:
        """Number of rows that match the filter, not counting directories above them."""
        return int(
            np.count_nonzero(self._in_flat_list(self.matches) if self.flat else self.matches)
        )

    @property
    def counts(self) -> dict[Change, int]:
        """Number of paths that the layer or range changes, by kind."""
        return self.selection.counts

    @property
    def unread(self) -> NDArray[np.int32]:
        """Inodes whose contents a range needs: hash them, then call `refresh`. Until then, they count as different."""
        none = np.zeros(0, np.int32)
        return unread(self.filesystem, self.layer, self.since) if self.mode is Mode.RANGE else none

    @property
    def is_plain_tree(self) -> bool:
        """Whether it is neither a flat list nor a comparison."""
        return not self.flat and self.mode is not Mode.RANGE

    # computed on demand

    @property
    def selection(self) -> Selection:
        """The versions that the mode shows."""
        if self._selection is None:
            self._selection = select(
                self.filesystem,
                self.mode,
                self.layer,
                self.since,
                changed_only=self.changed_only,
            )
        return self._selection

    @property
    def matches(self) -> NDArray[np.bool_]:
        """Mask of the paths of the mode that match the filter; shape (paths,)."""
        if self._matches is None:
            selection = self.selection
            self._matches = selection.present
            if self.filter:
                candidates = ShownVersions(selection, self.texts, self.marks, self.finder)
                self._matches = self.filter.matches(candidates) & selection.present
        return self._matches

    @property
    def matched(self) -> Selection:
        """The paths that match the filter, with the directories above them and the sums of what matches."""
        if not self.filter:
            return self.selection
        if self._matched is None:
            self._matched = self.selection.only(self.matches)
        return self._matched

    @property
    def display(self) -> Display:
        """The paths for mode and filter, in order."""
        if self._display is None:
            self._display = self._ordered(self.matched) if self.filter else self._unfiltered
        if self._display is None:
            self._display = self._unfiltered = self._ordered(self.selection)
        return self._display

    def _ordered(self, selection: Selection) -> Display:
        keys = sort_keys(selection, self.sort)
        return Display(self.filesystem.table, self.filesystem.siblings, selection.present, keys)

    @cached_property
    def texts(self) -> PathTexts:
        """The texts of all paths."""
        return PathTexts(self.filesystem.table, self.filesystem.siblings)

    @property
    def _opened(self) -> NDArray[np.bool_]:
        return ~self._closed if self.filter else self.expanded

    def _is_open(self, path: int) -> bool:
        return not self._closed[path] if self.filter else bool(self.expanded[path])

    def _open(self, paths: int | slice, opened: bool) -> None:
        if self.filter:
            self._closed[paths] = not opened
        else:
            self.expanded[paths] = opened
        self._rows = None

    def _in_flat_list(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The paths in `mask` that belong in a flat list."""
        listed: NDArray[np.bool_] = mask & (self.selection.kinds != Kind.DIRECTORY)
        return listed

    def _flat_rows(self) -> NDArray[np.int32]:
        paths = np.flatnonzero(self._in_flat_list(self.matches)).astype(np.int32)
        return largest_first(paths, self.selection.bytes)
