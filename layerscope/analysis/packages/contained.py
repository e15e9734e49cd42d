"""Packages in a program or an archive: the results and errors of its readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class UnreadableContentError(Exception):
    """The content of a file is damaged, or larger than a real one; the message says why."""

    def __init__(self, why: str, packages: Sequence[Contained] = ()) -> None:
        super().__init__(why)
        self.packages = packages
        """The packages that could be read."""


@dataclass(frozen=True, slots=True)
class Contained:
    """A package in a file. Names are untrusted."""

    kind: str
    name: str
    version: str
    owner: bool = False
    """Whether the file belongs to it; others are only part of it."""
    inside: str = ""
    """The nested archive that contains it, as a path in the file; empty for the file itself."""
