"""When the steps of the demo image ran. No clock is read."""

from __future__ import annotations

from datetime import UTC, datetime

BASE_TIME = int(datetime(2026, 2, 24, 1, 12, 30, tzinfo=UTC).timestamp())
"""The base was published."""
CHECKOUT_TIME = int(datetime(2026, 3, 11, 9, 31, 7, tzinfo=UTC).timestamp())
"""The sources were checked out for the build."""
BUILD_TIME = int(datetime(2026, 3, 11, 9, 40, 12, tzinfo=UTC).timestamp())
"""The build began."""


def stamp(seconds: int) -> str:
    """A time as an image config writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
