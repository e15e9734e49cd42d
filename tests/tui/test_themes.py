"""Themes: text is legible in each, with few colours and with none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.style import Style
from textual.color import Color
from textual.pilot import Pilot
from textual.theme import BUILTIN_THEMES, Theme

from layerscope.tui.app import LayerscopeApp
from layerscope.tui.paint import RowPainter
from layerscope.tui.theme import (
    DARK,
    LIGHT,
    QUIET_CONTRAST,
    TEXT_CONTRAST,
    contrast,
    hues,
    legible,
    text_color,
    variable_defaults,
)
from layerscope.tui.widgets.tile_map import FILL, LIT
from tests.tui.explorer import explorer, loaded

Compare = Callable[..., bool]
TEXTS = ("added", "modified", "metadata", "removed", "waste", "directory", "emphasis")
QUIET = ("quiet", "bar")
OTHERS = [theme for theme in BUILTIN_THEMES.values() if not theme.ansi]


def _apart(one: str, other: str) -> float:
    return contrast(Color.parse(one), Color.parse(other))


def test_contrast_is_that_of_wcag() -> None:
    """Known contrasts: black on white is 21, a colour on itself 1, #767676 on white 4.54."""
    assert _apart("#000000", "#ffffff") == pytest.approx(21)
    assert _apart("#336699", "#336699") == 1
    assert _apart("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_our_themes_are_legible(theme: Theme) -> None:
    """Text has a contrast of 4.5 and quiet text of 3 on the background, in dialogs, and under the cursor."""
    words = theme.variables
    grounds = (theme.background, theme.surface, words["cursor"], words["cursor-blurred"])
    for ground in grounds:
        assert ground is not None
        assert theme.foreground is not None
        assert _apart(theme.foreground, ground) >= TEXT_CONTRAST
        for name in TEXTS:
            assert _apart(words[name], ground) >= TEXT_CONTRAST, (name, ground)
        for name in QUIET:
            assert _apart(words[name], ground) >= QUIET_CONTRAST, (name, ground)


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_tiles_are_legible(theme: Theme) -> None:
    """Names and borders have enough contrast on the tiles of every layer."""
    assert theme.background is not None
    assert theme.foreground is not None
    for hue in hues(theme):
        for share in (FILL, LIT):
            ground = Color.parse(theme.background).blend(Color.parse(hue), share)
            assert contrast(Color.parse(theme.foreground), ground) >= TEXT_CONTRAST
            assert contrast(Color.parse(hue), ground) >= QUIET_CONTRAST - 0.05


@pytest.mark.parametrize("theme", OTHERS, ids=[theme.name for theme in OTHERS])
def test_our_texts_are_legible_in_every_theme(theme: Theme) -> None:
    """Colours of other themes are adjusted until they have enough contrast with the background."""
    words = variable_defaults(theme)
    background = theme.to_color_system().generate()["background"]
    for name in TEXTS:
        assert _apart(words[name], background) >= TEXT_CONTRAST, name
    for name in QUIET:
        assert _apart(words[name], background) >= QUIET_CONTRAST, name
    assert set(words) <= set(DARK.variables)
    assert set(words) == set(variable_defaults(BUILTIN_THEMES["ansi-dark"]))


@pytest.mark.parametrize("theme", ["ansi-dark", "nord"])
def test_rich_knows_the_colours_of_every_theme(theme: str) -> None:
    """Rich parses all colours, including the terminal's own, which Textual names differently."""
    variables = variable_defaults(BUILTIN_THEMES[theme])
    for name in (*TEXTS, *QUIET):
        assert Style.parse(text_color(variables, name)).color is not None
    assert Style.parse(text_color({}, "quiet")).color is not None


def test_legible_colours_stay() -> None:
    """A colour with enough contrast is not changed."""
    assert legible("#262a33", "#fbfaf7", 4.5).lower() == "#262a33"
    assert _apart(legible("#ffa62b", "#e0e0e0", 4.5), "#e0e0e0") >= 4.5


def test_a_reversed_row_has_one_colour() -> None:
    """If the cursor is shown in reverse, rows have no colours, which would become backgrounds."""
    red = Style(color="red", bold=True)
    plain = RowPainter(Style(reverse=True), plain=True).add("x", red).segments[0].style
    assert plain is not None
    assert (plain.color, plain.bold, plain.reverse) == (None, True, True)
    full = RowPainter(Style(), plain=False).add("x", red).segments[0].style
    assert full is not None
    assert full.color is not None


async def test_every_theme_of_the_palette_works(demo_image: Path) -> None:
    """Each available theme can be switched to, and sets the quiet colour."""
    app = explorer(demo_image)
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await loaded(pilot)
        for name in app.available_themes:
            app.theme = name
            await pilot.pause()
            quiet = screen.explore.steps.style_of("quiet").color
            assert quiet is not None
            expected = app.theme_variables["quiet"]
            assert quiet == Color.parse(expected).rich_color


def _prepared(*keys: str, theme: str | None = None) -> Callable[[Pilot[Any]], Any]:
    async def prepare(pilot: Pilot[Any]) -> None:
        if theme is not None:
            pilot.app.theme = theme
        await loaded(pilot)
        await pilot.press(*keys)
        await pilot.pause()

    return prepare


KEYS = (*["down"] * 9, "tab", "enter", "down")
"""Keys that focus the expanded files of the step that changes attributes."""


@pytest.fixture
def app(demo_image: Path) -> LayerscopeApp:
    """The explorer on the bundled image."""
    return explorer(demo_image)


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light", "textual-light"])
def test_theme(snap_compare: Compare, app: LayerscopeApp, theme: str) -> None:
    """The terminal's own colours, and a theme of Textual."""
    assert snap_compare(app, terminal_size=(120, 30), run_before=_prepared(*KEYS, theme=theme))


@pytest.mark.parametrize(
    "keys", [KEYS, ("2",), ("question_mark",)], ids=["explore", "waste", "help"]
)
def test_no_color(
    snap_compare: Compare, demo_image: Path, monkeypatch: pytest.MonkeyPatch, keys: tuple[str, ...]
) -> None:
    """Without colours, glyphs show changes; the cursor is reversed, or underlined in panes without the focus."""
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(explorer(demo_image), terminal_size=(120, 30), run_before=_prepared(*keys))


@pytest.mark.parametrize(
    ("system", "chosen"), [("standard", "ansi-dark"), ("truecolor", DARK.name)]
)
async def test_a_terminal_of_16_colours_keeps_its_own(
    demo_image: Path, monkeypatch: pytest.MonkeyPatch, system: str, chosen: str
) -> None:
    """With 16 colours, the dark and the light theme are replaced by those of the terminal."""
    app = explorer(demo_image)
    monkeypatch.setattr(type(app.console), "color_system", system)
    app = explorer(demo_image)
    async with app.run_test(size=(80, 24)) as pilot:
        await loaded(pilot)
        assert app.theme == chosen
        await pilot.press("ctrl+t")
        await pilot.pause()
        assert app.theme == ("ansi-light" if system == "standard" else LIGHT.name)
