"""Bars of two parts side by side, for HTML reports."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup
from msgspec import Struct

from layerscope.report.html_parts import CELL, macros
from layerscope.report.options import ReportOptions
from layerscope.text import clip, clip_start, size

_BARS = 200
"""Maximum bars: the last ones are drawn."""
_HEIGHT, _TOP, _LEFT, _FOOT = 220, 14, 76, 26
"""Pixels of the bars, above them, left of them for sizes, and below them for names."""
_LABEL = 12
"""Characters of a name below a bar."""


class Bar(Struct, frozen=True):
    """A bar."""

    name: str
    about: str
    """Its tooltip."""
    upper: int
    """Bytes of its upper part."""
    lower: int
    """Bytes of its lower part."""


def columns(
    bars: Sequence[Bar], label: str, legend: tuple[str, str], options: ReportOptions
) -> Markup:
    """A chart of bars, of which at least one has bytes; `legend` names the upper and the lower parts. All texts are safe to show."""
    shown = bars[-_BARS:]
    width = max(min(900 // len(shown), 90), 14)
    largest = max(bar.upper + bar.lower for bar in shown) or 1
    columns_drawn = []
    for number, bar in enumerate(shown):
        upper, lower = (_HEIGHT * part / largest for part in (bar.upper, bar.lower))
        columns_drawn.append(
            {
                "x": _LEFT + number * width + width // 8,
                "width": width - width // 4,
                "y": f"{_TOP + _HEIGHT - upper - lower:.1f}",
                "height": f"{upper:.1f}",
                "middle": f"{_TOP + _HEIGHT - lower:.1f}",
                "unchanged": f"{lower:.1f}",
                "title": clip(bar.about, CELL),
                "label": clip_start(bar.name, min(_LABEL, width // 7)) if width >= 28 else "",
                "center": _LEFT + number * width + width // 2,
            }
        )
    lines = [
        {"y": f"{_TOP + _HEIGHT * (1 - part):.1f}", "text": size(int(largest * part), binary=options.binary_sizes)}
        for part in (0, 0.5, 1)
    ]  # fmt: skip
    chart: Markup = macros(options).columns(
        columns_drawn,
        lines,
        _LEFT + len(shown) * width,
        _TOP + _HEIGHT + _FOOT,
        _LEFT,
        _TOP + _HEIGHT + 18,
        label,
        list(zip(("new", "same"), legend, strict=True)),
    )
    return chart
