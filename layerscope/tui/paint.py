"""Painting of list rows: bars, columns of fixed width, and styles that keep the row's background."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style

from layerscope.text import clip_middle, fitting

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_WIDTH_ONE = 128
"""Names of this many characters or less that are ASCII need no measuring."""


def bar(share: float, width: int) -> str:
    """A bar of eighth blocks for a share of 0 to 1; any share above 0 is visible."""
    eighths = round(max(0.0, min(share, 1.0)) * width * 8)
    if share > 0 and eighths == 0:
        eighths = 1
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)


def fit(text: str, width: int) -> str:
    """`text` in exactly `width` cells: padded with spaces, or cut with a single ellipsis."""
    if width <= 0:
        return ""
    if text.isascii():
        return text.ljust(width) if len(text) <= width else text[: width - 1] + "…"
    taken = cell_len(text)
    if taken <= width:
        return text + " " * (width - taken)
    kept = set_cell_size(text, width - 1).rstrip("…")
    return kept + "…" + " " * (width - 1 - cell_len(kept))


def fit_middle(text: str, width: int) -> str:
    """`text` in exactly `width` cells, cut in the middle: for names."""
    shown = clip_middle(text, width)
    return shown + " " * (width - cell_len(shown))


def fit_left(text: str, width: int) -> str:
    """`text` in exactly `width` cells, cut at the front: for paths."""
    if width <= 0:
        return ""
    taken = len(text) if text.isascii() else cell_len(text)
    if taken <= width:
        return text + " " * (width - taken)
    kept = text[-(width - 1) :] if width > 1 else ""
    while cell_len(kept) > width - 1 or kept.startswith("…"):
        kept = kept[1:]
    return "…" + kept + " " * (width - 1 - cell_len(kept))


def wrap(words: str, width: int, indent: str = "") -> list[str]:
    """Break safe `words` into lines of at most `width` cells, at spaces where possible; later lines are indented.

    Only spaces at the breaks are dropped.
    """
    lines: list[str] = []
    lead = ""
    width = max(width, len(indent) + 8)
    while words:
        room = width - len(lead)
        fits = max(fitting(words, room), 1)
        if fits < len(words):
            space = words.rfind(" ", 0, fits + 1)
            # A long word is cut only where it stands alone on its line.
            fits = space if space > 0 and words[:space].strip() else fits
        lines.append(lead + words[:fits].rstrip())
        words, lead = words[fits:].lstrip(" "), indent
    return lines or [""]


class RowPainter:
    """Collects the segments of one row over one background."""

    def __init__(self, base: Style, *, plain: bool = False) -> None:
        """`plain` leaves out all colours but those of `base`."""
        self.base = base
        self.plain = plain
        self.segments: list[Segment] = []

    def add(self, text: str, style: Style | None = None) -> RowPainter:
        """Append `text` in `style`, over the row's background."""
        if text:
            if style is not None and self.plain:
                style = style.without_color
            self.segments.append(Segment(text, self.base if style is None else self.base + style))
        return self
