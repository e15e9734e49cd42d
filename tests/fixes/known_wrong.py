"""What is known to be wrong: `CHECK NAME` of entries of the corpus. A line goes when its fix is right."""

from __future__ import annotations

KNOWN_WRONG: frozenset[str] = frozenset()
