"""Formatting that the parts of the text comparison share."""

from __future__ import annotations

from collections.abc import Iterable

from layerscope.report.console import Console, Part
from layerscope.text import size


def signed(count: int, *, binary: bool) -> str:
    """A size with its sign."""
    return f"{'+' if count > 0 else ''}{size(count, binary=binary)}"


def growth_style(count: float) -> str:
    """The style of a difference in bytes."""
    return "yellow" if count > 0 else "green" if count < 0 else "dim"


def listed(counts: Iterable[tuple[int, str]]) -> str:
    """Counts with their words, without zeros: 3 added, 1 removed."""
    return ", ".join(f"{count:,} {word}" for count, word in counts if count)


def write_heading(console: Console, title: str, *parts: Part | str) -> None:
    """Write an empty line, then the heading of a section, wrapped if it is too long."""
    console.line()
    styled = [(part, "") if isinstance(part, str) else part for part in parts]
    console.flow([(title, "bold"), *styled], between="  ")
