"""The scrollbar that all lists and texts have: one cell, quiet in every theme."""

from __future__ import annotations


def thin_scrollbar(selector: str, background: str = "$background") -> str:
    """The rule, for a `DEFAULT_CSS`, of what `selector` finds on a `background`."""
    return f"""
    {selector} {{
        scrollbar-size-vertical: 1;
        scrollbar-color: $rule; scrollbar-color-hover: $quiet; scrollbar-color-active: $quiet;
        scrollbar-background: {background}; scrollbar-background-hover: {background};
        scrollbar-background-active: {background};
    }}
    """
