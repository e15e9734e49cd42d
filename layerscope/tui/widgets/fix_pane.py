"""Why a finding matters, and its fix: as a diff of the Dockerfile, or as Dockerfile text."""

from __future__ import annotations

from collections.abc import Iterator

from textual.app import ComposeResult
from textual.color import Color
from textual.containers import VerticalScroll
from textual.content import Content
from textual.style import Style
from textual.widgets import Static

from layerscope import text
from layerscope.analysis.findings.finding import Finding
from layerscope.tui.paint import wrap

_COLORS = {"-": "removed", "+": "added", "#": "quiet"}
"""Colours of lines by their first character."""
_INDENT = "    "
"""Indent of the continuation of a line that does not fit."""


class FixPane(VerticalScroll, can_focus=True):
    """Why a finding matters, and its fix; scrolls if long."""

    DEFAULT_CSS = """
    FixPane { padding: 0 1; scrollbar-size-vertical: 1; background: $background; }
    FixPane > Static { width: 1fr; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._body = Static(markup=False)
        self._finding: Finding | None = None
        self.whole = False
        """Whether to show the whole fix even if there is a diff."""
        self.hint = ""
        """The text shown while the cursor is not on a finding."""

    def compose(self) -> ComposeResult:
        yield self._body

    def show_finding(self, finding: Finding | None) -> None:
        """Show another finding."""
        if finding is None or finding is not self._finding:
            self._finding = finding
            self._write()
            self.scroll_home(animate=False)

    def toggle(self) -> None:
        """Switch between the whole fix and the diff."""
        self.whole = not self.whole
        self._write()
        self.scroll_home(animate=False)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._write()

    def on_resize(self) -> None:
        self._write()

    def _write(self) -> None:
        finding = self._finding
        if finding is None:
            self._body.update(Content(self.hint))
            return
        changed = finding.difference and not self.whole
        lines = self._difference(finding) if changed else _whole(finding)
        parts = [(f"{line}\n", self._style(mark)) for mark, line in lines]
        why = text.safe_name(finding.why)
        self._body.update(Content.assemble(f"{why}\n\n", *parts))

    def _difference(self, finding: Finding) -> Iterator[tuple[str, str]]:
        """Marks and lines of the fix's comments and of its diff."""
        room = self.scrollable_content_region.width
        for line in [*finding.notes, *finding.difference.split("\n")]:
            mark, comment = line[:1], line[:1] == "#"
            shown = text.safe_name(line if comment else f"{mark} {line[1:]}")
            yield mark, "\n".join(wrap(shown, room, "" if comment else _INDENT))

    def _style(self, mark: str) -> Style:
        """The style of lines that begin with `mark`."""
        color = self.app.theme_variables.get(_COLORS.get(mark, ""))
        return Style() if color is None else Style(foreground=Color.parse(color))


def _whole(finding: Finding) -> Iterator[tuple[str, str]]:
    """Marks and lines of the fix."""
    for line in finding.fix.split("\n"):
        yield "#" if line.lstrip().startswith("#") else "", text.safe_name(line)
