"""The screen of a comparison: both images with their totals, and one list at a time."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct
from rich.segment import Segment
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Input

from layerscope import text
from layerscope.analysis.compare.comparison import Comparison
from layerscope.analysis.compare.risks import privileges_counted
from layerscope.analysis.findings.finding import Finding
from layerscope.browse.compared_tree import ComparedTree
from layerscope.opening.opened import Opened
from layerscope.report.diff_rows import changed_steps
from layerscope.tui.commands import Keys, bindings, first_key
from layerscope.tui.comparison.difference import FileDifference
from layerscope.tui.comparison.lists import (
    BEFORE_NAME,
    ComparedConfig,
    ComparedFiles,
    ComparedFindings,
    ComparedList,
    ComparedPackages,
    ComparedSteps,
    signed,
)
from layerscope.tui.guard import Guarded
from layerscope.tui.paint import fit_middle
from layerscope.tui.pointing import Pointing, copy, copyable_path
from layerscope.tui.run_commands import clickable
from layerscope.tui.view import ChooseAnother
from layerscope.tui.widgets.field import Field
from layerscope.tui.widgets.header import ScreenHeader
from layerscope.tui.widgets.key_bar import KeyBar
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.pane import ColumnTitles, Pane

NOT_YET = "Available once both images are read."
LISTS = {
    "files": "Files",
    "steps": "Steps",
    "findings": "Findings",
    "packages": "Packages",
    "config": "Config",
}
"""The lists in order, with their titles."""
DIFFERENCE = "difference"
"""Shown instead of a list: the differences in one file."""


class ComparedPair(Struct, frozen=True):
    """Two images and their comparison."""

    old: Opened
    new: Opened
    comparison: Comparison
    tree: ComparedTree


class ComparisonHeader(ScreenHeader):
    """Two lines and a rule: the names and sizes of both images, and the lists with their numbers."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"header--worse", "header--better"}
    DEFAULT_CSS = """
    ComparisonHeader {
        & > .header--worse { color: $removed; text-style: bold; }
        & > .header--better { color: $added; text-style: bold; }
    }
    """

    def __init__(self, names: tuple[str, str], keys: Keys) -> None:
        """`names` are those of the old and the new image, safe to show."""
        super().__init__()
        self._names = names
        self._keys = keys
        self.shown = next(iter(LISTS))
        self.pair: ComparedPair | None = None
        self._counts: dict[str, str] = {}
        """The number of differences, by list."""

    def show_pair(self, pair: ComparedPair) -> None:
        """Show the compared images."""
        self.pair, self._counts = pair, _counts(pair.comparison)
        self.refresh()

    def paint_line(self, y: int) -> list[Segment]:
        left, right = (self._names_line, self._totals) if y == 0 else (self._tabs, self._news)
        ending = right()
        room = max(self.size.width - sum(segment.cell_length for segment in ending), 0)
        return self.spread(left(room), ending)

    def _names_line(self, room: int) -> list[Segment]:
        half = max((room - 6) // 2, 4)
        old, new = (
            name if text.cells(name) <= half else fit_middle(name, half) for name in self._names
        )
        title = self.style_of("title")
        return [
            Segment(" ", self.rich_style),
            Segment(old, title),
            Segment(" → ", self.style_of("quiet")),
            Segment(new, title),
        ]

    def _totals(self) -> list[Segment]:
        if self.pair is None:
            return [Segment(f"{self.work} ", self.style_of("quiet"))]
        old, new = self.pair.old.accounting.stored, self.pair.new.accounting.stored
        change = self.style_of("worse" if new > old else "better")
        return [
            Segment(f"{text.size(old)} → {text.size(new)} stored", self.rich_style),
            Segment(f" {signed(new - old)}" if new != old else ", no change", change),
            Segment(" ", self.rich_style),
        ]

    def _tabs(self, room: int) -> list[Segment]:
        segments = [Segment(" ", self.rich_style)]
        for name, title in LISTS.items():
            key = first_key(f"comparison.{name}", self._keys)
            style = self.style_of("tab" if name == self.shown else "quiet")
            opens = clickable(f"comparison.{name}")
            segments.append(Segment(f"{key} {title}", style + opens))
            if self._counts.get(name):
                segments.append(Segment(f" {self._counts[name]}", self.rich_style + opens))
            segments.append(Segment("  ", self.rich_style))
        return segments

    def _news(self) -> list[Segment]:
        """The number of new secrets and of new setuid and setgid files."""
        if self.pair is None:
            return []
        if self.work:
            return [Segment(f"{self.work} ", self.style_of("quiet"))]
        comparison = self.pair.comparison
        secrets = len(comparison.secrets or ())
        parts = [text.count_of(secrets, "new secret")] if secrets else []
        if comparison.privileges:
            parts.append(privileges_counted(comparison.privileges))
        return [Segment(f"{' · '.join(parts)} ", self.style_of("worse"))] if parts else []


def _counts(comparison: Comparison) -> dict[str, str]:
    """The number of differences, by list."""
    steps = len(changed_steps(comparison))
    findings = _findings(comparison)
    new = sum(is_new for _, is_new in findings)
    gone = len(findings) - new
    return {
        "files": f"{len(comparison.files):,}",
        "steps": f"{steps:,}" if steps else "",
        "findings": " ".join([*([f"+{new}"] if new else []), *([f"−{gone}"] if gone else [])]),
        "packages": f"{len(comparison.packages):,}" if comparison.packages else "",
        "config": f"{len(comparison.config):,}" if comparison.config else "",
    }


def _findings(comparison: Comparison) -> list[tuple[Finding, bool]]:
    """Findings that only one image has, with True for those of the new one: new secrets, other new findings, then gone ones."""
    changes = comparison.findings
    if changes is None:
        return []
    secrets = {id(secret.finding): secret.finding for secret in comparison.secrets or ()}
    new = [*secrets.values(), *changes.new]
    return [
        *((finding, True) for finding in new),
        *((finding, False) for finding in changes.removed),
    ]


class ComparisonScreen(Guarded, Screen[None]):
    """Shows the differences between two images."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("comparison")
    DEFAULT_CSS = """
    ComparisonScreen { background: $background; layout: vertical; }
    ComparisonScreen > ContentSwitcher { height: 1fr; }
    ComparisonScreen Pane { height: 1fr; }
    ComparisonScreen Field { display: none; }
    ComparisonScreen.-searching Field { display: block; }
    """

    def __init__(self, names: tuple[str, str], keys: Keys, *, picked: bool = False) -> None:
        """`picked` if the images were chosen in the picker, to which `back` returns."""
        super().__init__()
        self._keys, self._picked = keys, picked
        self.header = ComparisonHeader(names, keys)
        self.files = ComparedFiles(id="files-list")
        self.steps = ComparedSteps(NOT_YET, id="steps-list")
        self.findings = ComparedFindings(NOT_YET, id="findings-list")
        self.packages = ComparedPackages(NOT_YET, id="packages-list")
        self.config = ComparedConfig(NOT_YET, id="config-list")
        self.field = Field(placeholder="part of a path", enter="Go to files", id="comparison-field")
        self.difference = FileDifference(keys, id=DIFFERENCE)
        self._pair: ComparedPair | None = None
        self._titles = {name: ColumnTitles() for name in LISTS}
        self._switcher = ContentSwitcher(initial="files")
        self._lists: dict[str, ComparedList] = dict(
            zip(
                LISTS,
                (self.files, self.steps, self.findings, self.packages, self.config),
                strict=True,
            )
        )

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.field
        with self._switcher:
            for name, shown in self._lists.items():
                self._titles[name].show(shown.column_titles())
                yield Pane(self._titles[name], None, shown, id=name)
            yield self.difference
        yield KeyBar(self._keys, self._inactive_commands, self._footer_words)

    def on_mount(self) -> None:
        self.set_focus(self.files)

    @property
    def shown(self) -> str:
        """The name of the list on screen, or `DIFFERENCE`."""
        return self._switcher.current or "files"

    def panes(self) -> list[Widget]:
        """The widgets that can have the focus."""
        return [self._lists.get(self.shown, self.difference.rows)]

    @property
    def view(self) -> ComparisonScreen:
        """The node whose commands work, as on the main screen: this screen itself."""
        return self

    def show_pair(self, pair: ComparedPair) -> None:
        """Show everything compared so far."""
        comparison, self._pair = pair.comparison, pair
        self.header.show_pair(pair)
        if self.files.compared is not pair.tree:
            self.files.show(pair.tree, {each.path: each.word for each in comparison.privileges})
        self.steps.show(comparison.steps, "Neither image has steps.")
        self.config.show(comparison.config, "Both images have the same config.")
        if comparison.packages is not None:
            self.packages.show(comparison.packages, "The packages of both images are the same.")
            self.findings.show(_findings(comparison), "Both images have the same findings.")

    def show_work(self, work: str) -> None:
        """Show the current work; empty if idle."""
        self.header.show_work(work)

    def without_findings(self) -> None:
        """Explain the empty lists of findings and packages: all rules are switched off."""
        for shown in (self.findings, self.packages):
            shown.show(None, "Not searched for: the rules are switched off.")

    # commands

    def action_show_list(self, name: str) -> None:
        self.difference.leave()
        self._switcher.current = self.header.shown = name
        self.header.refresh()
        self.set_focus(self._lists[name])
        self.refresh_bindings()

    def action_cycle_sort(self) -> None:
        if self.files.compared is not None:
            self._sort(by_name=not self.files.compared.by_name)

    @on(ColumnTitles.Clicked)
    def _titles_clicked(self, event: ColumnTitles.Clicked) -> None:
        if self.shown == "files":
            self._sort(by_name=event.x >= BEFORE_NAME)

    def _sort(self, *, by_name: bool) -> None:
        self.files.change(by_name=by_name)
        self._titles["files"].show(self.files.column_titles())

    @on(LineList.Opened, "#files-list")
    def _file_opened(self, event: LineList.Opened) -> None:
        event.stop()
        self.action_difference()

    def action_difference(self) -> None:
        """Show what differs in the file under the cursor."""
        entry, pair = self.files.entry, self._pair
        if self.shown != "files" or entry is None or pair is None:
            return
        if entry.change is None:
            self.notify("This directory itself does not differ.", markup=False)
            return
        self.difference.show(pair.tree.table.full(entry.path), pair.old, pair.new)
        self._switcher.current = DIFFERENCE
        self.set_focus(self.difference.rows)
        self.refresh_bindings()

    def action_filter(self) -> None:
        self.action_show_list("files")
        self.add_class("-searching")
        self.set_focus(self.field.input)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.files.change(search=event.value.strip())

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.set_focus(self.files)

    def action_back(self) -> None:
        """Leave the diff of a file, or the field; then clear the field; then return to the picker if the images came from it."""
        if self.shown == DIFFERENCE:
            if not self.difference.back():
                self.action_show_list("files")
        elif self.field.input.has_focus:
            self.set_focus(self.files)
        elif self.field.input.value:
            self.field.input.value = ""
        elif self._picked:
            self.post_message(ChooseAnother())
        if not self.field.input.value:
            self.remove_class("-searching")
        self.refresh_bindings()

    def action_copy(self) -> None:
        focused: object = self.focused
        if self.shown == DIFFERENCE:
            copy(self.app, copyable_path(self.difference.path))
            return
        copy(self.app, focused.copyable() if isinstance(focused, Pointing) else None)

    def _inactive_commands(self) -> set[str]:
        files = {"comparison.sort", "comparison.difference", "list.open"}
        inactive = set() if self.shown == "files" else files
        if not (self._can_go_back or self._picked):
            inactive.add("app.back")
        return inactive

    @property
    def _can_go_back(self) -> bool:
        """Whether `back` would leave or clear something on this screen."""
        within = self.shown == DIFFERENCE or self.field.input.has_focus
        return within or bool(self.field.input.value)

    def _footer_words(self) -> dict[str, str]:
        """The footer text for `back`; empty while it only cancels something."""
        if self.shown == DIFFERENCE and not self.difference.can_go_back:
            return {"app.back": LISTS["files"]}
        return {} if self._can_go_back or not self._picked else {"app.back": "Images"}
