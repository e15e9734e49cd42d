"""The header of one image: its name, stored and wasted bytes, efficiency, and the views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment

from layerscope import text
from layerscope.analysis.headline import BETWEEN, Role
from layerscope.tui.paint import fit
from layerscope.tui.run_commands import clickable
from layerscope.tui.session import Session
from layerscope.tui.widgets.header import ScreenHeader
from layerscope.words import Severity

SHORTEST = 2
"""Levels of shortening."""
_TOTALS = ((0, 0), (1, 0), (SHORTEST, 0), (1, 1), (SHORTEST, 1), (SHORTEST, SHORTEST))
_VIEWS = ((0, 0), (1, 0), (1, 1), (SHORTEST, SHORTEST))
"""Levels of shortening for the left and the right end, in the order in which they are tried: the image is shortened before the
figures."""
_OPENS = {
    Role.AVOIDABLE: "view.findings",
    Role.BASE: "view.findings",
    Role.RISK: "view.findings",
    "waste": "view.waste",
}
"""The view that a click on a figure opens."""
GAP = 1
"""Cells between the two ends of a line."""


class ImageHeader(ScreenHeader):
    """Two lines and a rule: the image with its totals, and the views."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "header--waste",
        *(f"header--{role}" for role in Role),
    }
    DEFAULT_CSS = """
    ImageHeader {
        & > .header--base { color: $quiet; }
        & > .header--avoidable, & > .header--waste { color: $waste; text-style: bold; }
        & > .header--risk { color: $removed; text-style: bold; }
    }
    """

    def __init__(self, session: Session, views: dict[str, str], *, id: str | None = None) -> None:
        """`views` are the titles of all views by name, in order."""
        super().__init__(id=id)
        self._session = session
        self._views = views
        self._view = next(iter(views))

    def show_view(self, view: str) -> None:
        """Highlight the current view."""
        self._view = view
        self.refresh()

    def paint_line(self, y: int) -> list[Segment]:
        if y == 0:
            return self._fitting(self._identity, self._totals, _TOTALS)
        return self._fitting(self._tabs, self._state, _VIEWS)

    def _fitting(
        self,
        left: Callable[[int], list[Segment]],
        right: Callable[[int], list[Segment]],
        levels: Sequence[tuple[int, int]],
    ) -> list[Segment]:
        """Both ends of a line, shortened by levels until they fit."""
        for at_left, at_right in levels:
            ends = left(at_left), right(at_right)
            if sum(segment.cell_length for end in ends for segment in end) + GAP <= self.size.width:
                break
        return self.spread(*ends)

    def _identity(self, short: int) -> list[Segment]:
        image = self._session.image
        base, quiet = self.rich_style, self.style_of("quiet")
        title = text.safe_name(image.title)
        at_most = max(self.size.width // 3, 12)
        if short == SHORTEST:
            totals = sum(segment.cell_length for segment in self._totals(short))
            at_most = max(min(at_most, self.size.width - totals - GAP - 1), 4)
        if cell_len(title) > at_most:
            title = fit(
                title.rpartition("/")[2] if cell_len(title.rpartition("/")[2]) >= 4 else title,
                at_most,
            ).rstrip()
        segments = [Segment(" ", base)]
        if not short:
            segments.append(Segment("layerscope  ", quiet))
        segments.append(Segment(title, self.style_of("title")))
        if short < SHORTEST:
            segments.append(Segment(f"  {text.safe_name(str(image.platform))}", quiet))
        if not short:
            segments.append(Segment(f"  {image.source_kind}", quiet))
        return segments

    def _totals(self, short: int) -> list[Segment]:
        session, base = self._session, self.rich_style
        if session.opened is None:
            sent = [session.sent_bytes(layer) or 0 for layer in range(len(session.indexes))]
            so_far = f"{text.size(session.stored_so_far)} so far"
            words = (
                f"{f'{text.size(sum(sent))} compressed' if any(sent) else so_far} · {self.work} "
            )
            return [Segment(words, self.style_of("quiet"))]
        if session.fixed:
            return self._with_fixes(session.opened.accounting.stored, short)
        accounting = session.opened.accounting
        share = text.percent(accounting.wasted, accounting.stored)
        parts: list[tuple[str, str]] = [*session.headline(short=bool(short))]
        wasted = "nothing wasted"
        if accounting.wasted:
            wasted = (
                f"{share} wasted" if short else f"{text.size(accounting.wasted)} wasted ({share})"
            )
        parts.append((wasted, "waste" if accounting.wasted else Role.STORED))
        if short < SHORTEST:
            parts.append((f"efficiency {100 * accounting.efficiency:.1f} %", Role.STORED))
        segments: list[Segment] = []
        for words, role in parts:
            opens = clickable(_OPENS[role]) if role in _OPENS else base
            segments += (Segment(BETWEEN, base), Segment(words, self.style_of(role) + opens))
        return [*segments[1:], Segment(" ", base)]

    def _with_fixes(self, stored: int, short: int) -> list[Segment]:
        """The stored bytes with the marked findings fixed."""
        saved = self._session.fixed_bytes
        fixes = text.count_of(len(self._session.fixed), "fix", "fixes")
        before = f"{text.size(stored)} → " if short else f"{text.size(stored)} stored → "
        after = f" with {fixes} " if short else f" with {fixes}, {text.size(saved)} less "
        return [
            Segment(before, self.rich_style),
            Segment(text.size(stored - saved), self.style_of("title")),
            Segment(after, self.rich_style),
        ]

    def _tabs(self, short: int) -> list[Segment]:
        """The names of the views, some with a figure. Without room for all, a view without a figure is only its key,
        except for the current one."""
        figures = self._figures()
        titles = dict(self._views)
        gap = 1 if short == SHORTEST else 2

        def room() -> int:
            figured = sum(len(figure) + 1 for figure in figures.values())
            return 1 + figured + sum(len(title) + gap for title in titles.values())

        for kept in (figures, ()):
            if short == SHORTEST and room() > self.size.width:
                titles = {
                    view: title if view == self._view or view in kept else title.partition(" ")[0]
                    for view, title in titles.items()
                }
        segments = [Segment(" ", self.rich_style)]
        for view, title in titles.items():
            style = self.style_of("tab" if view == self._view else "quiet")
            opens = clickable(f"view.{view}")
            segments.append(Segment(title, style + opens))
            if view in figures:
                segments.append(Segment(f" {figures[view]}", self.style_of("waste") + opens))
            segments.append(Segment(" " * gap, self.rich_style))
        return segments

    def _figures(self) -> dict[str, str]:
        """Figures that are shown after the titles of views, by view."""
        session, figures = self._session, dict[str, str]()
        if session.opened is not None and session.opened.accounting.wasted:
            figures["waste"] = text.size(session.opened.accounting.wasted)
        if session.findings is not None and session.findings.found:
            found = session.findings.found
            secrets = session.secrets
            figures["findings"] = (
                f"{len(found)}{f' {Severity.ERROR.glyph}{secrets}' if secrets else ''}"
            )
        return figures

    def _state(self, short: int) -> list[Segment]:
        session = self._session
        state = session.digest_state()
        quiet = self.style_of("waste" if state.bad else "quiet")
        if self.work and session.opened is not None:
            return [Segment(f"{self.work} ", self.style_of("quiet"))]
        if short == SHORTEST:
            return [Segment(f"{state.short} ", quiet)]
        if short:
            return [Segment(f"{state.word} ", quiet)]
        layers = text.count_of(len(session.image.layers), "layer")
        steps = text.count_of(session.image.recorded_steps, "step")
        warnings = len(session.opened.warnings) if session.opened else len(session.image.warnings)
        count = f" · {text.count_of(warnings, 'warning')}" if warnings else ""
        return [
            Segment(f"{layers} · {steps}{count} · ", self.style_of("quiet")),
            Segment(f"{state.word} ", quiet),
        ]
