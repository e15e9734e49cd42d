"""Packages: the content of the final image by package, with the files of each."""

from __future__ import annotations

from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.message import Message
from textual.widget import Widget

from layerscope import text
from layerscope.analysis.packages.model import Package
from layerscope.analysis.packages.usage import PackageUsage, package_usage
from layerscope.tui.commands import bindings
from layerscope.tui.session import Session
from layerscope.tui.view import ShowPath, View
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.package_list import PackageList, PackageSort
from layerscope.tui.widgets.pane import ColumnTitles, Pane, PaneTitle
from layerscope.tui.widgets.path_list import PathList


class PackagesView(View):
    """Packages and directories of other files; beside or below the list, the files of the row under the cursor."""

    DEFAULT_CSS = """
    PackagesView { layout: horizontal; }
    PackagesView > #packages-pane { width: 3fr; height: 1fr; }
    PackagesView > #package-files { width: 2fr; height: 1fr; border-left: solid $rule; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("packages")

    class Divided(Message):
        """The files of the final image were divided among packages and directories."""

        def __init__(self, usage: PackageUsage) -> None:
            super().__init__()
            self.usage = usage

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(session, id=id)
        self.list = PackageList(session, id="package-list")
        self.files = PathList(session, id="package-paths")
        self._title = PaneTitle("Packages", hints=("packages.sort",))
        self._columns = ColumnTitles()
        self._files_title = PaneTitle("Files")

    def compose(self) -> ComposeResult:
        yield Pane(self._title, self._columns, self.list, id="packages-pane")
        with Container(id="package-files"):
            yield Pane(self._files_title, self.files)

    def panes(self) -> list[Widget]:
        return [self.list, self.files]

    def on_resize(self) -> None:
        self.call_after_refresh(lambda: self._columns.show(self.list.column_titles()))

    # results of the loader

    def findings_found(self) -> None:
        self._divide()

    @work(thread=True, exit_on_error=False, exclusive=True, group="packages")
    def _divide(self) -> None:
        """Divide the files of the final image among packages and directories, in a thread."""
        opened, findings = self.session.opened, self.session.findings
        if opened is not None and findings is not None:
            self.post_message(self.Divided(package_usage(opened.filesystem, findings.packages)))

    @on(Divided)
    def _divided(self, event: Divided) -> None:
        event.stop()
        self.list.show(event.usage)
        self._update_title(event.usage)
        self._show_files()
        self.on_resize()

    def _update_title(self, usage: PackageUsage) -> None:
        count = text.count_of(len(usage.packages), "package")
        share = text.percent(usage.owned, usage.live)
        live = text.size(usage.live)
        self._title.show(
            f"Packages · {share} of {live} belong to {count}",
            f"{self.list.sort.value} · {self.session.key('packages.sort')}: {self._next().value}",
            shorter=(f"{count} · {share} of {live}", f"{count} · {share}", count),
        )

    # order

    def _next(self) -> PackageSort:
        orders = list(PackageSort)
        return orders[(orders.index(self.list.sort) + 1) % len(orders)]

    def action_cycle_sort(self) -> None:
        self._sort(self._next())

    @on(ColumnTitles.Clicked)
    def _titles_clicked(self, event: ColumnTitles.Clicked) -> None:
        event.stop()
        sort = self.list.sort_at(event.x)
        if sort is not None:
            self._sort(sort)

    def _sort(self, sort: PackageSort) -> None:
        if self.list.usage is not None:
            self.list.order(sort)
            self._update_title(self.list.usage)
            self._columns.show(self.list.column_titles())

    # the row under the cursor

    @on(LineList.Highlighted, "#package-list")
    def _highlighted(self, event: LineList.Highlighted) -> None:
        event.stop()
        self._show_files()

    def _show_files(self) -> None:
        selected = self.list.selected
        if selected is None:
            return
        self.files.show_paths(
            selected.paths, empty_message="None of its files is in the final image."
        )
        name = selected.name if isinstance(selected, Package) else "no package"
        count = text.count_of(len(selected.paths), "file")
        self._files_title.show(f"{text.safe_name(name)} · {count}")

    @on(LineList.Opened, "#package-list")
    def _go_to_files(self, event: LineList.Opened) -> None:
        event.stop()
        self.screen.set_focus(self.files)

    @on(LineList.Opened, "#package-paths")
    def _show_file(self, event: LineList.Opened) -> None:
        event.stop()
        pointed = self.files.pointed()
        if pointed is not None:
            self.post_message(ShowPath(pointed.path, pointed.layer))

    def back(self) -> bool:
        if self.files.has_focus:
            self.screen.set_focus(self.list)
            return True
        return False
