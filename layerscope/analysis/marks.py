"""Searches many contents for many expressions at once.

Hyperscan searches a gigabyte or two a second, whatever the number of expressions, and lets other threads run meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import hyperscan

Content = bytes | memoryview
_SEPARATOR = b"\0"
"""Separates contents, so that no match begins in one and ends in the next."""
_PADDING = bytes(64)
"""Appended to the searched text: Vectorscan 5.4.12, which is in Hyperscan's wheels, misses some matches at the very end."""
_MAX_PLACES = 1 << 14
"""Maximum matches in one search; each costs time, and hostile contents can consist of nothing else."""


class Marks:
    """Expressions in Hyperscan's syntax, none of which matches a NUL or a line break. Safe to use from several threads."""

    def __init__(self, expressions: Sequence[str]) -> None:
        self._expressions = [expression.encode() for expression in expressions]
        self._lock = threading.Lock()
        self._database: hyperscan.Database | None = None
        self._of_thread = threading.local()

    def places(self, *contents: Content) -> list[tuple[int, int]]:
        """The ends of matches in contents separated by a byte, ascending, each with the number of its expression; at most
        `_MAX_PLACES`.
        """
        matches: list[tuple[int, int]] = []

        def take(mark: int, _start: int, end: int, _flags: int, _context: object) -> bool:
            matches.append((end, mark))
            return len(matches) >= _MAX_PLACES

        import hyperscan

        database, scratch = self._compiled()
        try:
            joined = _SEPARATOR.join((*contents, _PADDING))
            database.scan(joined, match_event_handler=take, scratch=scratch)
        except hyperscan.ScanTerminated:
            pass
        except (hyperscan.NoMemoryError, hyperscan.BadAllocationError) as error:
            raise MemoryError from error
        return matches

    def holders(self, contents: Sequence[Content]) -> list[int]:
        """Which of these contents may have a match, ascending; all others certainly have none."""
        ends = self.places(*contents)
        if not ends:
            return []
        holders: list[int] = []
        stop, number = 0, -1
        for end, _ in ends:
            while end > stop:
                number += 1
                stop += len(contents[number]) + 1
            if not holders or holders[-1] != number:
                holders.append(number)
        if len(ends) >= _MAX_PLACES:
            holders += range(number + 1, len(contents))
        return holders

    def _compiled(self) -> tuple[Any, Any]:
        """The compiled database, and scratch memory for this thread."""
        import hyperscan

        with self._lock:
            if self._database is None:
                database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
                database.compile(
                    expressions=self._expressions,
                    ids=list(range(len(self._expressions))),
                    elements=len(self._expressions),
                    flags=[0] * len(self._expressions),
                )
                self._database = database
            scratch = getattr(self._of_thread, "scratch", None)
            if scratch is None:
                scratch = self._of_thread.scratch = hyperscan.Scratch(self._database)
        return self._database, scratch
