"""The names of all themes, for checks that must not load what draws them."""

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
"""`dark` and `light` are ours, the others Textual's."""
OWN = "layerscope-"
"""What stands before the full names of ours."""


def check_theme(settings: Settings) -> None:
    """Raises `UsageError`, which names the nearest themes, if there is no such theme."""
    name = settings.theme
    if name is None or name.removeprefix(OWN) in THEME_NAMES[:2] or name in THEME_NAMES:
        return
    near = get_close_matches(name.lower(), THEME_NAMES, 3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"themes are: {', '.join(THEME_NAMES)}"
    raise UsageError(f"{settings.place('theme')}: unknown theme `{name}`", hint=hint)
