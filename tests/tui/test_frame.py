"""The text sent for a frame must give the same screen as Textual's own painting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.geometry import Region, Size
from textual.strip import Strip

import layerscope
from layerscope.tui.cells import CERTAIN
from layerscope.tui.frame import Frame
from tests.emulator import Emulator

WIDTH, HEIGHT = 24, 9
WIDE, COMBINED, OTHERS = "日本語漢한Ａ", "e\u0301", "กعअ"
SPACE = Style(bgcolor="#101010")
STYLES = [
    SPACE,
    Style(color="#aabbcc", bgcolor="#101010"),
    Style(color="#aabbcc", bgcolor="#303030", bold=True),
    Style(color="red", italic=True, underline=True),
    Style(bgcolor="#303030", strike=True),
    Style(color="blue", bgcolor="#101010", reverse=True),
    Style(bold=True, meta={"@click": "x"}),
    Style(bold=True, dim=True),
    Style.null(),
]
CONSOLE = Console(color_system="truecolor", force_terminal=True)

Row = list[tuple[str, int]]
"""Texts with the numbers of their styles."""


def strip_of(row: Row, width: int = WIDTH) -> Strip:
    """A strip of exactly this width."""
    segments = [Segment(words, STYLES[style]) for words, style in row]
    return Strip(segments).adjust_cell_length(width, SPACE)


def whole(rows: Sequence[Row]) -> LayoutUpdate:
    """An update of the whole screen."""
    return LayoutUpdate([[strip_of(row)] for row in rows], Region(0, 0, WIDTH, len(rows)))


def painted(update: CompositorUpdate | None) -> str:
    return "" if update is None else update.render_segments(CONSOLE)


def frame(*, erases_in_color: bool = True) -> Frame:
    return Frame(Size(WIDTH, HEIGHT), ColorSystem.TRUECOLOR, erases_in_color=erases_in_color)


letters = st.text(st.sampled_from("abc  ─│█·") | st.sampled_from(WIDE), max_size=WIDTH)
words = letters | st.just(COMBINED) | letters.map(lambda text: COMBINED.join(text))
rows: st.SearchStrategy[Row] = st.lists(
    st.tuples(words, st.integers(0, len(STYLES) - 1)), max_size=4
)
screens = st.lists(rows, min_size=HEIGHT, max_size=HEIGHT)


@dataclass(frozen=True)
class Part:
    """A change of some lines between two columns."""

    lines: dict[int, Row]
    columns: tuple[int, int]


columns = st.tuples(st.integers(0, WIDTH - 1), st.integers(1, WIDTH)).map(
    lambda both: (min(both), max(both)) if both[0] != both[1] else (0, WIDTH)
)
parts = st.builds(Part, st.dictionaries(st.integers(0, HEIGHT - 1), rows, min_size=1), columns)
moves = st.integers(-3, 3)


def chops(part: Part) -> ChopsUpdate:
    """An update of a part, as Textual's compositor makes it: lines are cut at the borders of widgets."""
    x, end = part.columns
    cuts = sorted({0, x, end, WIDTH})
    lines: list[dict[int, Strip | None]] = [dict.fromkeys(cuts[:-1]) for _ in range(HEIGHT)]
    for y, row in part.lines.items():
        lines[y][x] = strip_of(row, end - x)
    spans = [(y, x, end) for y in sorted(part.lines)]
    return ChopsUpdate(lines, spans, [cuts[1:]] * HEIGHT)


@given(first=screens, changes=st.lists(screens | parts | moves, max_size=5), erases=st.booleans())
def test_a_terminal_shows_what_textual_would_paint(
    first: list[Row], changes: list[list[Row] | Part | int], erases: bool
) -> None:
    """Full frames, partial ones and scrolled lines, with wide and combining characters, give the same cells."""
    ours, painter = Emulator(WIDTH, HEIGHT, erases_in_color=erases), frame(erases_in_color=erases)
    theirs, shown = Emulator(WIDTH, HEIGHT), first
    for change in (first, *changes):
        if isinstance(change, int):
            shown = [shown[(y + change) % HEIGHT] for y in range(HEIGHT)]
            change = shown
        update = chops(change) if isinstance(change, Part) else whole(change)
        shown = shown if isinstance(change, Part) else change
        ours.send(painted(painter.paint(update)))
        theirs.send(painted(update))
        assert ours.cells() == theirs.cells()


ROWS: list[Row] = [[(f"{number} row {'─' * number}", number % 4)] for number in range(3 * HEIGHT)]


def test_unchanged_cells_are_not_sent() -> None:
    """The same frame sends nothing; a frame with one changed line sends only that."""
    painter = frame()
    first = painted(painter.paint(whole(ROWS[:HEIGHT])))
    assert painter.paint(whole(ROWS[:HEIGHT])) is None
    changed = [*ROWS[: HEIGHT - 1], [("another", 1)]]
    sent = painted(painter.paint(whole(changed)))
    assert "another" in sent
    assert "row" not in sent
    assert 0 < len(sent) < len(first) / 5


def test_a_list_that_moves_by_a_row_is_moved_by_the_terminal() -> None:
    """Below a fixed title, only the row that appears is sent, at either end."""
    title: Row = [("a title", 2)]
    painter, ours = frame(), Emulator(WIDTH, HEIGHT)
    ours.send(painted(painter.paint(whole([title, *ROWS[5 : HEIGHT + 4]]))))
    for start, new in ((6, HEIGHT + 4), (5, 5), (8, HEIGHT + 6)):
        update = whole([title, *ROWS[start : start + HEIGHT - 1]])
        sent = painted(painter.paint(update))
        ours.send(sent)
        assert f"{new} row" in sent
        assert f"{start + 4} row" not in sent
        theirs = Emulator(WIDTH, HEIGHT)
        theirs.send(painted(update))
        assert ours.cells() == theirs.cells()


def test_after_forget_everything_is_painted() -> None:
    """After another program wrote to the terminal, `forget` makes the next paint restore everything."""
    painter, ours = frame(), Emulator(WIDTH, HEIGHT)
    update = whole(ROWS[:HEIGHT])
    ours.send(painted(painter.paint(update)))
    before = ours.cells()
    ours.send("\x1b[2;3HWrote a message\x1b[41m\x1b[K\x1b[5;1H\x1b[2M\x1b[m")
    assert ours.cells() != before
    painter.forget()
    ours.send(painted(painter.paint(update)))
    assert ours.cells() == before


@pytest.mark.parametrize(
    "cluster",
    ["👨‍👩‍👧", "✔️", "🇩🇪", "न्दी", "ก็"],
    ids=["family", "variant", "flag", "script", "marks"],
)
def test_characters_of_uncertain_width_move_no_others(cluster: str) -> None:
    """Text after such characters is in the column that Textual computes, and no old cells remain."""
    painter, ours = frame(), Emulator(WIDTH, HEIGHT)
    before: list[Row] = [[("x" * WIDTH, 1)]] * HEIGHT
    ours.send(painted(painter.paint(whole(before))))
    row: Row = [(f"{cluster} name", 1), ("  -rw", 2)]
    ours.send(painted(painter.paint(whole([row, *before[1:]]))))
    width = Segment(cluster).cell_length
    line = "".join(str(cell[0]) for cell in ours.cells()[0])
    assert "x" not in line
    column = [str(cell[0]) for cell in ours.cells()[0]].index("n", width)
    assert column == width + 1
    ours.send(painted(painter.paint(whole(before))))
    assert ours.lines()[0] == "x" * WIDTH


def test_control_characters_never_reach_the_terminal() -> None:
    """Control characters in a strip are not sent."""
    row: Row = [("a\x1b[31mb\x9b2Jc\rd\n", 1)]
    sent = painted(
        frame().paint(
            LayoutUpdate([[Strip([Segment(row[0][0], STYLES[1])], 12)]], Region(0, 0, WIDTH, 1))
        )
    )
    assert "a[31mb2Jcd" in sent


def test_every_frame_ends_with_default_colours() -> None:
    """Each frame ends with a reset, so that no colours remain after the program."""
    painter = frame()
    for rows_ in (ROWS[:HEIGHT], ROWS[1 : HEIGHT + 1]):
        assert painted(painter.paint(whole(rows_))).endswith("\x1b[m")


def test_the_explorers_glyphs_are_as_wide_everywhere() -> None:
    """All glyphs in the source have a certain width: lines with others would be painted completely for each change."""
    package = Path(layerscope.__file__).parent
    sources = [*package.glob("*.py"), *package.glob("tui/**/*.py")]
    glyphs = {glyph for source in sources for glyph in source.read_text() if not glyph.isascii()}
    assert glyphs
    assert not glyphs - CERTAIN
