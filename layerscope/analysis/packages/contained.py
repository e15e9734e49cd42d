"""Packages that a program or an archive contains: what its readers return, and how they fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class UnreadableContentError(Exception):
    """The content of a file is damaged, or larger than a real one; the message says why."""

    def __init__(self, why: str, found: Sequence[Contained] = ()) -> None:
        super().__init__(why)
        self.found = found
        """What could be read."""


@dataclass(frozen=True, slots=True)
class Contained:
    """A package in a file. Names are hostile."""

    kind: str
    name: str
    version: str
    owner: bool = False
    """Whether the file belongs to it; others are only part of it."""
    inside: str = ""
    """The archive in the file that holds it, as a path; empty for the file itself."""
