"""Updates of the file tree: direct for small images, in a thread for large ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual import on, work
from textual.message import Message
from textual.worker import Worker, WorkerState, get_current_worker

from layerscope.browse.regex_process import RegexProcess
from layerscope.errors import CancelledError, LayerscopeError
from layerscope.tui.loader import WorkDone
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.workers import MessageProgress, check_while

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from layerscope.browse.tree import TreeView
    from layerscope.filesystem.inodes import Inodes
    from layerscope.filesystem.model import Filesystem
    from layerscope.layers.contents import LayerContents

    Rows = NDArray[np.int32]

WORK = "tree"
"""Worker group for computing views."""
AT_ONCE = 30_000
"""Maximum number of paths whose updates are too fast to notice, and need no thread."""
_SIMPLE = 30
"""A simple view may have this many times `AT_ONCE` paths: only those with rows are ordered."""
_FEW = 1_000
"""Maximum number of rows and of open directories in a simple view."""


class ComputedTree(LineList):
    """Rows of a `TreeView`. While a thread computes the next view, the visible one does not change; of several
    consecutive changes, only the last one is computed."""

    class RowsChanged(Message):
        """The rows changed."""

    class Prepared(Message):
        """A view was computed. `unread` are inodes whose contents it needs; None if another view superseded it."""

        def __init__(self, view: TreeView, unread: Rows | None, number: int) -> None:
            super().__init__()
            self.view = view
            self.unread = unread
            self.number = number

    class FilterFailed(Message):
        """A filter failed; the tree returns to the previous one."""

        def __init__(self, view: TreeView, words: str, number: int) -> None:
            super().__init__()
            self.view = view
            self.words = words
            self.number = number

    class ContentsRead(Message):
        """The contents for a comparison were read."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.view: TreeView | None = None
        """The visible view."""
        self.contents: Sequence[LayerContents] = ()
        self.at_once = AT_ONCE
        self.worker_is_idle = False
        """While the worker is busy, computing even a simple view here may delay the next key."""
        self._target_view: TreeView | None = None
        self._confirmed: Filesystem | None = None
        """The filesystem from read layers; None while there is only one from tables of contents."""
        self._reveal_path: int | None = None
        self._keep_path: int | None = None
        self._number = 0
        self._next_task: tuple[TreeView, int | None, int] | None = None
        """The view to compute next, the path to reveal, and the number. They are not arguments of the worker: a finished worker
        is part of a reference cycle, which would keep all arrays of the view alive until the next garbage collection."""
        self._computing = False
        self._read: set[int] = set()

    @property
    def target_view(self) -> TreeView | None:
        """The view being computed, otherwise the visible one."""
        return self._target_view

    @property
    def computing(self) -> bool:
        """Whether a view is being computed."""
        return self._computing

    @property
    def path(self) -> int | None:
        """The path under the cursor."""
        if self.view is None or not 0 <= self.cursor < self.row_count():
            return None
        return int(self.view.rows[self.cursor])

    def begin(self, view: TreeView, contents: Sequence[LayerContents] | None) -> None:
        """Show a filesystem once its rows are computed.

        `contents` are the layers' contents, for comparisons. They are None for an expected tree; the final tree that replaces
        it keeps all rows if the expected one was right.
        """
        self.contents = contents or ()
        self._number += 1  # a running computation uses the previous filesystem
        self._read.clear()
        self._confirmed = None if contents is None else view.filesystem
        self._target_view = view
        if self.view is None:
            if len(view.filesystem.table) <= self.at_once:
                self.view = view
            self._keep_path = self._reveal_path = None
        elif not self.view.filesystem.table.same_as(view.filesystem.table):
            self.view = view
            self._keep_path = self._reveal_path = None
        self.points = self.confirmed

    @property
    def confirmed(self) -> bool:
        """Whether the visible view comes from read layers, not only from tables of contents."""
        return self.view is None or self.view.filesystem is self._confirmed

    def change(self, how: Callable[[TreeView], None], reveal: int | None = None) -> None:
        """Change the view; the cursor stays on its path, or goes to path `reveal`."""
        if self._target_view is None:
            return
        if not self._computing:
            self._keep_path = self.path
        if reveal is not None:
            self._keep_path = self._reveal_path = reveal
        self._target_view = self._target_view.copy()
        how(self._target_view)
        if not self._computing and self._is_quick(self._target_view):
            self._show(self._target_view, prepare(self._target_view, self._reveal_path))
            return
        self._number += 1
        if not self._computing:
            self._start()

    def _is_quick(self, view: TreeView) -> bool:
        """Whether a view can be computed directly, without a thread."""
        if view.filter is not None and view.filter.has_regex:
            return False
        is_simple = (
            self.worker_is_idle
            and self.view is not None
            and self.view.filesystem is view.filesystem  # which has computed what all views share
            and view.filter is None
            and view.is_plain_tree
            and max(self.row_count(), int(view.expanded.sum())) <= _FEW
        )
        return len(view.filesystem.table) <= self.at_once * (_SIMPLE if is_simple else 1)

    def _start(self) -> None:
        if self._target_view is not None:
            self._computing = True
            self._next_task = self._target_view, self._reveal_path, self._number
            self._prepare()

    @work(thread=True, exit_on_error=False, group=WORK)
    def _prepare(self) -> None:
        task, self._next_task = self._next_task, None
        if task is None:
            return
        view, reveal, number = task
        unread: Rows | None
        try:
            with RegexProcess(check_while(lambda: number == self._number)) as finder:
                view.finder = finder
                unread = prepare(view, reveal)
        except CancelledError:
            if get_current_worker().is_cancelled:
                return
            unread = None  # another view superseded it
        except LayerscopeError as error:
            self.post_message(self.FilterFailed(view, error.message, number))
            return
        finally:
            view.finder = None
        self.post_message(self.Prepared(view, unread, number))

    @on(Prepared)
    def _prepared(self, event: Prepared) -> None:
        event.stop()
        self._computing = False
        if event.number != self._number:
            self._start()
        else:
            self._show(event.view, event.unread)

    @on(FilterFailed)
    def _filter_failed(self, event: FilterFailed) -> None:
        """Return to the last working filter. The message bubbles up to the filter field."""
        if event.number != self._number or self.view is None:
            event.stop()
            self._start()
            return
        before = self.view.filter
        again = event.view.copy()
        again.set_filter(None if before is event.view.filter else before)
        self._target_view = again
        self._number += 1
        self._start()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """After a failure, the visible view stays."""
        if event.worker.group == WORK and event.state in (WorkerState.ERROR, WorkerState.CANCELLED):
            self._computing = False
            self._target_view = self.view

    def _show(self, view: TreeView, unread: Rows | None) -> None:
        self.view = view
        self.points = self.confirmed
        self._reveal_path = None
        row = view.nearest(self._keep_path) if self._keep_path else None
        self.rows_changed()
        self.go_to(self.cursor if row is None else row)
        self._read_contents(view, unread)

    @work(thread=True, exit_on_error=False, group="warm")
    def expect_filter(self) -> None:
        """Read all names once before a filter is typed, so that its first letter is as fast as the others."""
        if self.view is not None:
            self.view.texts.containing("a")

    # contents of a range

    def _read_contents(self, view: TreeView, unread: Rows | None) -> None:
        """Read the contents that a comparison needs, once."""
        if unread is None or not self.confirmed:
            return
        new = unread[[inode not in self._read for inode in unread.tolist()]]
        if len(new):
            self._read.update(new.tolist())
            self._hash(view.filesystem.inodes, new)

    @work(thread=True, exit_on_error=False, group="contents")
    def _hash(self, inodes: Inodes, wanted: Rows) -> None:
        from layerscope.filesystem.compare_contents import (
            hash_contents,  # not before the first frame
        )

        worker = get_current_worker()
        post = self.app.post_message
        progress = MessageProgress(post, lambda: worker.is_cancelled)
        try:
            hash_contents(inodes, wanted, self.contents, progress, "Comparing contents")
        except CancelledError:
            return
        post(WorkDone())
        self.post_message(self.ContentsRead())

    @on(ContentsRead)
    def _contents_read(self, event: ContentsRead) -> None:
        event.stop()
        self.change(TreeView.refresh)

    # rows

    def rows_changed(self) -> None:
        super().rows_changed()
        self.post_message(self.RowsChanged())

    def opened(self) -> None:
        """Show expanded and collapsed directories, also in the view being computed."""
        if self._computing:
            self.change(lambda _: None)
        self.rows_changed()


def prepare(view: TreeView, reveal: int | None) -> Rows:
    """Compute everything that painting and titles need; returns the inodes whose contents a range needs."""
    if reveal is not None:
        view.reveal(reveal)
    if len(view.rows):
        view.row(0)
    _ = (view.matching, view.present, view.texts)
    return view.unread
