"""Words about layers that titles and fixes share."""

from __future__ import annotations

from collections.abc import Sequence

NAMED = 3
"""Layers or paths that a sentence names."""


def layers_named(numbers: Sequence[int]) -> str:
    """`layer 4`, or `layers 4, 6, 9 and more`: by these people know steps that store something."""
    shown = ", ".join(map(str, numbers[:NAMED])) + (" and more" if len(numbers) > NAMED else "")
    return f"layer{'' if len(numbers) == 1 else 's'} {shown}"
