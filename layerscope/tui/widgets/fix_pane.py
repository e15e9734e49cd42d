"""Why a finding matters, and its fix as Dockerfile text."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from layerscope import text
from layerscope.analysis.findings.finding import Finding
from layerscope.tui.theme import rich_color


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
        self.hint = ""
        """The text shown while the cursor is not on a finding."""

    def compose(self) -> ComposeResult:
        yield self._body

    def show_finding(self, finding: Finding | None) -> None:
        """Show another finding."""
        if finding is None or finding is not self._finding:
            self._finding = finding
            self._write()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._write()

    def _write(self) -> None:
        words = Text()
        if self._finding is None:
            words.append(self.hint)
        else:
            quiet = rich_color(self.app.theme_variables, "quiet")
            words.append(text.safe_name(self._finding.why) + "\n\n")
            for line in self._finding.fix.split("\n"):
                comment = line.lstrip().startswith("#")
                words.append(text.safe_name(line) + "\n", quiet if comment else "")
        self._body.update(words)
        self.scroll_home(animate=False)
