"""Fixes that are known to be wrong, as `CHECK NAME` of entries of the corpus. Remove a line when its fix is right."""

from __future__ import annotations

KNOWN_WRONG: frozenset[str] = frozenset()
