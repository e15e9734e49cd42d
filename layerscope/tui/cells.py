"""A cell of the terminal: a character and its look."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from msgspec import Struct
from rich.cells import cell_len
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style

DEFAULT_FOREGROUND, DEFAULT_BACKGROUND = "39", "49"
ATTRIBUTES = (
    ("bold", "1", "22"),
    ("dim", "2", "22"),
    ("italic", "3", "23"),
    ("underline", "4", "24"),
    ("blink", "5", "25"),
    ("reverse", "7", "27"),
    ("strike", "9", "29"),
    ("overline", "53", "55"),
)
"""Attributes of rich with their SGR codes, on and off."""
VISIBLE_ON_SPACE = sum(
    1 << bit
    for bit, (name, _, _) in enumerate(ATTRIBUTES)
    if name in ("underline", "reverse", "strike", "overline")
)
"""Bits of the attributes that are visible on a space."""
_MAX_CACHED_STYLES = 4096
_SAME_EVERYWHERE = (
    (0x20, 0x7E),
    (0xA0, 0xAC),
    (0xAE, 0x2FF),
    (0x370, 0x482),
    (0x2010, 0x2027),
    (0x2030, 0x205E),
    (0x2070, 0x209C),
    (0x20A0, 0x20BF),
    (0x2100, 0x2BFF),
)
"""Latin, Greek, Cyrillic, punctuation, arrows, signs, boxes: one cell each in every terminal, except for wide ones."""
CERTAIN = frozenset(
    chr(code)
    for start, end in _SAME_EVERYWHERE
    for code in range(start, end + 1)
    if unicodedata.east_asian_width(chr(code)) not in "WF"
    and unicodedata.category(chr(code))[0] not in "CM"
)
"""Characters whose width terminals agree on. After any other, the column of the cursor is not certain."""


class Look(Struct, frozen=True, eq=False):
    """Colours and attributes as terminal codes. Equal looks are one object."""

    foreground: str
    """SGR codes."""
    background: str
    attributes: int
    """Bits, in the order of `ATTRIBUTES`."""
    blank: bool
    """Whether only the background shows: the look of a space, which can also be erased."""


Cell = tuple[str, Look]
"""A character with its combining characters. The second cell of a wide one has an empty text."""


class Palette:
    """Turns styles into looks, for the colours of a terminal."""

    def __init__(self, colors: ColorSystem) -> None:
        self._colors = colors
        self._looks: dict[tuple[str, str, int, bool], Look] = {}
        self._of_styles: dict[Style | None, tuple[Look, Cell]] = {}

    def blank(self, background: str) -> Cell:
        """A space on a background."""
        return " ", self._look(DEFAULT_FOREGROUND, background, 0, True)

    def space(self, look: Look) -> Cell:
        """A space that replaces a character."""
        visible = look.blank or look.attributes & VISIBLE_ON_SPACE
        return (" ", look) if visible else self.blank(look.background)

    def cells(self, segments: Iterable[Segment]) -> list[Cell]:
        """The cells of segments in a line."""
        cells: list[Cell] = []
        for text, style, control in segments:
            if control:
                continue
            look, space = self._of_styles.get(style) or self._of_style(style)
            if CERTAIN.issuperset(text):
                cells += [space if character == " " else (character, look) for character in text]
            else:
                for cluster, width in _clusters(text):
                    if width:
                        cells.append(space if cluster == " " else (cluster, look))
                        cells += [("", look)] * (width - 1)
        return cells

    def _of_style(self, style: Style | None) -> tuple[Look, Cell]:
        if len(self._of_styles) >= _MAX_CACHED_STYLES:  # themes come and go
            self._of_styles.clear()
        given = style or Style.null()
        foreground = self._codes(given, foreground=True)
        background = self._codes(given, foreground=False)
        attributes = sum(
            1 << bit for bit, (name, _, _) in enumerate(ATTRIBUTES) if getattr(given, name)
        )
        look = self._look(foreground, background, attributes, False)
        cached = self._of_styles[style] = look, self.space(look)
        return cached

    def _look(self, foreground: str, background: str, attributes: int, blank: bool) -> Look:
        key = foreground, background, attributes, blank
        cached = self._looks.get(key)
        if cached is None:
            cached = self._looks[key] = Look(*key)
        return cached

    def _codes(self, style: Style, *, foreground: bool) -> str:
        color = style.color if foreground else style.bgcolor
        if color is None:
            return DEFAULT_FOREGROUND if foreground else DEFAULT_BACKGROUND
        return ";".join(color.downgrade(self._colors).get_ansi_codes(foreground))


def _clusters(text: str) -> list[tuple[str, int]]:
    """Characters with their combining characters, and their widths in cells; control characters are left out."""
    clusters: list[str] = []
    joined = False
    for character in text:
        if unicodedata.category(character) == "Cc":
            continue
        if clusters and (joined or not cell_len(character)):
            clusters[-1] += character
        else:
            clusters.append(character)
        joined = character == "\u200d"
    return [(cluster, cell_len(cluster)) for cluster in clusters]
