"""Words about steps that titles and fixes share."""

from __future__ import annotations

from collections.abc import Sequence

NAMED = 3
"""Steps or paths that a sentence names."""


def steps_named(numbers: Sequence[int]) -> str:
    """`step 4`, or `steps 4, 6, 9 and more`."""
    shown = ", ".join(map(str, numbers[:NAMED])) + (" and more" if len(numbers) > NAMED else "")
    return f"step{'' if len(numbers) == 1 else 's'} {shown}"
