"""What the readers of rpm's three databases share: they give headers, take every byte for hostile, and stay within its size."""

from __future__ import annotations

from collections.abc import Iterator

from layerscope.progress import Progress, check

MOST_HEADERS = 1_000_000
"""Packages of one database."""
LARGEST = 64 << 20
"""Bytes of one header."""


class UnreadableDatabaseError(Exception):
    """A database that is damaged, or that no rpm has made; the message says which."""


def within(
    size: int, headers: Iterator[bytes | None], progress: Progress
) -> Iterator[bytes | None]:
    """The same headers, as long as a database of `size` bytes has room for all of them.

    Raises `UnreadableDatabaseError` and `CancelledError`.
    """
    for number, header in enumerate(headers):
        check(progress)
        size -= len(header or b"")
        if size < 0 or number >= MOST_HEADERS:
            raise UnreadableDatabaseError("its packages are more than it has room for")
        yield header
