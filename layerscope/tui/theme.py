"""Two themes, and the colours for changes and waste in every theme."""

from __future__ import annotations

from collections.abc import Mapping

from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

TEXT_CONTRAST, QUIET_CONTRAST = 4.5, 3.0
"""Minimum contrast of text and of quiet text with the background (WCAG 2.2, 1.4.3 and 1.4.11)."""
_QUIET_DEFAULT = 3.6
_STEPS = 40

DARK = Theme(
    name="layerscope-dark",
    primary="#7aa2f7",
    secondary="#7dcfff",
    accent="#7aa2f7",
    foreground="#c8cfe4",
    background="#16181f",
    surface="#1b1e27",
    panel="#232733",
    success="#8fcf7f",
    warning="#e8a355",
    error="#f4868c",
    dark=True,
    variables={
        "added": "#8fcf7f",
        "modified": "#e5c76b",
        "metadata": "#7dcfff",
        "removed": "#f4868c",
        "waste": "#e8a355",
        "bar": "#6a86c9",
        "quiet": "#7c839d",
        "directory": "#9db9f5",
        "emphasis": "#7aa2f7",
        "cursor": "#263252",
        "cursor-blurred": "#262a36",
        "rule": "#343a4a",
        "border": "#343a4a",
        "scrollbar": "#343a4a",
        "scrollbar-hover": "#7c839d",
        "scrollbar-active": "#7c839d",
        "scrollbar-background": "#16181f",
    },
)

LIGHT = Theme(
    name="layerscope-light",
    primary="#2f5fb3",
    secondary="#17607a",
    accent="#2f5fb3",
    foreground="#262a33",
    background="#fbfaf7",
    surface="#f4f2ed",
    panel="#e9e6df",
    success="#2f6a22",
    warning="#8f4a06",
    error="#a8222a",
    dark=False,
    variables={
        "added": "#2f6a22",
        "modified": "#735800",
        "metadata": "#17607a",
        "removed": "#a8222a",
        "waste": "#8f4a06",
        "bar": "#6180bf",
        "quiet": "#716e67",
        "directory": "#24508f",
        "emphasis": "#2f5fb3",
        "cursor": "#dbe5f8",
        "cursor-blurred": "#ecebe5",
        "rule": "#d3cfc5",
        "border": "#d3cfc5",
        "scrollbar": "#d3cfc5",
        "scrollbar-hover": "#716e67",
        "scrollbar-active": "#716e67",
        "scrollbar-background": "#fbfaf7",
    },
)

THEMES = (DARK, LIGHT)

_HUES_ON_DARK = ("#7aa2f7", "#8fcf7f", "#e5c76b", "#c792ea", "#5ec4d6", "#e8a355", "#f07178")
_HUES_ON_LIGHT = ("#2f5fb3", "#3b7d2c", "#8a6a00", "#8a3fb0", "#1f7a8c", "#a8590b", "#b3262e")
_HUES_OF_TERMINAL = (
    *("ansi_bright_blue", "ansi_green", "ansi_yellow", "ansi_magenta", "ansi_cyan"),
    *("ansi_bright_red", "ansi_bright_green"),
)

_TERMINAL_COLORS = {
    "added": "ansi_green",
    "modified": "ansi_yellow",
    "metadata": "ansi_cyan",
    "removed": "ansi_red",
    "waste": "ansi_bright_red",
    "bar": "ansi_blue",
    "quiet": "ansi_bright_black",
    "directory": "ansi_bright_blue",
    "emphasis": "ansi_bright_blue",
    "cursor": "ansi_default",
    "cursor-blurred": "ansi_default",
    "rule": "ansi_bright_black",
}
"""The terminal's own colours, whose values are unknown."""


def hues(theme: Theme) -> tuple[str, ...]:
    """Colours that distinguish layers."""
    if theme.ansi:
        return _HUES_OF_TERMINAL
    return _HUES_ON_DARK if theme.dark else _HUES_ON_LIGHT


def named(name: str) -> str | None:
    """The full name of a theme, None if unknown. `dark` and `light` are layerscope's, the others Textual's."""
    known = [theme.name for theme in THEMES] + list(BUILTIN_THEMES)
    return next((found for found in (f"layerscope-{name}", name) if found in known), None)


def terminal_theme(theme: Theme) -> str:
    """The name of the dark or light theme in the terminal's own colours, as this theme is dark or light."""
    if theme.ansi:
        return theme.name
    return "ansi-dark" if theme.dark else "ansi-light"


def text_color(variables: Mapping[str, str], name: str) -> str:
    """A colour of the theme by Rich's name."""
    return variables.get(name, "default").removeprefix("ansi_")


def variable_defaults(theme: Theme) -> dict[str, str]:
    """Colour variables for a theme that lacks them, readable on its background."""
    if theme.ansi:
        return dict(_TERMINAL_COLORS)
    named = theme.to_color_system().generate()
    background = named["background"]

    def readable(name: str, ratio: float = TEXT_CONTRAST) -> str:
        return legible(named[name], background, ratio)

    def over(name: str, share: float) -> str:
        return Color.parse(background).blend(Color.parse(named[name]), share).hex6

    return {
        "added": readable("success"),
        "modified": readable("warning"),
        "metadata": readable("secondary"),
        "removed": readable("error"),
        "waste": readable("warning"),
        "bar": readable("primary", QUIET_CONTRAST),
        "quiet": legible(over("foreground", 0.5), background, _QUIET_DEFAULT),
        "directory": readable("primary"),
        "emphasis": readable("accent"),
        "cursor": over("primary", 0.3 if theme.dark else 0.2),
        "cursor-blurred": over("foreground", 0.12),
        "rule": over("foreground", 0.25),
    }


def legible(color: str, background: str, ratio: float) -> str:
    """`color`, blended towards white or black until its contrast with `background` is at least `ratio`."""
    start, ground = Color.parse(color), Color.parse(background)
    end = max(
        Color.parse("#ffffff"), Color.parse("#000000"), key=lambda each: contrast(each, ground)
    )
    for step in range(_STEPS + 1):
        drawn = start.blend(end, step / _STEPS)
        if contrast(drawn, ground) >= ratio:
            return drawn.hex6
    return end.hex6


def contrast(one: Color, other: Color) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in color.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def thin_scrollbar(selector: str, background: str = "$background") -> str:
    """A CSS rule for `DEFAULT_CSS`: thin scrollbars for `selector`, on a `background`."""
    return f"""
    {selector} {{
        scrollbar-size-vertical: 1;
        scrollbar-color: $rule; scrollbar-color-hover: $quiet; scrollbar-color-active: $quiet;
        scrollbar-background: {background}; scrollbar-background-hover: {background};
        scrollbar-background-active: {background};
    }}
    """
