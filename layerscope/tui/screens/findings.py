"""Findings: what each fix saves, and the size of the image with the marked ones fixed."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.widget import Widget

from layerscope import text
from layerscope.analysis.findings.finding import Finding, Findings
from layerscope.analysis.findings.grouping import FindingsBy, group_findings
from layerscope.tui.commands import bindings
from layerscope.tui.finding_words import GROUPED_BY
from layerscope.tui.session import Session
from layerscope.tui.view import FixesTicked, ShowPath, View
from layerscope.tui.widgets import finding_list
from layerscope.tui.widgets.finding_list import FindingList
from layerscope.tui.widgets.fix_pane import FixPane
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.pane import ColumnTitles, Pane, PaneTitle
from layerscope.tui.widgets.path_list import PathList

SCROLLBAR = 1
"""Columns reserved for the scrollbar."""


class FindingsView(View):
    """Grouped findings; below, the fix and the files of the one under the cursor."""

    DEFAULT_CSS = """
    FindingsView { layout: vertical; }
    FindingsView > #findings-pane { height: 1fr; }
    FindingsView > #below { height: 1fr; layout: horizontal; border-top: solid $rule; }
    FindingsView #fix-pane { width: 3fr; }
    FindingsView #finding-files-pane { width: 2fr; border-left: solid $rule; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("findings")

    def __init__(self, session: Session, *, id: str | None = None) -> None:
        super().__init__(session, id=id)
        self.list = FindingList(session, id="finding-list")
        self.fix = FixPane(id="fix")
        self.files = PathList(session, id="finding-files")
        self._title = PaneTitle("Findings", hints=("findings.group",))
        self._columns = ColumnTitles()
        self._fix_title = PaneTitle("Fix", hints=("path.copy", "findings.difference"))
        self._files_title = PaneTitle("Files")

    def compose(self) -> ComposeResult:
        yield Pane(self._title, self._columns, self.list, id="findings-pane")
        with Container(id="below"):
            yield Pane(self._fix_title, self.fix, id="fix-pane")
            yield Pane(self._files_title, self.files, id="finding-files-pane")

    def panes(self) -> list[Widget]:
        return [self.list, self.fix, self.files]

    def on_resize(self) -> None:
        self._columns.show(finding_list.column_titles(self.size.width - SCROLLBAR))

    # results of the loader

    def findings_found(self) -> None:
        self._group(self.list.by)

    def base_moved(self) -> None:
        self._group(self.list.by)

    def _group(self, by: FindingsBy) -> None:
        findings = self.session.findings
        if findings is None:
            return
        self.list.show_groups(group_findings(findings, by, self.session.base_steps), by)
        self._update_title(findings)
        self._show_finding()

    def action_cycle_groups(self) -> None:
        self._group(self._next_order())

    def _next_order(self) -> FindingsBy:
        orders = list(FindingsBy)
        return orders[(orders.index(self.list.by) + 1) % len(orders)]

    def _update_title(self, findings: Findings) -> None:
        opened = self.session.opened
        if not findings.found or opened is None:
            self._title.show("Findings")
            return
        saving = findings.saving()
        stored = opened.accounting.stored
        sizes = f"{text.size(stored)} → {text.size(stored - saving)}"
        self._title.show(
            f"Findings · {text.size(saving)} avoidable ({sizes})",
            f"{GROUPED_BY[self.list.by]} · {self.session.key('findings.group')}: {GROUPED_BY[self._next_order()]}",
            shorter=(f"Findings · {text.size(saving)} avoidable",),
        )

    # ticking

    @on(FindingList.BoxClicked)
    def action_tick(self) -> None:
        """Mark the finding under the cursor, or all of its group, as fixed; again to unmark."""
        numbers = set(self.list.numbers())
        if not numbers:
            return
        fixed = self.session.fixed
        if numbers <= fixed:
            fixed -= numbers
        else:
            fixed |= numbers
        self.list.rows_changed()
        self.post_message(FixesTicked())

    # writing

    def action_write_fixes(self) -> None:
        """Show the patch for the marked findings; if none is marked, for the finding or group under the cursor."""
        chosen = self.session.fixed or set(self.list.numbers())
        if not chosen or self.session.opened is None:
            self.notify("No finding under the cursor.", markup=False)
            return
        from layerscope.tui.screens.write_fixes import WriteFixesScreen

        self.app.push_screen(WriteFixesScreen(self.session, chosen))

    def action_toggle_difference(self) -> None:
        """Switch between the diff and the whole fix."""
        finding = self._finding()
        if finding is None or not finding.difference:
            self.notify(
                "There is no difference to show: this fix is described in words.", markup=False
            )
            return
        self.fix.toggle()
        self._update_fix_title(finding)

    def inactive_commands(self) -> set[str]:
        return set() if self.list.groups else {"findings.write", "findings.tick", "findings.group"}

    # the row under the cursor

    @on(LineList.Highlighted, "#finding-list")
    def _highlighted(self, event: LineList.Highlighted) -> None:
        event.stop()
        self._show_finding()

    def _show_finding(self) -> None:
        finding = self._finding()
        key = self.session.key("findings.tick")
        hint = f"{key} marks the finding under the cursor, or all of its group, as fixed."
        self.fix.hint = hint if self.list.groups else ""
        self.fix.show_finding(finding)
        self._show_paths(finding)
        if finding is None:
            self._fix_title.show("Fix")
            self._files_title.show("Files")
            return
        self._update_fix_title(finding)
        count = text.count_of(len(finding.paths), "file")
        self._files_title.show(f"{count}" if len(finding.paths) else "Files")

    def _update_fix_title(self, finding: Finding) -> None:
        hints = [f"{self.session.key('path.copy')}: copy"]
        if finding.difference:
            other = "difference" if self.fix.whole else "whole fix"
            hints.append(f"{self.session.key('findings.difference')}: {other}")
        self._fix_title.show(f"Fix · {finding.rule}", " · ".join(hints))

    def _show_paths(self, finding: Finding | None) -> None:
        if finding is None:
            self.files.show_paths(np.zeros(0, np.int32))
        else:
            self.files.show_paths(finding.paths, finding.layers, "This finding has no files.")

    def _finding(self) -> Finding | None:
        findings, number = self.session.findings, self.list.number
        return None if findings is None or number is None else findings.found[number]

    def show_finding(self, number: int) -> None:
        self.list.select(number)
        self.screen.set_focus(self.list)

    # opening

    @on(LineList.Opened, "#finding-list")
    def _go_to_files(self, event: LineList.Opened) -> None:
        event.stop()
        self.screen.set_focus(self.files)

    @on(LineList.Opened, "#finding-files")
    def _show_file(self, event: LineList.Opened) -> None:
        event.stop()
        pointed = self.files.pointed()
        if pointed is not None:
            self.post_message(ShowPath(pointed.path, pointed.layer))

    @property
    def can_go_back(self) -> bool:
        return not self.list.has_focus

    def back(self) -> bool:
        if self.list.has_focus:
            return False
        self.screen.set_focus(self.list)
        return True
