"""The file tree as a list of rows: what is seen of a filesystem, how it is ordered, what is open."""

from __future__ import annotations

from copy import copy
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from layerscope.browse.filters import Filter
from layerscope.browse.matching import Finder, PathTexts
from layerscope.browse.modes import Mode, Selection, select, unread
from layerscope.browse.ordering import Display, Sort, largest_first, sort_keys
from layerscope.browse.rows import TreeRow, make_row
from layerscope.filesystem.model import Filesystem
from layerscope.filesystem.paths import with_ancestors
from layerscope.layers.index import Kind
from layerscope.words import Change


class TreeView:
    """Which paths of a filesystem are seen, in which order. Rows are indices into what is seen, from 0.

    Changing it costs nothing: what follows is worked out when it is next looked at. What is open is remembered by path, so
    that it survives any change; while a filter is set, all is open but what was closed since.
    """

    def __init__(self, filesystem: Filesystem, *, layer: int = 0, mode: Mode = Mode.LAYER) -> None:
        self.filesystem = filesystem
        self.layer = min(layer, filesystem.layer_count - 1)
        """Counted from 0; -1 is before the first."""
        self.mode = mode
        self.since = -1
        """The layer that a range begins after."""
        self.sort = Sort.SIZE
        self.filter: Filter | None = None
        self.finder: Finder | None = None
        """Looks for the regular expressions of the filter; None for this thread."""
        self.changed_only = False
        """Show of all up to a layer only what it adds or changes."""
        self.flat = False
        """A list of all but directories, largest first, instead of a tree."""
        self.expanded = np.zeros(len(filesystem.table), bool)
        """Directories that are open, by path."""
        self._closed = np.zeros(len(filesystem.table), bool)
        """Directories that were closed under the filter, by path."""
        self._selection: Selection | None = None
        self._whole: Display | None = None
        self._matches: NDArray[np.bool_] | None = None
        self._display: Display | None = None
        self._rows: NDArray[np.int32] | None = None

    def copy(self) -> TreeView:
        """A view of its own of the same things, to be changed in a thread while this one is painted; what is open is
        shared, but not what was closed under the filter."""
        other = copy(self)
        other._closed = self._closed.copy()
        other._rows = None
        return other

    def over(self, filesystem: Filesystem) -> TreeView:
        """The same view of another filesystem. What is open stays so if both have the same paths."""
        other = self.copy()
        other.filesystem = filesystem
        if not filesystem.table.same_as(self.filesystem.table):
            other.expanded = np.zeros(len(filesystem.table), bool)
            other._closed = np.zeros(len(filesystem.table), bool)
            other.__dict__.pop("texts", None)
        other.refresh()
        return other

    # what is looked at

    def set_layer(self, layer: int) -> None:
        """Look at another layer; -1 is before the first."""
        if not -1 <= layer < self.filesystem.layer_count:
            raise IndexError(f"there is no layer {layer}")
        self.layer = layer
        self.refresh()

    def set_mode(self, mode: Mode) -> None:
        """Show a layer's changes, all up to it, or a range."""
        self.mode = mode
        self.refresh()

    def set_range(self, since: int, layer: int) -> None:
        """Show what differs between the trees after two layers; -1 is before the first."""
        self.mode, self.since = Mode.RANGE, since
        self.set_layer(layer)

    def set_changed_only(self, changed_only: bool) -> None:
        """Show, of all up to a layer, only what it adds or changes."""
        self.changed_only = changed_only
        self.refresh()

    def set_sort(self, sort: Sort) -> None:
        """Order siblings differently."""
        self.sort = sort
        self._whole = self._display = self._rows = None

    def set_filter(self, wanted: Filter | None) -> None:
        """Show only what matches, with the directories above it, all open."""
        self.filter = wanted or None
        self._closed[:] = False
        self._matches = self._display = self._rows = None

    def set_flat(self, flat: bool) -> None:
        """Show a list instead of a tree, or the tree again."""
        self.flat = flat
        self._rows = None

    def refresh(self) -> None:
        """Look again: needed when contents have become known."""
        self._selection = self._whole = self._matches = self._display = self._rows = None

    # what is open

    def toggle(self, row: int) -> None:
        """Open what is closed, close what is open."""
        path = int(self.rows[row])
        self._open(path, not self._is_open(path))

    def expand(self, row: int) -> None:
        """Show what lies directly below a row."""
        self._open(int(self.rows[row]), True)

    def collapse(self, row: int) -> None:
        """Hide what lies below a row."""
        self._open(int(self.rows[row]), False)

    def expand_all(self) -> None:
        """Open every directory."""
        self._open(slice(None), True)

    def collapse_all(self) -> None:
        """Close every directory."""
        self._open(slice(None), False)

    def reveal(self, path: int) -> int | None:
        """The row of a path, once all directories above it are open; None where mode or filter leave it out."""
        if self.flat or not path or not self.display.counts[path]:
            return self.index_of(path)
        parent = int(self.filesystem.table.parents[path])
        while parent:
            self._open(parent, True)
            parent = int(self.filesystem.table.parents[parent])
        return self.index_of(path)

    # what is seen

    @property
    def rows(self) -> NDArray[np.int32]:
        """The paths that are seen, from top to bottom."""
        if self._rows is None:
            self._rows = self._flat_rows() if self.flat else self.display.rows(self._opened)
        return self._rows

    def __len__(self) -> int:
        return len(self.rows)

    def depth(self, row: int) -> int:
        """How many directories a row is indented by."""
        return 0 if self.flat else int(self.filesystem.table.depths[self.rows[row]]) - 1

    def index_of(self, path: int) -> int | None:
        """The row of a path; None where it is not seen."""
        found = np.flatnonzero(self.rows == path)
        return int(found[0]) if len(found) else None

    def nearest(self, path: int) -> int | None:
        """The row of a path or else of the innermost directory above it that is seen: where a cursor stays."""
        seen = np.zeros(len(self.filesystem.table), bool)
        seen[self.rows] = True
        while path and not seen[path]:
            path = int(self.filesystem.table.parents[path])
        return self.index_of(path)

    def row(self, row: int) -> TreeRow:
        """All there is to paint of one row."""
        path = int(self.rows[row])
        return make_row(
            self.selection,
            path,
            children=not self.flat and int(self.display.counts[path]) > 1,
            opened=self._is_open(path),
            flat=self.flat,
        )

    @property
    def present(self) -> int:
        """How many rows there would be with everything open and no filter."""
        present = self.selection.present
        return int(np.count_nonzero(self._listed(present) if self.flat else present))

    @property
    def matching(self) -> int:
        """How many of those the filter matches, without the directories above them."""
        return int(np.count_nonzero(self._listed(self.matches) if self.flat else self.matches))

    @property
    def counts(self) -> dict[Change, int]:
        """How many paths the layer or range changes, by kind."""
        return self.selection.counts

    @property
    def unread(self) -> NDArray[np.int32]:
        """Inodes whose contents a range must know: hash them, then `refresh`; until then they count as different."""
        none = np.zeros(0, np.int32)
        return unread(self.filesystem, self.layer, self.since) if self.mode is Mode.RANGE else none

    # what it is worked out from

    @property
    def selection(self) -> Selection:
        """What the mode shows of every path."""
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
        """The paths of the mode that the filter matches; shape (paths,)."""
        if self._matches is None:
            present = self.selection.present
            self._matches = self.filter.matches(self) & present if self.filter else present
        return self._matches

    @property
    def display(self) -> Display:
        """The rows of the mode and the filter with everything open."""
        if self._display is None:
            table, shown = self.filesystem.table, self.selection
            if self._whole is None:
                self._whole = Display.of(
                    table, self.filesystem.siblings, shown.present, sort_keys(shown, self.sort)
                )
            self._display = self._whole
            if self.filter:
                self._display = self._whole.only(table, with_ancestors(table, self.matches))
        return self._display

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

    def _listed(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Those paths that a flat list holds."""
        listed: NDArray[np.bool_] = mask & (self.selection.kinds != Kind.DIRECTORY)
        return listed

    def _flat_rows(self) -> NDArray[np.int32]:
        paths = np.flatnonzero(self._listed(self.matches)).astype(np.int32)
        return largest_first(paths, self.selection.bytes)
