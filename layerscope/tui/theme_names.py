"""The names of all themes, which can be checked without importing Textual."""

from __future__ import annotations

from difflib import get_close_matches

from layerscope.errors import UsageError
from layerscope.settings import Settings

THEME_NAMES = (
    "dark",
    "light",
    "textual-dark",
    "textual-light",
    "nord",
    "gruvbox",
    "catppuccin-mocha",
    "dracula",
    "tokyo-night",
    "monokai",
    "flexoki",
    "catppuccin-latte",
    "catppuccin-frappe",
    "catppuccin-macchiato",
    "solarized-light",
    "solarized-dark",
    "rose-pine",
    "rose-pine-moon",
    "rose-pine-dawn",
    "atom-one-dark",
    "atom-one-light",
    "ansi-dark",
    "ansi-light",
)
"""`dark` and `light` are layerscope's, the others Textual's."""
OWN_PREFIX = "layerscope-"
"""Prefix of the full names of layerscope's themes."""


def check_theme(settings: Settings) -> None:
    """Raise `UsageError` with similar names if the theme is unknown."""
    name = settings.theme
    if name is None or name.removeprefix(OWN_PREFIX) in THEME_NAMES[:2] or name in THEME_NAMES:
        return
    near = get_close_matches(name.lower(), THEME_NAMES, 3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"themes are: {', '.join(THEME_NAMES)}"
    raise UsageError(f"{settings.place('theme')}: unknown theme `{name}`", hint=hint)
