"""Two themes of our own, and the words in which every theme speaks of changes and waste."""

from __future__ import annotations

from textual.theme import BUILTIN_THEMES, Theme

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
    error="#f07178",
    dark=True,
    variables={
        "added": "#8fcf7f",
        "modified": "#e5c76b",
        "metadata": "#7dcfff",
        "removed": "#f07178",
        "waste": "#e8a355",
        "bar": "#6a86c9",
        "quiet": "#6f7690",
        "directory": "#9db9f5",
        "cursor": "#2f3f66",
        "cursor-blurred": "#262a36",
        "rule": "#343a4a",
        "border": "#343a4a",
    },
)

LIGHT = Theme(
    name="layerscope-light",
    primary="#2f5fb3",
    secondary="#1f7a99",
    accent="#2f5fb3",
    foreground="#262a33",
    background="#fbfaf7",
    surface="#f4f2ed",
    panel="#e9e6df",
    success="#3b7d2c",
    warning="#a8590b",
    error="#b3262e",
    dark=False,
    variables={
        "added": "#3b7d2c",
        "modified": "#8a6a00",
        "metadata": "#1f6f8c",
        "removed": "#b3262e",
        "waste": "#a8590b",
        "bar": "#7f9bd1",
        "quiet": "#7d7a72",
        "directory": "#24508f",
        "cursor": "#cfdcf5",
        "cursor-blurred": "#e9e6df",
        "rule": "#d3cfc5",
        "border": "#d3cfc5",
    },
)

THEMES = (DARK, LIGHT)


def named(name: str) -> str | None:
    """The full name of a theme: `dark` and `light` are ours, the others are Textual's. None if there is none."""
    known = [theme.name for theme in THEMES] + list(BUILTIN_THEMES)
    return next((found for found in (f"layerscope-{name}", name) if found in known), None)


def names() -> list[str]:
    """All names that a theme can be asked for by."""
    return ["dark", "light", *BUILTIN_THEMES]


def variable_defaults(theme: Theme) -> dict[str, str]:
    """Our words in terms of a theme that does not know them."""
    return {
        "added": "ansi_green" if theme.ansi else theme.success or "green",
        "modified": "ansi_yellow" if theme.ansi else theme.warning or "yellow",
        "metadata": "ansi_cyan" if theme.ansi else theme.secondary or "cyan",
        "removed": "ansi_red" if theme.ansi else theme.error or "red",
        "waste": "ansi_bright_red" if theme.ansi else theme.warning or "orange",
        "bar": "ansi_blue" if theme.ansi else theme.primary,
        "quiet": "ansi_bright_black" if theme.ansi else ("#808590" if theme.dark else "#75757d"),
        "directory": "ansi_bright_blue" if theme.ansi else theme.primary,
        "cursor": "ansi_blue" if theme.ansi else theme.panel or theme.primary,
        "cursor-blurred": "ansi_black" if theme.ansi else theme.surface or "#333333",
        "rule": "ansi_bright_black" if theme.ansi else ("#3a3f4a" if theme.dark else "#cccccc"),
    }
