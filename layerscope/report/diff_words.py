"""Words and signs that the parts of a text comparison share."""

from __future__ import annotations

from collections.abc import Iterable

from layerscope.report.console import Paper, Part
from layerscope.text import size


def signed(count: int, *, binary: bool) -> str:
    """Bytes that came, with a plus, or that went."""
    return f"{'+' if count > 0 else ''}{size(count, binary=binary)}"


def growth_style(count: float) -> str:
    """Growth stands out, and so does what shrinks."""
    return "yellow" if count > 0 else "green" if count < 0 else "dim"


def listed(counts: Iterable[tuple[int, str]]) -> str:
    """Counts with their words: 3 added, 1 removed. What there is none of is left out."""
    return ", ".join(f"{count:,} {word}" for count, word in counts if count)


def write_heading(paper: Paper, title: str, *parts: Part | str) -> None:
    """Write the first line of a section, after an empty one; on more lines if it is longer than they are."""
    paper.line()
    styled = [(part, "") if isinstance(part, str) else part for part in parts]
    paper.flow([(title, "bold"), *styled], between="  ")
