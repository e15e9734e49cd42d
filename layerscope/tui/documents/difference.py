"""A unified diff of two texts; bounded, and cancellable."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import Match, SequenceMatcher

from msgspec import Struct

from layerscope.progress import Progress, check
from layerscope.tui.documents.base import Piece, clipped, matching_rows

MAX_LINES = 4000
"""Maximum number of changed lines of a version that are compared."""
CONTEXT = 3
"""Unchanged lines shown around a difference."""

Row = tuple[int, int, str, str]
"""Line numbers before and after (0 for none), the mark, the line."""

_STYLES = {"-": "removed", "+": "added", "@": "metadata"}


class _Matcher(SequenceMatcher[str]):
    """A `SequenceMatcher` that can be cancelled."""

    progress: Progress

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> Match:
        check(self.progress)
        return super().find_longest_match(alo, ahi, blo, bhi)


class DiffDocument(Struct):
    """A unified diff."""

    rows: list[Row]
    added: int
    removed: int
    complete: bool
    """Whether all lines were compared; if not, there may be more differences."""

    @classmethod
    def of(cls, old: Sequence[str], new: Sequence[str], progress: Progress) -> DiffDocument:
        """Compare two lists of lines. Raises `CancelledError`."""
        start = _common(old, new)
        end = _common(old[start:][::-1], new[start:][::-1])
        before, after = old[start : len(old) - end], new[start : len(new) - end]
        complete = max(len(before), len(after)) <= MAX_LINES
        matcher = _Matcher(None, [], [], autojunk=True)
        matcher.progress = progress
        matcher.set_seqs(before[:MAX_LINES], after[:MAX_LINES])
        changes = [
            (start + a, start + b, start + c, start + d)
            for tag, a, b, c, d in matcher.get_opcodes()
            if tag != "equal"
        ]
        document = cls([], 0, 0, complete)
        document._append(old, new, changes)
        return document

    def _append(
        self, old: Sequence[str], new: Sequence[str], changes: list[tuple[int, int, int, int]]
    ) -> None:
        """Add rows for the differences and their context."""
        at = -1
        """The line of `old` up to which there are rows."""
        for number, (a, b, c, d) in enumerate(changes):
            first = max(a - CONTEXT, 0)
            if at < 0 or first > at:
                self.rows.append((0, 0, "@", f"@@ line {a + 1:,} → {c + 1:,} @@"))
                at = first
            self._equal(old, at, a, c - a)
            self.rows += ((line + 1, 0, "-", old[line]) for line in range(a, b))
            self.rows += ((0, line + 1, "+", new[line]) for line in range(c, d))
            self.removed += b - a
            self.added += d - c
            until = min(b + CONTEXT, len(old))
            if number + 1 < len(changes):
                until = min(until, changes[number + 1][0])
            self._equal(old, b, until, d - b)
            at = until

    def _equal(self, old: Sequence[str], start: int, end: int, shift: int) -> None:
        self.rows += ((line + 1, line + 1 + shift, " ", old[line]) for line in range(start, end))

    def __len__(self) -> int:
        return len(self.rows)

    def label(self, row: int) -> str:
        before, after, _, _ = self.rows[row]
        return f"{before or '':>5} {after or '':>5}"

    def pieces(self, row: int) -> list[Piece]:
        _, _, mark, line = self.rows[row]
        if mark == "@":
            return [(line, "metadata")]
        return [(f"{mark} {clipped(line)}", _STYLES.get(mark, ""))]

    def matching(self, pattern: re.Pattern[str], cancelled: Callable[[], bool]) -> list[int]:
        return matching_rows(self, pattern, cancelled)


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    """Number of equal leading lines."""
    for number, (before, after) in enumerate(zip(old, new, strict=False)):
        if before != after:
            return number
    return min(len(old), len(new))
