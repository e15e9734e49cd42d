"""A pane: a title line, column titles and a list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Click
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from layerscope.tui.commands import Keys, first_key
from layerscope.tui.paint import fit, fit_middle
from layerscope.tui.run_commands import Clickable, clickable

_Column = TypeVar("_Column")
MIN_LEFT_WIDTH = 12
"""Minimum width of the left text, in cells."""


class PaneTitle(Clickable, Widget):
    """A title line: the subject on the left, its state on the right. A part of the state that names a command's key runs the
    command when clicked.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"title--quiet", "title--name"}
    DEFAULT_CSS = """
    PaneTitle {
        height: 1;
        background: $background;
        & > .title--quiet { color: $quiet; }
        & > .title--name { text-style: bold; }
    }
    """

    def __init__(
        self,
        left: str = "",
        right: str = "",
        *,
        hints: Sequence[str] = (),
        named: bool = False,
        id: str | None = None,
    ) -> None:
        """`hints` are ids of commands whose keys the state may name. `named`: the subject is a path or a name, which is cut in
        the middle."""
        super().__init__(id=id)
        self._fit = fit_middle if named else fit
        self._hints = hints
        self.left = left
        self.right = right
        self.keep_left = False
        self.shorter: Sequence[str] = ()

    def show(
        self, left: str, right: str = "", *, keep_left: bool = False, shorter: Sequence[str] = ()
    ) -> None:
        """Change the texts; they must be safe for a terminal. With `keep_left`, the right one is cut before the left one.
        `shorter` are alternatives to the left one, for when it does not fit beside the last part of the right one; they
        imply `keep_left`."""
        if (left, right, keep_left, shorter) != (
            self.left,
            self.right,
            self.keep_left,
            self.shorter,
        ):
            self.left, self.right, self.keep_left, self.shorter = left, right, keep_left, shorter
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        right = f" {self.right} " if self.right else ""
        subject = self._subject(width - cell_len(right.rpartition(" · ")[2]) - 1)
        room = width - (cell_len(subject) + 1 if self.keep_left or self.shorter else MIN_LEFT_WIDTH)
        while len(right) > room and " · " in right:
            right = f" {right.partition(' · ')[2]}"  # the last part matters most
        if len(right) > room:
            right = ""
        left = self._fit(f" {subject}", width - len(right))
        name, quiet = (
            self.rich_style + self.get_component_rich_style(f"title--{part}", partial=True)
            for part in ("name", "quiet")
        )
        return Strip([Segment(left, name), *self._parts(right, quiet)])

    def _subject(self, room: int) -> str:
        """The first of the left texts that fits, otherwise the last one."""
        texts = (self.left, *self.shorter)
        return next((words for words in texts if cell_len(words) < room), texts[-1])

    def _parts(self, right: str, style: Style) -> Iterator[Segment]:
        """The state as segments: each hint is one that can be clicked."""
        keys: Keys = getattr(self.app, "keys", {})
        ids = {first_key(identifier, keys): identifier for identifier in self._hints}
        plain = ""
        for part in re.split("( · )", right):
            words = part.replace(":", " ").split()
            hint = next((ids[word] for word in words if word in ids), None)
            if hint is None:
                plain += part
                continue
            if plain:
                yield Segment(plain, style)
            plain = ""
            yield Segment(part, style + clickable(hint))
        yield Segment(plain, style)


class ColumnTitles(PaneTitle):
    """Column titles of the list below."""

    class Clicked(Message):
        """The titles were clicked at column `x`."""

        def __init__(self, x: int) -> None:
            super().__init__()
            self.x = x

    async def on_click(self, event: Click) -> None:
        self.post_message(self.Clicked(event.x))

    def render_line(self, y: int) -> Strip:
        quiet = self.rich_style + self.get_component_rich_style("title--quiet", partial=True)
        return Strip([Segment(fit(self.left, self.size.width), quiet)])


def column_at(columns: Iterable[tuple[int, _Column]], x: int) -> _Column | None:
    """The column at cell `x`; `columns` are widths and columns from left to right. None right of the last one."""
    end = 0
    for width, column in columns:
        end += width
        if x < end:
            return column
    return None


class Pane(Vertical):
    """Title, column titles and a list; the title is bright where the focus is."""

    DEFAULT_CSS = """
    Pane, Pane:focus-within { background: $background; }
    Pane:focus-within > PaneTitle > .title--name { color: $emphasis; }
    """

    # `Pane:focus-within` changes no style itself, but makes Textual restyle the title when the focus changes.

    def __init__(self, *parts: Widget | None, id: str | None = None) -> None:
        """`parts` are title, column titles and list, from top to bottom; None for a missing one."""
        super().__init__(id=id)
        self._parts = [part for part in parts if part is not None]

    def compose(self) -> ComposeResult:
        yield from self._parts
