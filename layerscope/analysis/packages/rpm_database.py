"""Limits on headers from untrusted files, for the readers of rpm's three database formats."""

from __future__ import annotations

from collections.abc import Iterator

from layerscope.progress import Progress, check

MAX_HEADERS = 1_000_000
"""Maximum packages of one database."""
MAX_HEADER_BYTES = 64 << 20
"""Maximum bytes of one header."""


class UnreadableDatabaseError(Exception):
    """A database that is damaged or not written by rpm; the message says why."""


def limit_headers(
    size: int, headers: Iterator[bytes | None], progress: Progress
) -> Iterator[bytes | None]:
    """The same headers, as long as their total does not exceed `size`, the bytes of the database.

    Raises `UnreadableDatabaseError` and `CancelledError`.
    """
    for number, header in enumerate(headers):
        check(progress)
        size -= len(header or b"")
        if size < 0 or number >= MAX_HEADERS:
            raise UnreadableDatabaseError("its packages are larger than the file")
        yield header
