"""Choices and bytes that depend on nothing but a name: the demo image's only chance."""

from __future__ import annotations

from hashlib import shake_128


def words(text: str) -> tuple[str, ...]:
    """The words of a text: how the tables of this package are written."""
    return tuple(text.split())


def noise(name: str, size: int) -> bytes:
    """Bytes without any pattern, as compressed data look."""
    return shake_128(name.encode()).digest(size)


class Dice:
    """A row of choices for a name."""

    __slots__ = ("_at", "_bytes")

    def __init__(self, name: str) -> None:
        self._bytes = noise(name, 128)
        self._at = 0

    def below(self, limit: int) -> int:
        """A number from 0 up to `limit`."""
        at = self._at
        self._at = (at + 2) % 126
        return (self._bytes[at] << 8 | self._bytes[at + 1]) % limit

    def pick(self, choices: tuple[str, ...]) -> str:
        """One of `choices`."""
        return choices[self.below(len(choices))]
