"""Why a finding matters, and its fix: what it changes in the Dockerfile, or Dockerfile text."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from layerscope import text
from layerscope.analysis.findings.finding import Finding
from layerscope.tui.paint import wrap

_COLORS = {"-": "removed", "+": "added", "#": "quiet"}
"""Colours of lines by their first character."""
_INDENT = "    "
"""Before the rest of a line that does not fit."""


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
        """Whether the whole fix is shown where there is a difference."""
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
        """Show the whole fix, or the difference."""
        self.whole = not self.whole
        self._write()
        self.scroll_home(animate=False)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._write()

    def on_resize(self) -> None:
        self._write()

    def _write(self) -> None:
        words = Text()
        finding = self._finding
        if finding is None:
            words.append(self.hint)
        else:
            words.append(text.safe_name(finding.why) + "\n\n")
            if finding.difference and not self.whole:
                self._add_difference(words, finding)
            else:
                for line in finding.fix.split("\n"):
                    comment = line.lstrip().startswith("#")
                    words.append(text.safe_name(line) + "\n", self._color("#") if comment else "")
        self._body.update(words)

    def _add_difference(self, words: Text, finding: Finding) -> None:
        room = self.scrollable_content_region.width
        for line in [*finding.notes, *finding.difference.split("\n")]:
            mark, comment = line[:1], line[:1] == "#"
            shown = text.safe_name(line if comment else f"{mark} {line[1:]}")
            rows = wrap(shown, room, "" if comment else _INDENT)
            words.append("\n".join(rows) + "\n", self._color(mark))

    def _color(self, mark: str) -> str:
        """The colour of lines that begin with `mark`; "" for the usual one."""
        name = _COLORS.get(mark)
        if name is None:
            return ""
        plain = "dim" if name == "quiet" else ""
        return str(self.app.theme_variables.get(name, "")) or plain
