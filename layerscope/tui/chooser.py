"""The chooser for an archive with several images, shown before the explorer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from layerscope import text
from layerscope.sources.base import Candidate
from layerscope.tui.commands import bindings, first_key
from layerscope.tui.paint import RowPainter, fit, fit_middle
from layerscope.tui.preferences import Preferences
from layerscope.tui.preferred import PreferredApp
from layerscope.tui.widgets.line_list import LineList
from layerscope.tui.widgets.pane import Pane, PaneTitle


class CandidateList(LineList):
    """One row per image: first name, platforms, digest."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        super().__init__(id="candidates")
        groups: dict[int, list[Candidate]] = {}
        for candidate in candidates:
            groups.setdefault(candidate.group, []).append(candidate)
        self.groups = list(groups.values())
        self._longest = max(map(len, map(_platform, candidates)))

    def row_count(self) -> int:
        return len(self.groups)

    def paint_row(self, row: int, width: int, painter: RowPainter) -> None:
        group = self.groups[row]
        name = text.safe_name(group[0].name or "(unnamed)")
        platforms = ", ".join(filter(None, map(_platform, group)))
        digest = text.short_digest(group[0].digests[0]) if group[0].digests else ""
        room = width - 24
        beside = max(min(self._longest, room - 20), 20)
        painter.add(f" {fit_middle(name, max(room - beside, 12))} ", self.style_of("strong"))
        painter.add(fit(platforms, beside), self.style_of("metadata"))
        painter.add(f" {digest}", self.style_of("quiet"))


def _platform(candidate: Candidate) -> str:
    """The platform, safe to show; empty if unknown."""
    return "" if candidate.platform is None else text.safe_name(str(candidate.platform))


class ChooserApp(PreferredApp[Candidate]):
    """Returns the chosen candidate, None if the user cancels."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("dialog", but=["dialog.copy", "dialog.search"]),
        Binding("ctrl+z", "suspend_process", "Suspend", show=False),
        Binding("ctrl+q,ctrl+c", "dismiss", "Cancel", show=False),
    ]
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self, candidates: Sequence[Candidate], preferences: Preferences | None = None
    ) -> None:
        super().__init__(preferences)
        self._list = CandidateList(candidates)

    def compose(self) -> ComposeResult:
        count = text.count_of(len(self._list.groups), "image")
        close = first_key("dialog.close", self.keys)
        hint = f"{first_key('list.open', self.keys)} opens · {close} cancels"
        yield Pane(
            PaneTitle(f"Choose one of {count}", hint, hints=("list.open", "dialog.close")),
            None,
            self._list,
        )

    def on_mount(self) -> None:
        self._list.focus()

    @on(LineList.Opened)
    def _chosen(self, event: LineList.Opened) -> None:
        self.exit(self._list.groups[event.row][0])

    def action_dismiss(self) -> None:
        self.exit(None)
